"""S15: three pods, and all of them fail their liveness probe at once."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.s12 import S12
from harness.model import FaultSpec

S15 = replace(
    S12,
    name="S15",
    title="Liveness probe only, failing in all of three pods at once under load, without the activator",
    fault=FaultSpec("liveness", pods="all"),
)
