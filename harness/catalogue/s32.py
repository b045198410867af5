"""S32: the liveness probe fails in every new container, too: one pod is restarted every 29 s, and the kubelet's back-off grows."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec, LoadPlan, Probe

S32 = replace(
    S1,
    name="S32",
    title="Liveness failing under load in each container of one pod, five times in a row",
    service=S1.service.with_probes(liveness=Probe(path="/healthz", period_s=1, failure_threshold=3, initial_delay_s=25)),
    fault=FaultSpec("liveness", {"persistent": True}),
    # What waits for 45 s at 10 rps are 450 requests at once.
    load=LoadPlan(rate_rps=10.0, deadline_s=100.0),
    # Ends while the fifth restart waits for its back-off; the fault is taken back as soon as the sixth container runs.
    hold_s=150.0,
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "knative/serving #14980, once for each restart")),
        claim("pod-stays-ready", broken_on(">=1.7", "the kubelet publishes that the container waits for its next start")),
        within("restarts", 4, 6, PREDICTED, versions=">=1.7"),
        within("failed-requests", 180, 480, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 0, 60, PREDICTED, "activator", versions=">=1.7"),
        within("other-failures", 0, 20, PREDICTED, "refused-dial", "activator", versions=">=1.7"),
        # Without back-off nobody waits.
        within("slowest-answer", 30, 90, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
