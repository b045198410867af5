"""No fault: what a control run asks for."""

from __future__ import annotations

from harness.faults.fault import ByHand, Case, Door, Fault, Part
from harness.faults.sight import Sight
from harness.model import FaultSpec, Procedure


class NoFault(Fault):
    """Nothing is done, so nothing is to be proved."""

    name = "none"
    door = Door.NONE
    courses = ("idle", "from-zero")
    done = "No fault was injected (a control run)"

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """It always can."""
        return ""

    def by_hand(self, fault: FaultSpec) -> ByHand:  # noqa: ARG002
        """Nothing."""
        return ByHand()

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:  # noqa: ARG002
        """Proved without evidence."""
        return (("no fault asked", True, "nothing was to be done"),)
