"""S13, S14: one of three pods fails its liveness probe, and the activator chooses the pod of each request.

S13: without a containerConcurrency it takes the better of two. S14: with 1 it takes the first that has room, by address.
"""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.catalogue.s12 import S12
from harness.model import FaultSpec

BUG = "knative/serving #14980, open at 1.23"
RESTARTS = claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed"))
ONLY_WHILE = claim("failures-only-while-not-listening", holds_on(">=1.7", "error path of queue-proxy read at knative-v1.23.0"))

S13 = replace(
    S12,
    name="S13",
    title="Liveness probe only, failing in one of three pods under load, through the activator",
    service=replace(S12.service, target_burst_capacity=-1),
    claims=(
        claim("ready-pod-is-not-refused", broken_on(">=1.7", BUG)),
        ONLY_WHILE,
        RESTARTS,
        within("failed-requests", 55, 165, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 4.5, 11, PREDICTED, versions=">=1.7"),
    ),
)

S13B = replace(
    S13,
    name="S13B",
    title="S13 in an app that answers after half a second",
    service=replace(S13.service, app=replace(S13.service.app, answer_delay_s=0.5)),
    claims=(
        *(one for one in S13.claims if one.expected[0].bounds is None),
        # A third would be 87 or so, all of them 262.
        within("failed-requests", 125, 245, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 0, 40, PREDICTED, "reset-in-flight", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", "reset-in-flight", versions=">=1.7"),
        within("refused-window", 4.5, 11, PREDICTED, versions=">=1.7"),
    ),
)

S14A = replace(
    S13,
    name="S14A",
    title="Liveness failing in the pod of three that the activator tries first, with containerConcurrency 1",
    service=replace(S13.service, container_concurrency=1),
    fault=FaultSpec("liveness", pods="first"),
    claims=(
        *S1.claims,
        within("failed-requests", 225, 550, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 4.9, 11, PREDICTED, versions=">=1.7"),
    ),
)

S14B = replace(
    S14A,
    name="S14B",
    title="Liveness failing in the pod of three that the activator tries last, with containerConcurrency 1",
    fault=FaultSpec("liveness", pods="last"),
    # Not whether none fails: a request that finds the other two pods busy goes to the third.
    claims=(
        ONLY_WHILE,
        RESTARTS,
        within("failed-requests", 0, 25, PREDICTED, versions=">=1.7"),
        within("slowest-answer", 0, 2, PREDICTED, versions=">=1.7"),
    ),
)
