"""S5: the same check for both probes, with the same timing: a race at the kill, so its claims are about a share of restarts.

S5: periodSeconds 1, failureThreshold 3. S5B: Kubernetes' defaults, 10 and 3: the literal advice "write the same probe twice".
"""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, claim, holds_on, share_on, within
from harness.catalogue.s1 import S1
from harness.model import Probe

RESTARTS = claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed"))

S5 = replace(
    S1,
    name="S5",
    title="The same check as readiness probe with the same timing, periodSeconds 1 and failureThreshold 3, failing under load",
    service=S1.service.with_probes(readiness=Probe(path="/healthz", period_s=1, failure_threshold=3)),
    claims=(
        claim("no-request-is-refused", share_on(">=1.7", "cycles", 0, 0.4, PREDICTED)),
        RESTARTS,
        within("failed-requests", 0, 30, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 0, 100, PREDICTED, "activator", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", "activator", versions=">=1.7"),
        within("refused-window", 0, 1, PREDICTED, versions=">=1.7"),
        within("slowest-answer", 3, 15, PREDICTED, versions=">=1.7"),
    ),
    # The exact interval of 0 of 10 is [0, 0.31], which is the least that lies within the share.
    cycles=10,
)

S5B = replace(
    S1,
    name="S5B",
    title="The same check as readiness probe with the same timing, Kubernetes' defaults, failing under load",
    service=replace(
        S1.service,
        liveness=Probe(path="/healthz", period_s=10, failure_threshold=3),
        readiness=Probe(path="/healthz", period_s=10, failure_threshold=3),
    ),
    claims=(
        claim("no-request-is-refused", share_on(">=1.7", "cycles", 0.2, 1, PREDICTED)),
        RESTARTS,
        within("probe-phase", 0.5, 7, PREDICTED, versions=">=1.7"),
        # Below S1's numbers: the pod leaves its endpoints before the app listens again, or the readiness probe did nothing.
        within("failed-requests", 0, 240, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 0, 100, PREDICTED, "activator", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", "activator", versions=">=1.7"),
        within("refused-window", 0, 4.8, PREDICTED, versions=">=1.7"),
        # From d - 0.96 s after SIGTERM until the app listens, with d from 0.5 to 5.7 s.
        within("slowest-answer", 0.5, 20, PREDICTED, versions=">=1.7"),
    ),
    cycles=12,
)
