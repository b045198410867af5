"""N2: only the readiness probe fails, in the only pod."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec, Probe

N2 = replace(
    S1,
    name="N2",
    title="Readiness failing for 10 s under load",
    service=S1.service.with_probes(readiness=Probe(path="/readyz", period_s=1, failure_threshold=3)),
    fault=FaultSpec("readiness"),
    hold_s=10.0,
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.7", "the activator holds requests while no pod is ready")),
        claim("ready-pod-is-not-refused", holds_on(">=1.7", "the port accepts throughout")),
        claim("pod-stays-ready", broken_on(">=1.7", "its readiness probe fails for longer than it may")),
        claim("no-restart", holds_on(">=1.7", "a readiness probe restarts nothing")),
        within("slowest-answer", 9, 30, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
