"""Into which of the pods that stand a fault is injected."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from harness.faults import fault_named
from harness.model import FaultSpec, Pod


def drawn(fault: FaultSpec, pods: Sequence[Pod], rng: Random) -> tuple[Pod, ...]:
    """One of these pods, or all of them, as the fault asks; the first one for a fault that is done once, to the workload.

    rng: the run's own, its seed recorded. It is not asked where there is nothing to choose, so that the phases of a run of one
    pod depend on its seed alone. No pods: none.
    """
    if fault.pods == "all" and not fault_named(fault.kind).of_workload:
        return tuple(pods)
    if len(pods) < 2 or fault_named(fault.kind).of_workload or not fault_named(fault.kind).injected:
        return tuple(pods[:1])
    return (rng.choice(pods),)
