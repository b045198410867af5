"""N3: one liveness probe fails, and the next one does well: nothing may follow."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, holds, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec

PATIENT = "failureThreshold 3: one failed probe restarts nothing"

N3 = replace(
    S1,
    name="N3",
    title="One liveness probe fails under load",
    fault=FaultSpec("liveness-once"),
    # Longer than the two further probes that a kill needs.
    after_s=6.0,
    claims=(
        holds("requests-do-not-fail", PATIENT),
        holds("pod-stays-ready", "liveness is not asked for readiness"),
        holds("no-restart", PATIENT),
        within("slowest-answer", 0, 1, PREDICTED),
    ),
    cycles=3,
)
