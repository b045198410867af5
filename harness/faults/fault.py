"""What a fault is to the rest of the house: the contract that each fault's own file fulfils.

A fault is pure: it says what it does, whether it can take hold, what proves that it did, which edges it must show and in which
order, and how it ends. The injector behind its door (`harness.inject`) carries it out. No other module asks which fault it is.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Literal

from harness.apps.known import app_of
from harness.errors import BadInput
from harness.faults.edges import READINESS_ORDER, Edge, Pairs, Witness
from harness.faults.kernel import KernelNeed
from harness.faults.sight import Sight
from harness.knative.names import USER_ROLE
from harness.knative.roles import SIDECAR, container_of_role, is_sidecar, log_of, service_of_role, sidecar_of, sidecar_role
from harness.model import Bracket, Deployed, FaultEvent, FaultSpec, Pod, Probe, Procedure, Scalar, ServiceSpec, Stream

Part = tuple[str, bool, str]
"""One piece of the proof that a fault took hold: (what must be seen, whether it was, the evidence or what is missing)."""

STOP_AND_CREATE_S = 7.0
"""2 s for stopping a container and 5 s for creating the next one, on two busy cores."""


class Door(StrEnum):
    """Through what a fault is injected. NONE: nothing is done. TOGGLE: the toggle app's control port. API: the API server.

    NODE: a shell on the node, which sees every process and packet of its pods; only a cluster of ours has this door.
    """

    NONE = "none"
    TOGGLE = "toggle"
    API = "api"
    NODE = "node"


class Lift(StrEnum):
    """When a fault is taken back. HELD: after it has lasted for hold_s. LANDED: as soon as it has landed. KILLED: as soon as the
    kubelet stops the container. LAST: at the end of the cycle. NEVER: it ends by itself.

    All but NEVER are taken back at the end of the cycle at the latest, whatever ended it.
    """

    HELD = "held"
    LANDED = "landed"
    KILLED = "killed"
    LAST = "last"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Ends:
    """When a fault is taken back, and what must be seen before a cycle with it has recovered, beside good answers.

    new_boot: a boot that the cycle did not begin with answers, and none that was hit does. probed_again: the new container of each
    pod that was hit has answered a liveness probe well; until then a restart loop looks like a single restart. ready_again: each
    pod that was hit is Ready again; until then others answer for it.
    """

    lift: Lift = Lift.HELD
    new_boot: bool = False
    probed_again: bool = False
    ready_again: bool = False


CLEARED = Ends()
"""Over once it is taken back."""

RESTART = Ends(Lift.NEVER, new_boot=True, probed_again=True)
"""Over with the container's restart."""

READY = Ends(ready_again=True)
"""Taken back, and over when the pod is Ready again."""

REPLACED = Ends(Lift.NEVER, new_boot=True)
"""Over when another pod has taken the place of the one that was hit."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fault as it was injected: what was asked, into what, what was done, and from when evidence counts (UTC ns)."""

    fault: FaultSpec
    service: ServiceSpec
    event: FaultEvent
    after_ns: int

    @property
    def container(self) -> str:
        """The name of the container that it hit."""
        return self.event.container or container_of_role(self.service, self.fault.role)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Pods that are not the workload's: those of a namespace with these labels ("app=activator")."""

    namespace: str
    selector: str


@dataclass(frozen=True, slots=True)
class ByHand:
    """How somebody without the harness does a fault: commands for `sh`, with kubectl (docs/bundle.md).

    $NS is the namespace, $SERVICE the Knative Service, $POD the pod that is hit; it runs the program of `harness.apps.public`.
    undo: of a fault that is taken back after a time.
    """

    do: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()


