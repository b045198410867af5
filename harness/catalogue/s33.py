"""S33: S1 (A) and S6 (B) with the autoscaler free to make more pods: whether an outage of one pod makes it scale out."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.catalogue.s6 import S6

FAST = "a refused request is no load: it is answered at once"
WAITS = "what the activator holds counts as concurrency"

S33A = replace(
    S1,
    name="S33A",
    title="S1 without a max-scale",
    service=replace(S1.service, max_scale=0),
    claims=(
        *S1.claims,
        within("failed-requests", 240, 550, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("pods", 1, 1, FAST, versions=">=1.7"),
    ),
    cycles=3,
)

S33B = replace(
    S6,
    name="S33B",
    title="S6 without a max-scale",
    service=replace(S6.service, max_scale=0),
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.7", "as S6: requests wait in the activator")),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        within("pods", 2, 9, WAITS, versions=">=1.7"),
        within("slowest-answer", 5, 20, PREDICTED, versions=">=1.7"),
        within("slow-answers", 200, 900, PREDICTED, versions=">=1.7"),
    ),
)
