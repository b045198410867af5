"""Waiting until so many pods serve, and until none is left."""

from __future__ import annotations

import json
from collections.abc import Collection

from harness.adapters.ingress import Reply, ask
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import STATE_PATH, TOKEN_HEADER
from harness.deploy.kind import Refused, never
from harness.deploy.pods import GRACE_S, PodState, pods_of
from harness.errors import ClusterError, DeployError
from harness.knative.proxyerrors import UPSTREAM_HEADER, is_of_the_activator
from harness.model import USERS_ROUTE, ClusterHandle, Deployed, Hop, Pod

CONTROL_TIMEOUT_S = 5.0


def served_by(
    objects: Objects,
    handle: ClusterHandle,
    deployed: Deployed,
    count: int,
    *,
    within_s: float = 120.0,
    refused: Refused = never,
) -> tuple[Pod, ...]:
    """The pods of the workload, sorted by name: `count` of them, all Ready, none restarted, no other one left, and they serve.

    An app that names itself has answered by each pod. Where the activator chooses among several pods, it may never choose one of
    them for single requests: there one answer is enough, and the app says its boot by its control port. An app without the
    toggle's headers (a user's own) is taken at its word: a good status by the users' route, of which the ingress and the activator
    have not answered by themselves.
    Raises WaitTimeout, DeployError when a pod restarts before it was ever measured, and what refused raises.
    """
    users = deployed.route(USERS_ROUTE)
    each = count == 1 or Hop.ACTIVATOR not in users.hops
    boots: dict[str, str] = {}

    def once() -> Look[tuple[Pod, ...]]:
        pods = pods_of(objects, deployed)
        staying = [pod for pod in pods if pod.stays]
        if len(staying) == len(pods) <= count:
            _require_no_restart(deployed, staying)
        if len(staying) < count or not all(pod.ready for pod in staying):
            refused()
        if len(pods) > count or not all(pod.ready for pod in staying):
            return Look(None, _listed(pods))
        names = {pod.name for pod in staying}
        for _ in range(max(count, 1)):
            # without a pod the request is what wakes one up
            reply = ask(users.address, users.port, users.host, request=deployed.request)
            if not _is_good(deployed, reply) or (deployed.token and reply.pod not in names):
                return Look(None, f"{_listed(staying)}; {reply}")
            boots[reply.pod] = reply.boot
        if len(staying) < count:
            return Look(None, f"{len(staying)} of {count} pods: {_listed(staying)}; {reply}")
        if deployed.token:
            silent = [pod.name for pod in staying if pod.name not in boots]
            if each and silent:
                return Look(None, f"no answer yet by {', '.join(silent)}; {reply}")
            boots.update({name: boot for name in silent if (boot := boot_of(handle, deployed, name))})
            if silent := [name for name in silent if name not in boots]:
                return Look(None, f"the app did not say its boot in {', '.join(silent)}")
        found = (pod.known(boots.get(pod.name, "")) for pod in staying)
        return Look(tuple(sorted(found, key=lambda pod: pod.name)), _listed(staying))

    what = "its one pod" if count == 1 else f"its {count} pods"
    return wait_for(f"{deployed.name} is served by {what}", once, within_s=within_s)


def _is_good(deployed: Deployed, reply: Reply) -> bool:
    """Whether the workload gave a good answer. Where 404 is one, neither Envoy's for a host that it does not know yet counts, nor
    the activator's for a revision that it did not find.
    """
    if reply.status < 400 or Hop.INGRESS not in deployed.route(USERS_ROUTE).hops:
        return deployed.request.good(reply.status)
    behind = UPSTREAM_HEADER in reply.headers and not is_of_the_activator(reply.status, reply.text)
    return behind and deployed.request.good(reply.status)


def boot_of(handle: ClusterHandle, deployed: Deployed, pod: str) -> str:
    """The app's boot id as it says by its control port; "" while it does not."""
    try:
        status, text = Kube.of(handle, pool=1).through_pod(
            deployed.namespace,
            pod,
            deployed.control_port,
            "GET",
            STATE_PATH,
            headers={TOKEN_HEADER: deployed.token},
            timeout_s=CONTROL_TIMEOUT_S,
        )
        told = json.loads(text) if status == 200 else {}
    except (ClusterError, ValueError):
        return ""
    return str(told.get("boot") or "") if isinstance(told, dict) else ""


def without(objects: Objects, deployed: Deployed, uids: Collection[str], *, within_s: float) -> None:
    """Delete these pods and wait until they are gone. Raises WaitTimeout.

    One that is on its way out already is deleted once more, with less grace. That helps as long as the kubelet has not begun to
    stop its containers; else queue-proxy drains for 30 s.
    """
    hurried: set[str] = set()

    def once() -> Look[bool]:
        left = [pod for pod in pods_of(objects, deployed) if pod.uid in uids]
        for pod in left:
            if pod.uid not in hurried:
                objects.delete(Ref("v1", "Pod", pod.name, deployed.namespace), grace_s=GRACE_S)
                hurried.add(pod.uid)
        return Look(None if left else True, _listed(left) or "gone")

    wait_for(f"the pods of {deployed.name} before are gone", once, within_s=within_s)


def none_left(objects: Objects, deployed: Deployed, *, within_s: float) -> None:
    """Wait until the workload has no pod, not even one on its way out. Raises WaitTimeout."""

    def once() -> Look[bool]:
        left = pods_of(objects, deployed)
        return Look(None if left else True, _listed(left) or "none")

    wait_for(f"{deployed.name} has no pod", once, within_s=within_s)


def _require_no_restart(deployed: Deployed, pods: list[PodState]) -> None:
    for pod in pods:
        if pod.total_restarts:
            raise DeployError(
                f"The {pod} before anything was measured.",
                where=f"{deployed.namespace}/{pod.name}",
                fix="Give its probes more time than its start-up takes, or look into the app's log.",
            )


def _listed(pods: list[PodState]) -> str:
    return "; ".join(map(str, pods)) or "no pod"
