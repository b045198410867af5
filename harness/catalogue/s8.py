"""S8, S8B: a readiness probe that asks something else than the liveness probe, and does well while the liveness probe fails."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import Probe

S8 = replace(
    S1,
    name="S8",
    title="Liveness failing under load, with a readiness probe on another path that does well",
    service=S1.service.with_probes(readiness=Probe(path="/readyz", period_s=1, failure_threshold=3)),
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "queue-proxy needs 3 failed probes, and the port is closed before")),
        claim("pod-stays-ready", broken_on(">=1.7", "queue-proxy's readiness fails while it drains and while the port is closed")),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        within("failed-requests", 40, 210, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 0, 100, PREDICTED, "activator", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", "activator", versions=">=1.7"),
        within("refused-window", 0.8, 4.2, PREDICTED, versions=">=1.7"),
        within("slowest-answer", 1.5, 10, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)

DRAINED = "queue-proxy's readiness fails while it drains, before the listener closes"

S8B = replace(
    S1,
    name="S8B",
    title="Liveness with Kubernetes' defaults failing under load, readiness on another path every second with failureThreshold 1",
    service=replace(
        S1.service,
        liveness=Probe(path="/healthz", period_s=10, failure_threshold=3),
        readiness=Probe(path="/readyz", period_s=1, failure_threshold=1),
    ),
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.7", "the pod leaves its endpoints while queue-proxy drains")),
        claim("ready-pod-is-not-refused", holds_on(">=1.7", "the pod leaves its endpoints while queue-proxy drains")),
        claim("pod-stays-ready", broken_on(">=1.7", DRAINED)),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        # From the drain to the first answer of the new process, not from the first failed liveness check, 20 to 31 s earlier.
        within("slowest-answer", 5, 10, PREDICTED, versions=">=1.7"),
        within("slow-answers", 200, 480, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
