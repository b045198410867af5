"""S6: the same check as readiness probe, and it gives up two periods before the liveness probe does."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import Probe

HAND = "tried by hand at 1.23: 0 failed requests in each of 3 restarts"

S6 = replace(
    S1,
    name="S6",
    title="The same check as readiness probe, with failureThreshold 1, failing under load",
    service=S1.service.with_probes(readiness=Probe(path="/healthz", period_s=1, failure_threshold=1)),
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.7", HAND)),
        claim("ready-pod-is-not-refused", holds_on(">=1.7", HAND)),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        within("slowest-answer", 5, 20, PREDICTED, versions=">=1.7"),
        within("slow-answers", 200, 900, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
