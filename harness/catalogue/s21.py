"""S21: the process ends at each start, for a minute: a crash loop with the kubelet's growing back-off."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec, LoadPlan

S21 = replace(
    S1,
    name="S21",
    title="The process exits at each start for a minute under load",
    # What waits for 20 s at 10 rps are 200 requests at once.
    service=replace(S1.service, timeout_s=20),
    fault=FaultSpec("exit", {"persistent": True}),
    load=LoadPlan(rate_rps=10.0),
    hold_s=60.0,
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "nobody listens for longer than timeoutSeconds")),
        claim("pod-stays-ready", broken_on(">=1.7", "the kubelet publishes that the container waits for its next start")),
        within("restarts", 3, 6, PREDICTED, versions=">=1.7"),
        within("failed-requests", 250, 1300, PREDICTED, "activator", versions=">=1.7"),
        within("failed-requests", 1, 400, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 20, PREDICTED, "activator", "refused-dial", versions=">=1.7"),
        within("slowest-answer", 10, 25, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
