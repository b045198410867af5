"""Faults on the node: signals to a container's processes, limits of its memory, and rules against the kubelet's probes.

`node.sh` does it there, of limits with `memory.sh`.
"""

from __future__ import annotations

import ipaddress
import json

from harness.adapters.clock import now_ns
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, NoSuchKind, Objects, Ref
from harness.errors import FaultError
from harness.faults import FAULTS
from harness.faults.node import LOOKED_AFTER, NodeAct, NodeFault, NodeMemory, NodeRule, NodeSignal, Shown, Signal
from harness.inject.access import ClusterAccess
from harness.inject.door import Injector
from harness.inject.shell import NodeShell
from harness.knative.lines import parsed
from harness.knative.pods import bare_id, cgroup_pattern, container_statuses
from harness.knative.probes import probed_port
from harness.knative.roles import is_sidecar
from harness.model import ClusterHandle, Deployed, FaultEvent, FaultSpec, Observation, Pod, Stream


class Node(Injector):
    """The injector of every NodeFault."""

    def inject(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        """Do it, and look at it once. The event's answer says what was done.

        The pod is read first, so that the bracket holds the act alone. Raises FaultError, also for a container to which the fault
        cannot be done; the fault may be in all the same.
        """
        kind = FAULTS[fault.kind]
        if not isinstance(kind, NodeFault):
            raise TypeError(f"{fault.kind} is no fault of the node")
        shell, where = access.node(), f"{kind.namespace(deployed)}/{pod.name}"
        shown = _shown(access.handle, kind.namespace(deployed), pod, fault.role)
        try:
            act = kind.act(fault, shown)
            rule = {LOOKED_AFTER: True, "probed_port": probed_port(shown.spec, act.probe)} if isinstance(act, NodeRule) else {}
        except ValueError as error:
            raise FaultError(f"The fault {fault.kind} cannot be done: {error}.", where=where) from error
        if not (isinstance(act, NodeSignal) and act.signal is Signal.KILL):
            access.hold(pod.name)
        sent_ns = now_ns()
        done = _do(shell, act, pod, where)
        answered_ns = now_ns()
        if isinstance(act, NodeRule):
            _require_held(shell, act, pod, where)
        params, answer = kind.filled(fault.params), json.dumps(done | rule, sort_keys=True)
        boot = "" if is_sidecar(fault.role) else pod.boot  # that of a sidecar is in its log alone
        container = pod.containers.get(fault.role, "")
        event = FaultEvent(cycle, fault.kind, params, pod.name, boot, sent_ns, answered_ns, 200, answer, container)
        self.look(access, event)
        return event

    def look(self, access: ClusterAccess, event: FaultEvent) -> None:
        """How many processes the container has and how many of them are stopped, or how many packets the rule has met."""
        _see(access, event.pod, *json.loads(event.answer)["look"])

    def take_back(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec) -> None:
        """Take the pod's rule away, put its limits back, and let its stopped processes go on.

        The rule's last count is recorded, and a look at the node without it: that nothing more is seen of it proves nothing.

        Raises FaultError where that fails, and where the fault ended before, with the shell that did it.
        """
        where = f"{FAULTS[fault.kind].namespace(deployed)}/{pod.name}"
        try:
            last = _see(access, pod.name, "undo", _rule(pod), cgroup_pattern(pod.uid))
            if (parsed(last) or {}).get("rule") is True:
                _see(access, pod.name, "packets", _rule(pod))
        except FaultError as error:
            what = f"The fault {fault.kind} was not taken back: {error.what}"
            raise FaultError(what, fix="knative-chaos up, which removes what is left on the node.", where=where) from error
        if not access.lasted(pod.name):
            raise FaultError(
                f"The shell on the node that did {fault.kind} ended before the fault was taken back, and the fault with it.",
                fix="Run again.",
                where=where,
            )


def _do(shell: NodeShell, act: NodeAct, pod: Pod, where: str) -> dict[str, object]:
    """What was done, and how it is looked at. Raises FaultError."""
    if isinstance(act, NodeRule):
        family = "ip6" if ipaddress.ip_address(act.ip).version == 6 else "ip"
        shell.ask("rule", _rule(pod), family, act.ip, act.port, act.verdict.value, where)
        return {"ip": act.ip, "port": act.port, "verdict": act.verdict.value, "look": ["packets", _rule(pod)]}
    words = ("starve", act.container_id) if isinstance(act, NodeMemory) else ("send", act.container_id, act.signal.value)
    return {**json.loads(shell.ask(*words)), "look": ["processes", act.container_id]}


def _require_held(shell: NodeShell, act: NodeRule, pod: Pod, where: str) -> None:
    """Raise FaultError unless the rule that nft holds is the one that was asked for."""
    held = json.loads(shell.ask("held", _rule(pod)))
    asked = {"ip": act.ip, "port": act.port, "verdict": act.verdict.value}
    if held | {"ip": ipaddress.ip_address(held["ip"])} != asked | {"ip": ipaddress.ip_address(act.ip)}:
        raise FaultError(f"The node was asked for the rule {asked}, and nft holds {held}.", fix="knative-chaos doctor", where=where)


def _see(access: ClusterAccess, pod: str, verb: str, *words: str) -> str:
    at_ns = now_ns()
    payload = access.node().ask(verb, *words)
    seen_ns = now_ns()
    access.see(Observation(Stream.NODE, pod, "", -1, at_ns, seen_ns - at_ns, seen_ns, payload))
    return payload


def _rule(pod: Pod) -> str:
    """The name of the pod's rule; a pod has one at most."""
    return pod.uid.replace("-", "_")


def _shown(handle: ClusterHandle, namespace: str, pod: Pod, role: str) -> Shown:
    ref, name = Ref("v1", "Pod", pod.name, namespace), pod.containers.get(role, "")
    try:
        obj = Objects(Kube.of(handle, pool=1)).get(ref)
    except (ApiRefused, NoSuchKind) as error:
        raise FaultError(f"{ref} cannot be read: {error}.", where=str(ref)) from error
    if obj is None or obj["metadata"].get("uid") != pod.uid:
        raise FaultError(f"{ref} is not there any more.", fix="See the events of its namespace.", where=str(ref))
    spec = next((one for one in obj["spec"]["containers"] if one.get("name") == name), None)
    status = next((one for one in container_statuses(obj) if one.get("name") == name), {})
    container_id = bare_id(status.get("containerID"))
    if spec is None or not container_id:
        raise FaultError(f"{ref} has no running container of the role {role!r}.", where=str(ref))
    return Shown(str(obj["status"].get("podIP") or ""), container_id, spec)
