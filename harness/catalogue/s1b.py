"""S1B: S1 by a fault that needs nothing of the program: the kubelet's liveness probes are refused on the node."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec

S1B = replace(
    S1,
    name="S1B",
    title="Liveness probe only, refused on the node under load",
    fault=FaultSpec("liveness-blocked"),
    claims=(
        *S1.claims,
        within("failed-requests", 240, 550, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 4.9, 11, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
