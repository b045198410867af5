"""S7: the same check as readiness probe, at Kubernetes' default timing: too slow to take the pod out before the kill."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.s1 import S1
from harness.model import Probe

S7 = replace(
    S1,
    name="S7",
    title="The same check as readiness probe, with periodSeconds 10 and failureThreshold 3, failing under load",
    service=S1.service.with_probes(readiness=Probe(path="/healthz", period_s=10, failure_threshold=3)),
    cycles=3,
)