class Fault(ABC):
    """One kind of fault. Each subclass is one file and one line of the registry."""

    name: ClassVar[str]
    """Its kind in a FaultSpec and in the history."""

    door: ClassVar[Door]

    toggle: ClassVar[str] = ""
    """Behind the door TOGGLE: what the app is told. "": the fault's name."""

    done: ClassVar[str]
    """What it does, in words for people who did not write it: the beginning of a sentence that goes on ", in 5 cycles"."""

    needs: ClassVar[tuple[frozenset[Stream], ...]] = ()
    """The streams its proof rests on: of each group one suffices."""

    of_workload: ClassVar[bool] = False
    """Whether it is done once, to the workload, and hits all of its pods; else it is done to each pod that it shall hit."""

    courses: ClassVar[tuple[str, ...]] = ("disturb",)
    """The courses of `harness.model.COURSES` in which it can be asked for, the usual one first."""

    elsewhere: ClassVar[Elsewhere | None] = None
    """Where its pod is drawn from if that is none of the workload's. The states of these pods are then observed too."""

    roles: ClassVar[tuple[str, ...]] = (USER_ROLE,)
    """The containers that it can hit, by role; "sidecar" stands for every sidecar."""

    kernel: ClassVar[tuple[KernelNeed, ...]] = ()
    """What it needs of the node's kernel. Without it the fault is refused before anything is built."""

    params: ClassVar[Mapping[str, Scalar]] = MappingProxyType({})
    """Its parameters, each with the value it has when nobody asks for another. The value's type is the parameter's."""

    @property
    def injected(self) -> bool:
        """Whether anything is done at all."""
        return self.door is not Door.NONE

    fails_probes: ClassVar[tuple[str, ...]] = ()
    """The probes it makes fail ("liveness", "readiness"), the one that matters most first."""

    kills: ClassVar[bool] = False
    """Whether the kubelet kills the container for the probes that fail."""

    order: ClassVar[Pairs] = READINESS_ORDER
    """The partial order of its edges."""

    own_edges: ClassVar[tuple[Edge, ...]] = ()
    """Edges that only this fault shows, with their words; they come after those of `harness.faults.edges`."""

    witnesses: ClassVar[tuple[Witness, ...]] = ()
    """What shows its edges, own or not, beside the sources that every cycle has."""

    def filled(self, params: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Every parameter: as given here, else its default."""
        return {**self.params, **params}

    def require(self, fault: FaultSpec) -> None:
        """Raises BadInput for what this fault cannot do: a parameter, a value, a container or pods that are not for it."""
        hits = SIDECAR if is_sidecar(fault.role) else fault.role
        if hits not in self.roles or fault.role == SIDECAR:
            roles = ", ".join(sidecar_role(1) if role == SIDECAR else role for role in self.roles)
            raise BadInput(f"The fault {self.name} cannot hit the container {fault.role!r}.", fix=f"Use one of: {roles}.")
        if (self.of_workload or self.elsewhere) and fault.hits_all:
            to = "the workload" if self.of_workload else "one pod that is not the workload's"
            raise BadInput(f"The fault {self.name} is done once, to {to}.", fix='Leave pods="all" out.')
        for name, value in fault.params.items():
            default = self.params.get(name)
            if default is None:
                there = ", ".join(f"{known} ({value!r})" for known, value in self.params.items()) or "none"
                raise BadInput(
                    f"The fault {self.name} has no parameter {name!r}.", fix=f"Its parameters and their defaults: {there}."
                )
            if type(value) is not type(default):
                raise BadInput(
                    f"The parameter {name} of the fault {self.name} is {value!r}.",
                    fix=f"Give a value of type {type(default).__name__}; the default is {default!r}.",
                )

    def evidence(self, fault: FaultSpec) -> tuple[frozenset[Stream], ...]:
        """The streams its proof rests on (`needs`), with the log of the container that it hits in place of the app's."""
        log = log_of(fault.role)
        if not is_sidecar(fault.role) or log is None:
            return self.needs
        return tuple(frozenset(log if stream is Stream.APP else stream for stream in group) for group in self.needs)

    def ends_in(self, fault: FaultSpec, service: ServiceSpec) -> Ends:
        """How it ends in the container that it hits: no request is answered by a new boot of a sidecar.

        service: as that container has it (`harness.knative.roles`); so for `can_land`, `landing_s`, `required` and a Case.
        """
        ends = self.ends(fault, service)
        return replace(ends, new_boot=False) if is_sidecar(fault.role) else ends

    def namespace(self, deployed: Deployed) -> str:
        """Of the pods that it hits."""
        return self.elsewhere.namespace if self.elsewhere else deployed.namespace

    def refused(self, fault: FaultSpec, asked: Procedure, doors: Collection[Door]) -> str:
        """Why this fault can never take hold in this Service on a cluster with these doors, "" if it can."""
        if is_sidecar(fault.role) and sidecar_of(asked.service, fault.role) is None:
            return f"the Service has {len(asked.service.sidecars)} sidecars, and it was asked for in {fault.role}"
        asked = replace(asked, service=service_of_role(asked.service, fault.role))
        if self.door is Door.TOGGLE and not app_of(asked.service.app.image).control_port:
            return (
                f"the toggle app itself is asked to fail, and the container runs {asked.service.app.image}; liveness-blocked, "
                "freeze and kill hit any program"
            )
        if self.door not in doors:
            return f"it is done through the {self.door.value}, and that of this cluster is not ours"
        return self.can_land(fault, asked)

    def require_one_of(self, fault: FaultSpec, name: str, values: Collection[str]) -> None:
        """Raises BadInput unless the parameter has one of these values."""
        value = self.filled(fault.params)[name]
        if value not in values:
            raise BadInput(f"The parameter {name} of the fault {self.name} is {value!r}.", fix=f"Use one of: {', '.join(values)}.")

    @abstractmethod
    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:
        """Why this fault can never take hold in this Service, "" if it can. Asked before anything is built."""

    @abstractmethod
    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """Every piece of the proof, seen or not. Without a piece there is no proof."""

    def by_hand(self, fault: FaultSpec) -> ByHand | None:  # noqa: ARG002 - what others decide by
        """How it is done with kubectl alone; None: kubectl cannot do it."""
        return None

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002 - what others decide by
        """How it ends."""
        return CLEARED

    def lifts(self, case: Case, seen: Sight) -> bool:
        """Whether a fault that is lifted with the kill (Lift.KILLED) must be taken back now: the container is being stopped."""
        return seen.stopped_ns(case.event.pod, case.after_ns) > 0

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002 - what others decide by
        """How long the landing may take, in seconds. Only a fault that does not land waits that long."""
        return detection_s(service, service.liveness)

    def required(
        self,
        fault: FaultSpec,  # noqa: ARG002 - what others decide by
        service: ServiceSpec,  # noqa: ARG002
        seen: Mapping[str, Bracket],  # noqa: ARG002
        end_ns: int,  # noqa: ARG002
        *,
        asks_liveness: bool,  # noqa: ARG002
    ) -> frozenset[str]:
        """The edges it must show in this Service.

        seen: the edges found. end_ns: of the cycle; what was not due by then is not missed. asks_liveness: the Service has a
        liveness probe that this app can fail. Unless a fault says more, only that it was injected.
        """
        return frozenset({"fault"}) if self.injected else frozenset()


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the Kubernetes API: verb "delete" or "merge" (a JSON merge patch) on an object.

    uid: of the object that is meant; another one of that name is refused. patch: of "merge".
    """

    verb: Literal["delete", "merge"]
    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""
    patch: Mapping[str, object] = field(default_factory=dict)


class ApiFault(Fault):
    """A fault that is one call of the Kubernetes API, said as data; `harness.inject.api` makes it."""

    door = Door.API

    @abstractmethod
    def call(self, fault: FaultSpec, deployed: Deployed, pod: Pod, stamp: str) -> ApiCall | None:
        """The call that does it to this pod, or to its workload. stamp: a text that is new with each call.

        None: nobody is told anything, for in this workload it happens by itself.
        """


def workload_ref(deployed: Deployed) -> dict[str, str]:
    """Of the object whose template the workload's pods come from: fields of an ApiCall."""
    obj = json.loads(deployed.applied)[0]
    named = {"namespace": deployed.namespace, "name": deployed.name}
    return {"api_version": str(obj["apiVersion"]), "kind": str(obj["kind"]), **named}


def detection_s(service: ServiceSpec, probe: Probe | None) -> float:
    """How long it may take until this probe has failed often enough and a new container listens, twice over."""
    detect_s = max(probe.period_s, 1) * probe.failure_threshold + probe.timeout_s if probe else 10
    return 2 * (detect_s + service.app.startup_delay_s + STOP_AND_CREATE_S)
