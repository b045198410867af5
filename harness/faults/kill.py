"""Every process of the container gets SIGKILL, the user's or queue-proxy's: an end that no program can handle, as out of memory."""

from __future__ import annotations

from collections.abc import Mapping

from harness.faults.edges import RESTART_ORDER, RESTARTED, good_probes_due
from harness.faults.fault import RESTART, Case, Ends, Lift, Part
from harness.faults.node import (
    NodeAct,
    NodeFault,
    NodeSignal,
    Shown,
    Signal,
    as_asked,
    container_restarted,
    ended_by_sigkill,
    node_did,
)
from harness.faults.sight import Sight
from harness.knative.names import QUEUE_PROXY, USER_ROLE
from harness.knative.roles import SIDECAR
from harness.model import Bracket, FaultSpec, Procedure, ServiceSpec, Stream


class Killed(NodeFault):
    """Ends with the restart. Nobody drains, and the program says nothing of its end."""

    name = "kill"
    done = "Every process of the container was ended by SIGKILL"
    needs = (frozenset({Stream.PODS}),)
    roles = (USER_ROLE, SIDECAR, QUEUE_PROXY)
    order = RESTART_ORDER

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Nothing survives SIGKILL."""
        return ""

    def act(self, fault: FaultSpec, shown: Shown) -> NodeAct:  # noqa: ARG002
        """SIGKILL, once."""
        return NodeSignal(shown.container_id, Signal.KILL)

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """The container is restarted; the program runs on where it is queue-proxy's."""
        return Ends(Lift.NEVER, ready_again=True) if fault.role == QUEUE_PROXY else RESTART

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The container's processes got the signal, its exit code says so, and the kubelet counted a restart."""
        parts = as_asked(case, seen, Signal.KILL)
        return (node_did(case), *parts, ended_by_sigkill(case, seen), container_restarted(case, seen))

    def required(
        self,
        fault: FaultSpec,
        service: ServiceSpec,
        seen: Mapping[str, Bracket],
        end_ns: int,
        *,
        asks_liveness: bool,  # noqa: ARG002
    ) -> frozenset[str]:
        """A new container that listens and answers, where it is the user's; the edges of a restart are of that one."""
        if fault.role == QUEUE_PROXY:
            return frozenset({"fault"})
        return RESTARTED | {"fault", "listening", "first-ok", *good_probes_due(service, seen, end_ns)}
