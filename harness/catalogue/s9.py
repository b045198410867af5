"""S9: the same check, but the liveness probe gives up before the readiness probe does."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import Probe

S9 = replace(
    S1,
    name="S9",
    title="The same check as readiness probe with failureThreshold 3, the liveness probe's 1, failing under load",
    service=S1.service.with_probes(
        liveness=Probe(path="/healthz", period_s=1, failure_threshold=1, timeout_s=1, initial_delay_s=10),
        readiness=Probe(path="/healthz", period_s=1, failure_threshold=3),
    ),
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "the container is stopped before the readiness probe has failed 3 times")),
        claim("pod-stays-ready", broken_on(">=1.7", "the readiness probe fails for longer than it may, before the app listens")),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        within("failed-requests", 2, 210, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 0, 100, PREDICTED, "activator", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", "activator", versions=">=1.7"),
        within("refused-window", 0.02, 4.2, PREDICTED, versions=">=1.7"),
        within("slowest-answer", 1.5, 12, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
