"""S34: a new revision is rolled out, and the old one's pod fails its liveness probe meanwhile."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec

S34 = replace(
    S1,
    name="S34",
    title="Liveness failing in the old revision's pod while a new revision is rolled out under load",
    service=replace(S1.service, window_s=6),
    fault=FaultSpec("roll-out"),
    second=FaultSpec("liveness"),
    course="roll-out",
    # Not how often the container restarts, nor whether its pod stays Ready: it is taken away at the end.
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "knative/serving #14980, in the old revision's pod")),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "error path of queue-proxy read at knative-v1.23.0")),
        within("failed-requests", 100, 550, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 0, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 2, 11, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
