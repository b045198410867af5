"""S12: three pods, Kourier straight to them, and one of the three fails its liveness probe."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.s1 import S1

S12 = replace(
    S1,
    name="S12",
    title="Liveness probe only, failing in one of three pods under load, without the activator",
    service=replace(S1.service, min_scale=3, max_scale=3, target_burst_capacity=0),
    cycles=3,
)
