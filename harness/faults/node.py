"""Faults that are one act on the node: a signal to a container's processes, a limit of their memory, or a rule against probes.

A fault says its act as data; `harness.inject.node` carries it out. What the node then shows of it are observations of the stream
NODE, one JSON object each:
  a signal   {processes, stopped, accept_queue}: how many processes the container has, how many of them are stopped, and how many
             connections of the pod no process has accepted yet; so of a limit
  a rule     {rule: bool, packets}: whether it is there, and how many packets it has met
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from harness.faults.fault import Case, Door, Fault, Part
from harness.faults.sight import Sight
from harness.knative.lines import parsed
from harness.knative.names import USER_ROLE
from harness.knative.pods import PodState
from harness.knative.roles import SIDECAR
from harness.model import FaultSpec, ServiceSpec

ELSEWHERE_S = 10.0
"""An act on a pod that is not the workload's shows at once; nothing of the workload has to notice it."""


KILLED_BY_SIGNAL = 137
"""Exit code of a container whose first process got SIGKILL: 128 + 9."""


LOOKED_AFTER = "looked_after"
"""In the answer to a rule: true says that the node is looked at once more after the rule is taken away."""


class Signal(StrEnum):
    """What a container's processes get. STOP is lifted by CONT; what was killed is not lifted."""

    STOP = "STOP"
    KILL = "KILL"


@dataclass(frozen=True, slots=True)
class NodeSignal:
    """A signal to every process of a container."""

    container_id: str
    signal: Signal


class Verdict(StrEnum):
    """What becomes of a packet: answered with a TCP reset, or dropped without an answer."""

    REFUSE = "refuse"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class NodeRule:
    """A rule in the node's OUTPUT chain for TCP packets to this port: the kubelet's come from the node, users' are forwarded.

    probe: whose packets they are to be; the injector records which port that probe asks.
    """

    ip: str
    port: int
    verdict: Verdict
    probe: str = "liveness"


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """The container's memory limit below what it uses, until the kernel's OOM killer has ended every process of it."""

    container_id: str


NodeAct = NodeSignal | NodeMemory | NodeRule


@dataclass(frozen=True, slots=True)
class Shown:
    """The container that is to be hit, as the API shows it right before: spec is its entry in the pod's spec."""

    ip: str
    container_id: str
    spec: Mapping[str, Any]


class NodeFault(Fault):
    """A fault that is one act on the node. It needs nothing of the program under test."""

    door = Door.NODE
    roles: ClassVar[tuple[str, ...]] = (USER_ROLE, SIDECAR)

    @abstractmethod
    def act(self, fault: FaultSpec, shown: Shown) -> NodeAct:
        """What is done. Raises ValueError, in words, for a container to which it cannot be done."""

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:
        """As of any fault; and a process that cannot handle SIGTERM lives on for the whole grace. Not of a pod elsewhere."""
        if self.elsewhere:
            return ELSEWHERE_S
        return super().landing_s(fault, service) + (service.timeout_s if service.liveness else 0)


def shows(case: Case, seen: Sight) -> Sequence[Mapping[str, Any]]:
    """What the node showed of the fault since it was injected, in the order seen."""
    found = (parsed(one.payload) for one in seen.node(case.event.pod) if one.seen_ns >= case.after_ns)
    return [one for one in found if one is not None]


def most(case: Case, seen: Sight, what: str) -> int:
    """The highest number that the node showed under this name; -1: none."""
    return max((int(one[what]) for one in shows(case, seen) if isinstance(one.get(what), int)), default=-1)


def node_did(case: Case) -> Part:
    """The node carried it out."""
    return "the node did it", case.event.status == 200, case.event.answer[:120]


def of_the_container(case: Case, seen: Sight, name: str = "the signal went to the container") -> Part:
    """The processes that got the signal are those of the container that was to be hit, by the id that the API gives of it.

    All containers of a pod share one network, so that the accept queue does not tell them apart.
    """
    look = (parsed(case.event.answer) or {}).get("look")
    hit = str(look[1]) if isinstance(look, list) and len(look) > 1 else ""
    ids = [state.about(case.container).container_id for state in seen.states(case.event.pod) if state.seen_ns <= case.after_ns]
    known = next((one for one in reversed(ids) if one), "")
    return name, hit == known != "", f"{hit[:12] or 'none'}; the id of {case.container} is {known[:12] or 'not known'}"


def as_asked(case: Case, seen: Sight, signal: Signal | None = None) -> tuple[Part, ...]:
    """What the node's answer says was done, and to which container. signal: that was to be sent; None: its memory was limited.

    What the answer does not say is no part: recordings of earlier releases say less.
    """
    answer = parsed(case.event.answer) or {}
    parts: list[Part] = []
    if "look" in answer:
        parts.append(
            of_the_container(case, seen, "the signal went to the container" if signal else "the limit was the container's")
        )
    if signal and "signal" in answer:
        parts.append((f"the signal was SIG{signal}", answer["signal"] == signal, str(answer["signal"])))
    if "processes" in answer:
        count = answer["processes"]
        parts.append(("the container had a process", isinstance(count, int) and count >= 1, str(count)))
    return tuple(parts)


def aimed(case: Case, seen: Sight) -> tuple[Part, ...]:
    """The rule is for the pod's address, as the API shows it, and for the port that the probe asks; as `as_asked`."""
    answer = parsed(case.event.answer) or {}
    parts: list[Part] = []
    if "ip" in answer:
        ips = [state.ip for state in seen.states(case.event.pod) if state.seen_ns <= case.after_ns and state.ip]
        known = ips[-1] if ips else ""
        parts.append(("the rule is for the pod's address", answer["ip"] == known != "", f"{answer['ip']}; {known or 'not known'}"))
    if "probed_port" in answer:
        port, probed = answer.get("port"), answer["probed_port"]
        parts.append(("the rule is for the probe's port", port == probed, f"{port}; {probed}"))
    return tuple(parts)


def ended_by_sigkill(case: Case, seen: Sight) -> Part:
    """The container's first process got SIGKILL, whoever sent it."""
    codes = {code for state in _since(case, seen) if (code := state.exit_code(case.container)) is not None}
    shown = ", ".join(map(str, sorted(codes))) or "none seen"
    return "the container's exit code is 137", KILLED_BY_SIGNAL in codes, shown


def ended_because(reason: str, case: Case, seen: Sight) -> Part:
    """The kubelet gives this reason for the container's end ("OOMKilled")."""
    reasons = {given for state in _since(case, seen) if (given := state.end_reason(case.container))}
    return f"the kubelet's reason for its end is {reason}", reason in reasons, ", ".join(sorted(reasons)) or "none seen"


def _since(case: Case, seen: Sight) -> Iterable[PodState]:
    return (state for state in seen.states(case.event.pod) if state.seen_ns >= case.after_ns)


def container_restarted(case: Case, seen: Sight) -> Part:
    """The kubelet counted a restart of the container; for programs whose log says nothing of it, this is all."""
    counts = [(state.seen_ns, state.restarts_of(case.container)) for state in seen.states(case.event.pod)]
    before = [count for ns, count in counts if ns <= case.after_ns and count is not None]
    after = [count for ns, count in counts if ns > case.after_ns and count is not None]
    if not before:
        return "restartCount grew", False, "the container was not seen before the fault"
    grown = (after or before)[-1] - before[-1]
    return "restartCount grew", grown > 0, f"by {grown}"
