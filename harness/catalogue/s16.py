"""S16: S1 for clients that send a failed request again: for longer than nobody listens (A), or not (B)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import Lane, LoadPlan

RESTARTS = claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed"))

S16A = replace(
    S1,
    name="S16A",
    title="S1 for clients that try again for 12.7 s",
    # 0.1 s before the first further attempt and twice as long before each next one: 12.7 s in all.
    load=LoadPlan(lanes=((Lane.GET_RETRYING, 1),), retries=7, retry_after_s=0.1),
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.7", "the last attempt of each request comes when the new container listens")),
        RESTARTS,
        within("slowest-answer", 4.9, 13.5, PREDICTED, versions=">=1.7"),
        within("slow-answers", 190, 560, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)

S16B = replace(
    S16A,
    name="S16B",
    title="S1 for clients that try again for 0.7 s",
    load=LoadPlan(lanes=((Lane.GET_RETRYING, 1),), retries=3, retry_after_s=0.1),
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "knative/serving #14980, for longer than the client tries")),
        claim("ready-pod-is-not-refused", broken_on(">=1.7", "knative/serving #14980, open at 1.23")),
        RESTARTS,
        within("failed-requests", 200, 520, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("slowest-answer", 0.3, 2, PREDICTED, versions=">=1.7"),
    ),
)
