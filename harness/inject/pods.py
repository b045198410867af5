"""Into which of the pods that stand a fault is injected."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects
from harness.errors import FaultError
from harness.faults import fault_named
from harness.inject.access import ClusterAccess
from harness.knative.names import HTTP_PORT
from harness.knative.pods import ready_condition, roles_of
from harness.model import FaultSpec, Pod


def elsewhere(access: ClusterAccess, fault: FaultSpec, rng: Random) -> tuple[Pod, ...]:
    """The pod that a fault hits which hits none of the workload's: one of those that are Ready now. () for every other fault.

    Raises FaultError where there is none.
    """
    where = fault_named(fault.kind).elsewhere
    if where is None:
        return ()
    try:
        found = Objects(Kube.of(access.handle, pool=1)).find("v1", "Pod", namespace=where.namespace, labels=where.selector)
    except ApiRefused as error:
        raise FaultError(f"The pods of {where.namespace} cannot be listed: {error}.", where=where.selector) from error
    ready = [one for one in found if ready_condition(one).get("status") == "True" and not one["metadata"].get("deletionTimestamp")]
    if not ready:
        raise FaultError(f"None of {len(found)} pods is Ready.", fix="kubectl get pods", where=str(where))
    one = ready[0] if len(ready) == 1 else rng.choice(ready)
    meta, status = one["metadata"], one.get("status") or {}
    node = str(one["spec"].get("nodeName") or "")
    return (Pod(str(meta["name"]), str(meta["uid"]), str(status.get("podIP") or ""), node, "", roles_of(one)),)


def drawn(fault: FaultSpec, pods: Sequence[Pod], rng: Random) -> tuple[Pod, ...]:
    """One of these pods, or all of them, as the fault asks; any one for a fault that is done once, to the workload.

    first, last: in the order in which the activator has them, by address and port as text: 10.244.0.10 before 10.244.0.9 (read in
    pkg/activator/net/throttler.go at knative-v1.23.0).

    rng: the run's own, its seed recorded. It is not asked where there is nothing to choose, so that the phases of a run of one
    pod depend on its seed alone. No pods: none.
    """
    if fault.hits_all and not fault_named(fault.kind).of_workload:
        return tuple(pods)
    if len(pods) < 2 or fault_named(fault.kind).of_workload or not fault_named(fault.kind).injected:
        return tuple(pods[:1])
    if fault.pods in {"first", "last"}:
        in_order = sorted(pods, key=lambda pod: f"{pod.ip}:{HTTP_PORT}")
        return (in_order[0 if fault.pods == "first" else -1],)
    return (rng.choice(pods),)
