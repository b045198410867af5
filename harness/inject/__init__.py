"""Carries faults out and takes them back -> FaultEvent. May touch adapters; knows no other stage.

ClusterAccess(handle, engine, see=...)          the cluster as injectors see it: the API, and the node where it is ours
inject(access, deployed, pod, spec, cycle=...)  once, never again by itself; the bracket of the moment it took effect
look(access, event)                             records what the fault's door shows of it
take_back(access, deployed, pod, spec)          idempotent
last_state(access, deployed, spec)              in words, for the message when the fault did not take hold
require_kernel(kinds, engine, node)             refuses what the kernel of the node, or of this host, cannot do
sweep(handle, engine)                           undoes what a run that was killed left behind on the node
drawn(spec, pods, rng)                          the pods of the workload that it is injected into
elsewhere(access, spec, rng)                    the pod that it is injected into if that is none of the workload's
random_phase(period_s, rng)                     when, within the probe period
outsider.send(deployed)                         a request that is not the generator's, for tests of the ledger

Which injector a fault needs is the fault's own word (`Fault.door`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.adapters.clock import now_ns
from harness.faults import Door, fault_named
from harness.inject.access import ClusterAccess, doors_of, sweep
from harness.inject.api import Api
from harness.inject.control import AppState, clear, state
from harness.inject.door import Injector
from harness.inject.kernel import lacking, require_kernel, standing
from harness.inject.node import Node
from harness.inject.phase import random_phase
from harness.inject.pods import drawn, elsewhere
from harness.inject.toggle import Toggle
from harness.model import Deployed, FaultEvent, FaultSpec, Pod

__all__ = [
    "AppState",
    "ClusterAccess",
    "Injector",
    "clear",
    "doors_of",
    "drawn",
    "elsewhere",
    "inject",
    "lacking",
    "last_state",
    "look",
    "random_phase",
    "require_kernel",
    "standing",
    "state",
    "sweep",
    "take_back",
]

INJECTORS: Mapping[Door, Injector] = MappingProxyType({Door.TOGGLE: Toggle(), Door.API: Api(), Door.NODE: Node()})
"""Who carries out the faults behind each door."""


def inject(access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
    """Carry the fault out, once; returns what was done and the answer. The event of no fault has status 0 and no answer.

    Raises FaultError when it was not carried out for certain; it may then be in all the same.
    """
    kind = fault_named(fault.kind)
    if (door := kind.door) is Door.NONE:
        now = now_ns()
        return FaultEvent(cycle, fault.kind, kind.filled(fault.params), pod.name, pod.boot, now, now, 0, "")
    return INJECTORS[door].inject(access, deployed, pod, fault, cycle=cycle)


def take_back(access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec) -> None:
    """End the fault, if it lasts. Raises WaitTimeout and FaultError."""
    door = fault_named(fault.kind).door
    if door is not Door.NONE:
        INJECTORS[door].take_back(access, deployed, pod, fault)


def look(access: ClusterAccess, event: FaultEvent) -> None:
    """Record what the fault's door shows of it now, if anything. Raises FaultError."""
    door = fault_named(event.kind).door
    if door is not Door.NONE:
        INJECTORS[door].look(access, event)


def last_state(access: ClusterAccess, deployed: Deployed, fault: FaultSpec) -> str:
    """What the injector's door can say of the workload now, in words; "" where it can say nothing. Raises nothing."""
    door = fault_named(fault.kind).door
    return "" if door is Door.NONE else INJECTORS[door].state(access, deployed)
