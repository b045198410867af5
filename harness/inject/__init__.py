"""Carries faults out and takes them back -> FaultEvent. May touch adapters; knows no other stage.

inject(handle, deployed, pod, spec, cycle=...)  once, never again by itself; the bracket of the moment it took effect
take_back(handle, deployed, pod, spec)          idempotent
last_state(handle, deployed, spec)              in words, for the message when the fault did not take hold
drawn(spec, pods, rng)                          the pods that it is injected into
random_phase(period_s, rng)                     when, within the probe period
outsider.send(deployed)                         a request that is not the generator's, for tests of the ledger

Which injector a fault needs is the fault's own word (`Fault.door`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.adapters.clock import now_ns
from harness.faults import Door, fault_named
from harness.inject.api import Api
from harness.inject.control import AppState, clear, state
from harness.inject.door import Injector
from harness.inject.phase import random_phase
from harness.inject.pods import drawn
from harness.inject.toggle import Toggle
from harness.model import ClusterHandle, Deployed, FaultEvent, FaultSpec, Pod

__all__ = ["AppState", "Injector", "clear", "drawn", "inject", "last_state", "random_phase", "state", "take_back"]

INJECTORS: Mapping[Door, Injector] = MappingProxyType({Door.TOGGLE: Toggle(), Door.API: Api()})
"""Who carries out the faults behind each door."""


def inject(handle: ClusterHandle, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
    """Carry the fault out, once; returns what was done and the answer. The event of no fault has status 0 and no answer.

    Raises FaultError when it was not carried out for certain; it may then be in all the same.
    """
    kind = fault_named(fault.kind)
    if (door := kind.door) is Door.NONE:
        now = now_ns()
        return FaultEvent(cycle, fault.kind, kind.filled(fault.params), pod.name, pod.boot, now, now, 0, "")
    return INJECTORS[door].inject(handle, deployed, pod, fault, cycle=cycle)


def take_back(handle: ClusterHandle, deployed: Deployed, pod: Pod, fault: FaultSpec) -> None:
    """End the fault, if it lasts. Raises WaitTimeout and FaultError."""
    door = fault_named(fault.kind).door
    if door is not Door.NONE:
        INJECTORS[door].take_back(handle, deployed, pod, fault)


def last_state(handle: ClusterHandle, deployed: Deployed, fault: FaultSpec) -> str:
    """What the injector's door can say of the workload now, in words; "" where it can say nothing. Raises nothing."""
    door = fault_named(fault.kind).door
    return "" if door is Door.NONE else INJECTORS[door].state(handle, deployed)
