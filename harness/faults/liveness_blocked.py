"""The kubelet's liveness probes are refused or dropped on the node; users' requests are not: any program's liveness can be failed.

The rule is in the node's OUTPUT chain, for the pod's address and the port of the container's liveness probe as Knative rendered it.
The kubelet's probes start on the node, users' requests are forwarded through it. A startup probe of the same port is refused too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.faults.edges import KILL_ORDER, KILLED, Witness, good_probes_due
from harness.faults.fault import Case, Ends, Lift, Part
from harness.faults.kernel import NFTABLES
from harness.faults.node import LOOKED_AFTER, NodeFault, NodeRule, Shown, Verdict, aimed, container_restarted, most, node_did
from harness.faults.proofs import killed_for_liveness
from harness.faults.sight import Sight
from harness.knative.lines import parsed
from harness.knative.probes import probed_port
from harness.knative.times import SECOND_NS
from harness.model import Bracket, FaultSpec, Handler, Probe, Procedure, ServiceSpec, Stream


class LivenessBlocked(NodeFault):
    """Ends with the restart: the rule is taken away when the container is stopped. A persistent one stays until the cycle's end.

    verdict: "refuse" (a TCP reset, as from a closed port) or "drop" (no answer, as from a host that is gone).
    """

    name = "liveness-blocked"
    done = "The kubelet's liveness probes were refused on the node, but no user's request"
    needs = (frozenset({Stream.NODE}), frozenset({Stream.EVENTS, Stream.KUBELET}), frozenset({Stream.PODS}))
    kernel = (NFTABLES,)
    params = MappingProxyType({"verdict": Verdict.REFUSE.value, "persistent": False})
    fails_probes = ("liveness",)
    kills = True
    order = KILL_ORDER
    witnesses = (Witness("first-failed-probe", Stream.NODE, r'"packets": [1-9]', "the rule's packet counter", sampled=True),)

    def require(self, fault: FaultSpec) -> None:
        """Also for a verdict that there is not."""
        super().require(fault)
        self.require_one_of(fault, "verdict", tuple(Verdict))

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Only a liveness probe that comes over the network."""
        liveness = asked.service.liveness
        if liveness is None:
            return "the Service has no liveness probe"
        if liveness.handler is Handler.EXEC:
            return "its liveness probe is exec, which runs in the container and sends no packet through the node"
        return ""

    def act(self, fault: FaultSpec, shown: Shown) -> NodeRule:
        """One rule for the pod's address and the probe's port."""
        return NodeRule(shown.ip, probed_port(shown.spec, "liveness"), Verdict(str(self.filled(fault.params)["verdict"])))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """The container is restarted; under a persistent rule the next one has no good probe either."""
        if fault.persistent:
            return Ends(Lift.LAST, new_boot=True)
        return Ends(Lift.KILLED, new_boot=True, probed_again=True)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """A rule for what the probe asks, packets enough to fail it, the kubelet's kill, the restart, and a rule gone in time."""
        wanted = case.service.liveness.failure_threshold if case.service.liveness else 1
        packets = most(case, seen, "packets")
        counted: Part = (f"the rule met {wanted} packets or more", packets >= wanted, f"{max(packets, 0)}")
        parts = (node_did(case), *aimed(case, seen), counted, killed_for_liveness(case, seen), container_restarted(case, seen))
        return parts if case.fault.persistent else (*parts, _lifted_in_time(case, seen))

    def required(
        self,
        fault: FaultSpec,
        service: ServiceSpec,
        seen: Mapping[str, Bracket],
        end_ns: int,
        *,
        asks_liveness: bool,  # noqa: ARG002 - it asks over the network, or the fault is refused
    ) -> frozenset[str]:
        """A kill, a new container that listens and answers, and the probes that were due."""
        good = good_probes_due(service, seen, end_ns, liveness=not fault.persistent)
        return KILLED | {"fault", "listening", "first-ok", *good}


def _lifted_in_time(case: Case, seen: Sight) -> Part:
    """A rule that is taken away late kills the next container as well, and that would be the harness's doing.

    It can do so from the moment at which the next container's liveness probe may have failed often enough.
    """
    name, probe = "the rule was taken away before it could fail the next container", case.service.liveness or Probe()
    looks = [(one.seen_ns, (parsed(one.payload) or {}).get("rule")) for one in seen.node(case.event.pod)]
    last_ns = max((ns for ns, there in looks if there is True and ns >= case.after_ns), default=case.after_ns)
    # Recordings of earlier releases have no look at the node after the rule was taken away.
    looked = (parsed(case.event.answer) or {}).get(LOOKED_AFTER) is True
    if looked and not any(there is False and ns > last_ns for ns, there in looks):
        return name, False, "it was not seen to be gone"
    states = (state.about(case.container) for state in seen.states(case.event.pod) if state.seen_ns >= case.after_ns)
    starts = (state.running_since_ns for state in states if state.running_since_ns is not None)
    # A start is known to the second, rounded down. That of the container that was hit is long before.
    next_ns = min((ns for ns in starts if ns + SECOND_NS > case.after_ns), default=0)
    if not next_ns:
        return name, True, "no next container was seen"
    within_s = probe.initial_delay_s + (probe.failure_threshold - 1) * max(probe.period_s, 1)
    late_s = (last_ns - next_ns) / SECOND_NS - within_s
    return name, late_s < 0, f"{(last_ns - next_ns) / SECOND_NS:.1f} s after the next container's start, of {within_s:g} s"
