"""Every process of the container is stopped by SIGSTOP: its port accepts, nobody reads, and no signal but SIGKILL arrives.

Unlike a hang of the toggle app this needs nothing of the program. SIGTERM stays pending, so that the kubelet's restart takes the
whole grace of the pod (timeoutSeconds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.faults.edges import KILL_ORDER, KILLED, good_probes_due
from harness.faults.fault import CLEARED, RESTART, Case, Ends, Lift, Part
from harness.faults.node import NodeFault, NodeSignal, Shown, Signal, container_restarted, most, node_did, of_the_container, shows
from harness.faults.proofs import killed_for_liveness
from harness.faults.sight import Sight
from harness.model import Bracket, FaultSpec, Handler, Procedure, ServiceSpec, Stream

PASSES = {
    Handler.TCP: "its liveness probe is TCP, and the kernel accepts connections for stopped processes",
    Handler.EXEC: "its liveness probe is exec, which starts a process of its own that is not stopped",
}
"""Why a liveness probe passes while the processes of the container are stopped."""


class Freeze(NodeFault):
    """An HTTP or gRPC liveness probe ends it by a restart; without a liveness probe it lasts until the processes are continued."""

    name = "freeze"
    done = "Every process of the container was stopped by SIGSTOP"
    needs = (frozenset({Stream.NODE}), frozenset({Stream.EVENTS, Stream.KUBELET}), frozenset({Stream.PODS}))
    fails_probes = ("liveness", "readiness")
    kills = True
    order = KILL_ORDER

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Not where a liveness probe does well all the same."""
        liveness = asked.service.liveness
        return PASSES.get(liveness.handler, "") if liveness else ""

    def act(self, fault: FaultSpec, shown: Shown) -> NodeSignal:  # noqa: ARG002
        """SIGSTOP, until every process has it."""
        return NodeSignal(shown.container_id, Signal.STOP)

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """By a restart where a liveness probe asks for an answer. Whatever still stands at the end of the cycle is continued."""
        return replace(RESTART, lift=Lift.LAST) if service.liveness else CLEARED

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The right container, every process of it stopped, connections that nobody accepts, and the restart that follows."""
        sights = [one for one in shows(case, seen) if one.get("processes")]
        stopped = any(one.get("stopped") == one["processes"] for one in sights)
        waiting = most(case, seen, "accept_queue")
        frozen: tuple[Part, ...] = (
            node_did(case),
            of_the_container(case, seen),
            ("every process of the container is stopped", stopped, f"{sights[0] if sights else 'no process seen'}"),
            ("connections wait in the accept queue", waiting > 0, f"{max(waiting, 0)} at most"),
        )
        if case.service.liveness is None:
            return frozen
        return (*frozen, killed_for_liveness(case, seen), container_restarted(case, seen))

    def required(
        self,
        fault: FaultSpec,  # noqa: ARG002
        service: ServiceSpec,
        seen: Mapping[str, Bracket],
        end_ns: int,
        *,
        asks_liveness: bool,
    ) -> frozenset[str]:
        """What a failed liveness probe shows."""
        if not asks_liveness:
            return frozenset({"fault"})
        return KILLED | {"fault", "listening", "first-ok", *good_probes_due(service, seen, end_ns)}
