"""Workloads: their documents, from a ServiceSpec or from what a user wrote, and the plain Deployment of a Knative Service. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from harness.adapters.documents import Obj, documents, dumped
from harness.deploy.manifest import adopted, annotations_of, described, pods_wanted, render, served_container, user_port
from harness.deploy.own import documents_of, own_service
from harness.errors import BadInput
from harness.knative.manifest.settings import NEWEST
from harness.knative.names import KNATIVE_DOMAIN, KNATIVE_POD_FIELDS, PORT_ENV, TIMEOUT_S, USER_CONTAINER
from harness.model import (
    CONTROL_NODE_PORT,
    POD_ROUTE,
    QUEUE_PROXY_ROUTE,
    USERS_ROUTE,
    Behaviour,
    KnativeVersion,
    Lane,
    Procedure,
    ServiceSpec,
    Workload,
    WorkloadKind,
)

APP_LABEL = "app"
"""By which a plain Deployment and its Service find the pods."""

ROUTES = {
    WorkloadKind.KNATIVE_SERVICE: frozenset({USERS_ROUTE, QUEUE_PROXY_ROUTE, POD_ROUTE}),
    WorkloadKind.DEPLOYMENT: frozenset({USERS_ROUTE}),
}
"""The routes there can be. That of a plain Deployment's users already goes straight to the pods, by the one node port there is."""

KUBELET_READINESS: Obj = {"periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1}
"""Timing of the readiness that Knative gives a container without one, read at 1.23."""


def knative_service(spec: ServiceSpec) -> Workload:
    """The Knative Service of a spec."""
    return Workload(WorkloadKind.KNATIVE_SERVICE, dumped([render(spec)]))


def workload_of(text: str, *, where: str = "", version: KnativeVersion = NEWEST, name: str = "") -> Workload:
    """A user's own Knative Service with the objects of its file that it needs. Arguments and errors: see `own_service`."""
    return Workload(WorkloadKind.KNATIVE_SERVICE, documents_of(own_service(text, where=where, version=version, name=name)))


def workload_for(asked: Procedure, own: Workload | None = None) -> Workload:
    """What a procedure deploys: its service, or a user's `own`, as the kind it asks for. Raises BadInput where that cannot be."""
    service = own or knative_service(asked.service)
    if asked.workload is service.kind:
        return service
    return plain_deployment(service, kubelet_readiness=asked.kubelet_readiness)


def plain_deployment(workload: Workload, *, kubelet_readiness: bool = False) -> Workload:
    """The control arm of a Knative Service: a Deployment of the same containers, and a NodePort Service in front of it.

    Nothing of Knative is on the way: no ingress, no activator, no queue-proxy. Probes are asked by the kubelet, all of them, as
    they are written; where none names a port it is the user port, as Knative fills it in. As many pods as the Service begins with;
    the grace of a pod is the Service's timeoutSeconds, as Knative sets it.

    kubelet_readiness: a TCP readiness probe on the user port with Knative's timing is added. It is not Knative's: the kubelet's
    readiness is reset when the container restarts, so that Kubernetes takes the pod out of the Service until the new container
    listens, while queue-proxy keeps its success and the pod stays Ready.

    Raises BadInput for a Service without a pod to begin with, and for a second readiness.
    """
    service, *beside = objects_of(workload)
    name, port, count = str(service["metadata"]["name"]), user_port(service), pods_wanted(service)
    if not count:
        raise BadInput(
            "A plain Deployment cannot begin with zero pods: nothing starts a pod when a request comes.",
            fix="Leave initial_scale and min_scale as they are, or measure a Knative Service.",
        )
    template = copy.deepcopy(service["spec"]["template"])
    pod = template["spec"]
    served = served_container({"spec": {"template": template}})
    served.setdefault("name", USER_CONTAINER)
    served["ports"] = served.get("ports") or [{"containerPort": port}]
    if not any(one.get("name") == PORT_ENV for one in served.get("env") or []):
        served["env"] = [*(served.get("env") or []), {"name": PORT_ENV, "value": str(port)}]
    for number, container in enumerate(pod["containers"]):
        container.setdefault("name", f"{USER_CONTAINER}-{number}")
        _with_ports(container, port)
    if kubelet_readiness:
        if served.get("readinessProbe"):
            raise BadInput(
                "The kubelet's readiness was asked for, and the container has a readiness probe of its own.",
                fix="Leave out one of them.",
            )
        served["readinessProbe"] = {"tcpSocket": {"port": port}, **KUBELET_READINESS}
    pod["terminationGracePeriodSeconds"] = int(pod.get("timeoutSeconds") or TIMEOUT_S)
    for field in KNATIVE_POD_FIELDS:
        pod.pop(field, None)
    notes = {key: text for key, text in annotations_of(service).items() if KNATIVE_DOMAIN not in key}
    labels = {**((template.get("metadata") or {}).get("labels") or {}), APP_LABEL: name}
    deployment: Obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": {APP_LABEL: name}},
            "template": {"metadata": {"labels": labels, **({"annotations": notes} if notes else {})}, "spec": pod},
        },
    }
    node_port: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "type": "NodePort",
            "selector": {APP_LABEL: name},
            "ports": [{"name": "http", "port": 80, "targetPort": port, "nodePort": CONTROL_NODE_PORT}],
        },
    }
    return Workload(WorkloadKind.DEPLOYMENT, dumped([deployment, node_port, *beside]))


