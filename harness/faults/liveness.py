"""The app fails its liveness probe and answers everything else: the kubelet restarts the container (knative/serving #14980)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.apps import public, toggle
from harness.faults.edges import KILL_ORDER, KILLED, good_probes_due
from harness.faults.fault import RESTART, ByHand, Case, Door, Ends, Fault, Part, detection_s
from harness.faults.proofs import app_answered, failed_probe, killed_for_liveness, restarted
from harness.faults.sight import Sight
from harness.knative.names import USER_ROLE
from harness.knative.roles import SIDECAR
from harness.model import AppSpec, Bracket, FaultSpec, Procedure, ServiceSpec, Stream


class LivenessFails(Fault):
    """Ends with the restart; a persistent one fails in the new container too."""

    name = "liveness"
    door = Door.TOGGLE
    roles = (USER_ROLE, SIDECAR)
    params = MappingProxyType({"persistent": False})
    done = "The app was made to fail its liveness probe, with which Kubernetes checks that it is alive"
    needs = (frozenset({Stream.APP}), frozenset({Stream.EVENTS, Stream.KUBELET}), frozenset({Stream.PODS}))
    fails_probes = ("liveness",)
    kills = True
    order = KILL_ORDER

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Only a liveness probe that asks the toggle app for its liveness."""
        return toggle.cannot_fail("liveness", asked.service.liveness)

    def by_hand(self, fault: FaultSpec) -> ByHand:
        """One file in the pod."""
        return ByHand((public.told("liveness", persistent=fault.persistent),))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """The container is restarted."""
        return RESTART

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002
        """An app that does not end on SIGTERM is restarted when its grace is over."""
        return detection_s(service, service.liveness) + (0 if service.app.sigterm == AppSpec().sigterm else service.timeout_s)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The app's answer, a failed probe, the kubelet's kill, the restart count and the new boot."""
        killed = killed_for_liveness(case, seen)
        return (app_answered(case, seen), failed_probe("liveness", case, seen), killed, *restarted(case, seen))

    def required(
        self, fault: FaultSpec, service: ServiceSpec, seen: Mapping[str, Bracket], end_ns: int, *, asks_liveness: bool
    ) -> frozenset[str]:
        """A kill, a new container that listens and answers, and the probes that were due; without such a probe nothing follows."""
        if not asks_liveness:
            return frozenset({"fault"})
        good = good_probes_due(service, seen, end_ns, liveness=not fault.persistent)
        return KILLED | {"fault", "listening", "first-ok", *good}
