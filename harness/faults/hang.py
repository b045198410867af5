"""The app accepts connections and answers nothing, probes included; a TCP probe does well all the same."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.apps import public
from harness.faults.edges import KILL_ORDER, KILLED, good_probes_due
from harness.faults.fault import CLEARED, RESTART, ByHand, Case, Door, Ends, Fault, Part, detection_s
from harness.faults.proofs import app_answered, fault_line, hung_probe, killed_for_liveness, restarted
from harness.faults.sight import Sight
from harness.knative.names import USER_ROLE
from harness.knative.roles import SIDECAR
from harness.model import Bracket, FaultSpec, Handler, Procedure, ServiceSpec, Stream


def _ended_by_liveness(service: ServiceSpec) -> bool:
    return service.liveness is not None and service.liveness.handler is not Handler.TCP


class AppHangs(Fault):
    """A liveness probe that asks for an answer ends it by a restart; without one it lasts until it is taken back."""

    name = "hang"
    door = Door.TOGGLE
    roles = (USER_ROLE, SIDECAR)
    params = MappingProxyType({"persistent": False, "scope": "all"})
    done = "The app was made to hang: it accepted connections and sent no response"
    needs = (frozenset({Stream.APP}), frozenset({Stream.EVENTS, Stream.KUBELET}), frozenset({Stream.PODS}))
    fails_probes = ("liveness", "readiness")
    kills = True
    order = KILL_ORDER

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """The toggle app can always hang."""
        return ""

    def by_hand(self, fault: FaultSpec) -> ByHand:
        """One file in the pod, which a restart removes, or somebody in the end."""
        scope = str(self.filled(fault.params)["scope"])
        return ByHand((public.told("hang", scope, persistent=fault.persistent),), (public.told_to_stop("hang"),))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """By a restart where a liveness probe asks for an answer."""
        return RESTART if _ended_by_liveness(service) else CLEARED

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002
        """Queue-proxy holds back the stop of an app that hangs until its requests have ended or the pod's grace is over."""
        return detection_s(service, service.liveness) + (service.timeout_s if service.liveness else 0)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The app's answer, and a probe left hanging with the restart that follows; else the app's own word."""
        answered = app_answered(case, seen)
        if not _ended_by_liveness(case.service):
            return answered, fault_line(case, seen)
        return answered, hung_probe(case, seen), killed_for_liveness(case, seen), *restarted(case, seen)

    def required(
        self, fault: FaultSpec, service: ServiceSpec, seen: Mapping[str, Bracket], end_ns: int, *, asks_liveness: bool
    ) -> frozenset[str]:
        """What a failed liveness probe shows; a persistent one hangs again, so that nobody is answered."""
        if not asks_liveness:
            return frozenset({"fault"})
        if fault.persistent:
            return KILLED | {"fault", "listening"}
        return KILLED | {"fault", "listening", "first-ok", *good_probes_due(service, seen, end_ns)}
