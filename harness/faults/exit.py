"""The app's process ends by itself: the kubelet restarts the container, no probe fails and nothing is killed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.apps import public
from harness.faults.edges import RESTART_ORDER, RESTARTED, good_probes_due
from harness.faults.fault import RESTART, ByHand, Case, Door, Ends, Fault, Part
from harness.faults.proofs import app_answered, restarted
from harness.faults.sight import Sight
from harness.knative.names import USER_ROLE
from harness.knative.roles import SIDECAR
from harness.model import Bracket, FaultSpec, Procedure, ServiceSpec, Stream


class ProcessExits(Fault):
    """Ends with the restart; a persistent one ends each later start at the moment it would listen."""

    name = "exit"
    door = Door.TOGGLE
    roles = (USER_ROLE, SIDECAR)
    params = MappingProxyType({"persistent": False, "code": 1})
    done = "The app's process was made to exit"
    needs = (frozenset({Stream.APP}), frozenset({Stream.PODS}))
    order = RESTART_ORDER

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """The toggle app can always exit."""
        return ""

    def by_hand(self, fault: FaultSpec) -> ByHand:
        """One file in the pod, with the exit code. The command may be cut off by the end that it leads to."""
        code = str(self.filled(fault.params)["code"])
        return ByHand((f"{public.told('exit', code, persistent=fault.persistent)} || true",))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """The container is restarted."""
        return RESTART

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The app's answer, the restart count and the new boot."""
        return (app_answered(case, seen), *restarted(case, seen))

    def required(
        self,
        fault: FaultSpec,
        service: ServiceSpec,
        seen: Mapping[str, Bracket],
        end_ns: int,
        *,
        asks_liveness: bool,  # noqa: ARG002
    ) -> frozenset[str]:
        """A new container; one that listens and answers unless each start ends itself."""
        if fault.persistent:
            return RESTARTED | {"fault"}
        return RESTARTED | {"fault", "listening", "first-ok", *good_probes_due(service, seen, end_ns)}
