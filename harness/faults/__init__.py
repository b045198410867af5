"""One pure file a fault, and the registry that names them. Imports model, knative and apps only.

`FAULTS[spec.kind]` is the fault of a FaultSpec. To add one: write its file, and add its class to the tuple below.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.errors import BadInput
from harness.faults.activator_delete import ActivatorDeleted
from harness.faults.edges import OF_EVERY_FAULT, Edge
from harness.faults.exit import ProcessExits
from harness.faults.fault import ApiCall, ApiFault, ByHand, Case, Door, Elsewhere, Ends, Fault, Lift, Part
from harness.faults.freeze import Freeze
from harness.faults.hang import AppHangs
from harness.faults.kill import Killed
from harness.faults.liveness import LivenessFails
from harness.faults.liveness_blocked import LivenessBlocked
from harness.faults.liveness_once import LivenessFailsOnce
from harness.faults.none import NoFault
from harness.faults.oom import OutOfMemory
from harness.faults.pod_delete import PodDeleted
from harness.faults.readiness import ReadinessFails
from harness.faults.roll_out import RollOut
from harness.faults.scale_down import ScaleDown
from harness.faults.sight import Asked, Sight

__all__ = [
    "EDGES",
    "FAULTS",
    "ApiCall",
    "ApiFault",
    "Asked",
    "ByHand",
    "Case",
    "Door",
    "Elsewhere",
    "Ends",
    "Fault",
    "Lift",
    "Part",
    "Sight",
    "fault_named",
]

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        fault.name: fault
        for fault in (
            NoFault(),
            LivenessFails(),
            ReadinessFails(),
            AppHangs(),
            ProcessExits(),
            PodDeleted(),
            RollOut(),
            ScaleDown(),
            LivenessBlocked(),
            Freeze(),
            Killed(),
            OutOfMemory(),
            ActivatorDeleted(),
            LivenessFailsOnce(),
        )
    }
)
"""Every fault by its name."""

EDGES: Mapping[str, Edge] = MappingProxyType(
    {edge.name: edge for edge in (*OF_EVERY_FAULT, *(edge for fault in FAULTS.values() for edge in fault.own_edges))}
)
"""Every edge by its name, those that only one fault shows at the end."""


def fault_named(kind: str) -> Fault:
    """The fault of this name. Raises BadInput with the names there are."""
    found = FAULTS.get(kind)
    if found is None:
        raise BadInput(f"There is no fault {kind!r}.", fix=f"Use one of: {', '.join(FAULTS)}.")
    return found
