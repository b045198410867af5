"""S8: a readiness probe that asks something else than the liveness probe, and does well while the liveness probe fails."""

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
