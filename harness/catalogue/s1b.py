"""S1B: S1 by a fault that needs nothing of the program: the kubelet's liveness probes are refused on the node."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.s1 import S1
from harness.model import FaultSpec

S1B = replace(
    S1,
    name="S1B",
    title="Liveness probe only, refused on the node under load",
    fault=FaultSpec("liveness-blocked"),
    cycles=3,
)
