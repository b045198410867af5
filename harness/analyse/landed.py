"""Whether the fault landed. Each fault defines its own proof; this module evaluates it.

The run evaluates it repeatedly over the live feed until it holds. The analysis evaluates it once over the history. Both use the
same index, `harness.faults.Sight`.
"""

from __future__ import annotations

from harness.faults import FAULTS, Case, Sight
from harness.model import FaultEvent, FaultSpec, Landed, ServiceSpec


def landed(spec: FaultSpec, service: ServiceSpec, event: FaultEvent | None, seen: Sight, after_ns: int) -> Landed:
    """Whether every part of the proof was seen, and which parts were not.

    event: the fault event; None if nothing was injected, which proves only a fault that does nothing. seen: of any pods. after_ns:
    what was seen earlier does not prove the fault.
    """
    fault = FAULTS[spec.kind]
    if event is None:
        if fault.injected:
            return Landed(proved=False, parts=(("the app was told", False, "nothing was done"),))
        event = FaultEvent(-1, spec.kind, fault.filled(spec.params), "", "", after_ns, after_ns, 0, "")
    parts = fault.proof(Case(spec, service, event, after_ns), seen)
    return Landed(proved=all(was for _, was, _ in parts), parts=parts)


def with_second(first: Landed, second: FaultSpec, proof: Landed) -> Landed:
    """The landing of a cycle with two faults: both must be proved. proof: of the second one."""
    parts = tuple((f"{second.kind}: {name}", seen, why) for name, seen, why in proof.parts)
    return Landed(first.proved and proof.proved, (*first.parts, *parts))
