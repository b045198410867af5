"""S18: S17 with Knative's default timeoutSeconds, 300, which is the grace of an app that ignores SIGTERM."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, within
from harness.catalogue.s17 import RESTARTS, S17A, S17B
from harness.model import LoadPlan

S18A = replace(
    S17A,
    name="S18A",
    title="S17A with timeoutSeconds 300",
    service=replace(S17A.service, timeout_s=300),
    # A cycle takes six minutes. In the refused window of 5.2 s 20 rps are 105 requests.
    load=LoadPlan(rate_rps=20.0),
    claims=(
        *(one for one in S17A.claims if one.expected[0].bounds is None),
        within("failed-requests", 96, 220, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 4.9, 11, PREDICTED, versions=">=1.7"),
        within("stopping", 296, 315, PREDICTED, versions=">=1.7"),
    ),
)

S18B = replace(
    S17B,
    name="S18B",
    title="S17B with timeoutSeconds 300",
    service=replace(S17B.service, timeout_s=300),
    # What waits for 280 s at 2 rps are 560 requests at once.
    load=LoadPlan(rate_rps=2.0, deadline_s=320.0),
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "knative/serving #14980, open at 1.23")),
        claim("pod-stays-ready", broken_on(">=1.7", "queue-proxy's readiness probe fails three times in 20 to 31 s")),
        RESTARTS,
        within("failed-requests", 38, 70, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 20, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 19, 34, PREDICTED, versions=">=1.7"),
        within("slowest-answer", 262, 300, PREDICTED, versions=">=1.7"),
    ),
)
