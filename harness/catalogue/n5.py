"""N5: clients give up before they are answered, which must never be taken for a refused request."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken, holds, within
from harness.catalogue.s23 import S23
from harness.model import LoadPlan

N5 = replace(
    S23,
    name="N5",
    title="Clients cancel after 1 s while the app hangs",
    load=LoadPlan(rate_rps=50.0, deadline_s=1.0, in_flight_cap=200),
    hold_s=5.0,
    claims=(
        broken("requests-do-not-fail", "each client gives up after its deadline of 1 s"),
        holds(
            "ready-pod-is-not-refused",
            "the port accepts throughout; cancelled is not refused (knative/serving #14818)",
        ),
        holds("pod-stays-ready", "the default readiness probe is TCP"),
        holds("no-restart", "no liveness probe asks"),
        within("failed-requests", 150, 300, PREDICTED, "timeout"),
        within("failed-requests", 20, 100, PREDICTED, "reset-in-flight"),
        within("other-failures", 0, 0, PREDICTED, "timeout", "reset-in-flight"),
    ),
)
