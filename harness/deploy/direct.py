"""Routes that leave out the ingress, for comparison: a node port to queue-proxy, another past it to the app's own port.

They exist only while a run's plan has a lane for them, lie in the run's namespace and go with it. The two node ports are those kind
maps to this host (`HostPorts.direct`, `HostPorts.control`), so one run at a time has them: that is what the measure lock is for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.adapters.documents import Obj
from harness.adapters.ingress import ask, served
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.deploy.applying import accepted
from harness.errors import BadInput
from harness.knative.names import HTTP_PORT, REVISION_LABEL
from harness.model import (
    CONTROL_NODE_PORT,
    DIRECT_NODE_PORT,
    POD_ROUTE,
    QUEUE_PROXY_ROUTE,
    RUN_LABEL,
    USERS_ROUTE,
    ClusterHandle,
    Deployed,
    Hop,
    Lane,
    Route,
)

NODE_PORTS = {QUEUE_PROXY_ROUTE: DIRECT_NODE_PORT, POD_ROUTE: CONTROL_NODE_PORT}
"""Of the node; kind-config.yaml maps them to host ports."""


HOPS = {QUEUE_PROXY_ROUTE: (Hop.QUEUE_PROXY, Hop.USER_CONTAINER), POD_ROUTE: (Hop.USER_CONTAINER,)}
"""By route."""


@dataclass(frozen=True, slots=True)
class Way:
    """One of them to make. route: its name. port: of the pod. host_port: of this host, where the load connects."""

    route: str
    port: int
    host_port: int


def open_routes(
    handle: ClusterHandle,
    deployed: Deployed,
    lanes: Iterable[tuple[Lane, int]],
    *,
    run_id: str,
    progress: Progress = QUIET,
    within_s: float = 60.0,
) -> Deployed:
    """What was deployed with the routes that these lanes (with their weights) need, each proved by an answer of its pod.

    Lanes through the ingress need none. Raises BadInput where the cluster has no such host port, DeployError when
    a node port is somebody else's, WaitTimeout when no answer comes.
    """
    ways = _ways(handle, deployed, {lane.route for lane, weight in lanes if weight > 0})
    if not ways:
        return deployed
    objects = Objects(Kube.of(handle))
    with progress.step(f"open the routes {', '.join(way.route for way in ways)}"):
        for way in ways:
            accepted(objects, manifest(way, deployed, run_id=run_id), within_s=within_s)
        host = deployed.route(USERS_ROUTE).host
        routes = (Route(way.route, handle.address, way.host_port, host, HOPS[way.route]) for way in ways)
        opened = replace(deployed, routes=(*deployed.routes, *routes))
        prove_routes(opened, within_s=within_s)
    return opened


def prove_routes(deployed: Deployed, *, within_s: float = 60.0) -> None:
    """Wait until each route past the ingress ends at the pods: the node learns of new ones a moment later. Raises WaitTimeout.

    An app that names itself has then answered by each pod, with no answer by another since. Without a pod there is nothing to ask.
    """
    names = {pod.name for pod in deployed.pods}
    words = ", ".join(sorted(names))
    for route in deployed.routes:
        if route.name not in HOPS or not names:
            continue
        answered: set[str] = set()

        def look(route: Route = route, answered: set[str] = answered) -> Look[bool]:
            reply = ask(route.address, route.port, route.host, request=deployed.request)
            if not deployed.token:  # a user's own app does not name its pod; the route can end at no other
                return Look(True if deployed.request.good(reply.status) else None, str(reply))
            seen = served(reply)
            if seen.value is None or reply.pod not in names:
                answered.clear()
                return Look(None, seen.seen)
            answered.add(reply.pod)
            return Look(True if answered == names else None, f"{seen.seen}; {len(answered)} of {len(names)} pods have answered")

        where = f"{route.address}:{route.port}"
        wait_for(f"the route {route.name} is answered by {words}", look, within_s=within_s, every_s=0.1, where=where)


def manifest(way: Way, deployed: Deployed, *, run_id: str) -> Obj:
    """A NodePort Service to every pod of the Revision, ready or not: a way that Kubernetes closes would hide what is compared."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"knative-chaos-{way.route}", "namespace": deployed.namespace, "labels": {RUN_LABEL: run_id}},
        "spec": {
            "type": "NodePort",
            "selector": {REVISION_LABEL: deployed.revision},
            "publishNotReadyAddresses": True,
            "ports": [{"name": "http", "port": 80, "targetPort": way.port, "nodePort": NODE_PORTS[way.route]}],
        },
    }


def _ways(handle: ClusterHandle, deployed: Deployed, routes: set[str]) -> list[Way]:
    known = (
        Way(QUEUE_PROXY_ROUTE, HTTP_PORT, handle.ports.direct),
        Way(POD_ROUTE, deployed.user_port, handle.ports.control),
    )
    ways = [way for way in known if way.route in routes]
    for way in ways:
        if not way.host_port:
            raise BadInput(
                f"No port of this host leads to node port {NODE_PORTS[way.route]} of the cluster {handle.name}; the route "
                f"{way.route} needs it.",
                fix="Leave out the lanes that take it, or use a cluster made by knative-chaos up.",
            )
    return ways