def _with_ports(container: Obj, port: int) -> None:
    """Its probes with the port that Knative would fill in; Kubernetes refuses one without."""
    for probe in (container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")):
        for handler in ("httpGet", "tcpSocket", "grpc"):
            if probe and handler in probe:
                probe[handler] = {**(probe[handler] or {}), "port": (probe[handler] or {}).get("port") or port}


def objects_of(workload: Workload) -> list[Obj]:
    """Its documents as objects, in their order."""
    return [document.value for document in documents(workload.documents)]


def name_of(workload: Workload) -> str:
    """What the one of its documents is called whose pods serve."""
    return str(objects_of(workload)[0]["metadata"]["name"])


def named(workload: Workload, name: str) -> Workload:
    """The same Knative Service under another name. For a workload that is one document."""
    service = objects_of(workload)[0]
    return Workload(workload.kind, dumped([{**service, "metadata": {**service["metadata"], "name": name}}]))


def applied(workload: Workload, *, namespace: str, images: Mapping[str, str], token: str, run_id: str) -> list[Obj]:
    """Its documents as they are applied in one run. Arguments: see `adopted`."""
    return [adopted(obj, namespace=namespace, images=images, token=token, run_id=run_id) for obj in objects_of(workload)]


def images_of(workload: Workload) -> tuple[str, ...]:
    """The images of its containers as the documents name them, that of the container that gets the requests first."""
    service = objects_of(workload)[0]
    others = [str(one["image"]) for one in service["spec"]["template"]["spec"]["containers"]]
    return tuple(dict.fromkeys([str(served_container(service)["image"]), *others]))


def spec_of(workload: Workload, *, base: ServiceSpec) -> ServiceSpec:
    """What the documents say of the Service under test, in our terms; `base` gives what they do not say. Raises BadInput."""
    return described(objects_of(workload)[0], base=base)


def _takes_http2(workload: Workload) -> bool:
    ports = served_container(objects_of(workload)[0]).get("ports") or [{}]
    return bool(ports[0].get("name") == "h2c")


def require_possible(workload: Workload, lanes: Iterable[tuple[Lane, int]], *, request_log: bool = False) -> None:
    """Refuse what this kind of workload cannot do, before anything is made for it. Raises BadInput."""
    plain = workload.kind is WorkloadKind.DEPLOYMENT
    compares = f"Ask by {Lane.GET_NEW}: one connection a request is what compares with a Knative Service."
    for lane in (lane for lane, weight in lanes if weight):
        if lane.route not in ROUTES[workload.kind]:
            raise BadInput(f"The lane {lane} needs the route {lane.route!r}, which a {workload.kind} does not have.", fix=compares)
        if lane.behaviour is Behaviour.GRPC and not plain and not _takes_http2(workload):
            raise BadInput(
                f"The lane {lane} makes gRPC calls, and queue-proxy speaks HTTP/1.1 to the container: its port is not named h2c.",
                fix="Write ports: [{name: h2c, containerPort: ...}] for the container that gets the requests.",
            )
        if plain and lane.behaviour is Behaviour.H2C:
            raise BadInput(
                f"The lane {lane} speaks HTTP/2 to the app itself, with no ingress between that turns it into HTTP/1.1.",
                fix=compares,
            )
    if plain and request_log:
        raise BadInput("A plain Deployment has no queue-proxy, whose log the request log is.", fix="Leave the request log out.")
