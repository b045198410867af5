"""The pods that Knative makes of a Service: which container keeps which probe, and what queue-proxy asks instead of the kubelet.

Source: knative/serving pkg/reconciler/revision/resources/deploy.go and queue.go, 1.1 to 1.23.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from harness.knative.manifest import notes as n
from harness.knative.manifest.defaults import is_served
from harness.knative.manifest.places import Obj, at
from harness.knative.manifest.settings import Settings
from harness.knative.manifest.words import whole_number
from harness.knative.names import H2C_PORT, HTTP_PORT, INITIAL_SCALE, QUEUE_PROXY, USER_PORT

LOOPBACK = "127.0.0.1"
_MOVED = ("httpGet", "tcpSocket", "grpc")
"""Readiness probes that queue-proxy asks; an exec probe needs the container's files, so the kubelet keeps it."""


class Unrenderable(ValueError):
    """Knative's controller fails to make the Deployment: the Revision stays Unknown, and only the controller's log says why.

    container: index of the one whose probe is at fault.
    """

    def __init__(self, container: int, what: str) -> None:
        super().__init__(what)
        self.container = container


@dataclass(frozen=True, slots=True)
class Rendered:
    """The part of a Deployment that is about probes, ports and time.

    pod: the spec of its pods: the user's containers, then queue-proxy, with what they were given. asked: the probes that
    queue-proxy asks when its own readiness is asked, first that of the served container; each with the index of its container.
    replicas: with which the Deployment begins. served: index of the container that gets the requests. port: where.
    """

    pod: Obj
    asked: tuple[tuple[int, Obj], ...]
    replicas: int
    served: int
    port: int


def rendered(manifest: Obj, settings: Settings) -> Rendered:
    """What becomes of a Service that the webhook accepts. manifest: with its defaults. Raises Unrenderable."""
    spec = at(manifest, "spec", "template", "spec")
    containers: list[Obj] = copy.deepcopy(spec["containers"])
    served = served_index(containers)
    port = at(containers[served], "ports", 0, "containerPort") or USER_PORT
    h2c = at(containers[served], "ports", 0, "name") == "h2c"
    asked = _asked(containers, served, port, settings)
    own = _own_readiness(containers[served]["readinessProbe"], H2C_PORT if h2c else HTTP_PORT, settings)
    for index, container in enumerate(containers):
        readiness = container.get("readinessProbe")
        if (index == served or settings.since("1.14")) and readiness and any(kind in readiness for kind in _MOVED):
            del container["readinessProbe"]
        if is_served(container, containers):
            container["ports"] = [{"name": "user-port", "containerPort": port}]
            _rewrite_liveness(container.get("livenessProbe"), port, settings)
    pod = {name: value for name, value in spec.items() if name not in {"containerConcurrency", "timeoutSeconds", "containers"}}
    pod |= {
        "containers": [*containers, {"name": QUEUE_PROXY, "readinessProbe": own}],
        "terminationGracePeriodSeconds": spec["timeoutSeconds"],
    }
    first = n.template_note(manifest, INITIAL_SCALE)
    return Rendered(pod, asked, 1 if first is None else whole_number(first) or 0, served, port)


def served_index(containers: list[Obj]) -> int:
    """Index of the container that gets the requests: the first with a port, or the only one."""
    return next((index for index, one in enumerate(containers) if one.get("ports")), 0)


def _asked(containers: list[Obj], served: int, port: int, settings: Settings) -> tuple[tuple[int, Obj], ...]:
    found = [(served, _for_queue_proxy(containers[served]["readinessProbe"], port, settings))]
    if not settings.probes_sidecars:
        return tuple(found)
    for index, container in enumerate(containers):
        probe = container.get("readinessProbe")
        if index == served or probe is None:
            continue
        number = next((number for kind in _MOVED if (number := port_number(at(probe, kind, "port")))), 0)
        if not number and "exec" in probe and settings.since("1.18"):
            continue
        if not number:
            what = f"sidecar readiness probe does not define probe port on container: {container['name']}"
            raise Unrenderable(index, what)
        found.append((index, _for_queue_proxy(probe, number, settings)))
    return tuple(found)


def _for_queue_proxy(probe: Obj, port: int, settings: Settings) -> Obj:
    """A readiness probe as it is handed to queue-proxy. port: where the probe names none, or none that counts."""
    made = copy.deepcopy(probe)
    kind = next(name for name in ("httpGet", "tcpSocket", "exec", "grpc") if name in made)
    written = port_number(at(made, kind, "port")) if kind != "exec" and settings.since("1.3") else 0
    number = written or port
    if kind == "httpGet":
        made["httpGet"] |= {"host": LOOPBACK, "port": number, "scheme": made["httpGet"].get("scheme") or "HTTP"}
        if not settings.since("1.14"):
            _add_kubelet_header(made["httpGet"])
    elif kind == "tcpSocket":
        made["tcpSocket"] = {"host": LOOPBACK, "port": number}
    elif kind == "grpc":
        made["grpc"] = {"service": "", **made["grpc"], "port": number}
    else:
        del made["exec"]
        made["tcpSocket"] = {"host": LOOPBACK, "port": number}
    return made


def _own_readiness(probe: Obj, port: int, settings: Settings) -> Obj:
    """Queue-proxy's own readiness probe: the kubelet asks it with the timing of the served container's."""
    timing = {name: value for name, value in probe.items() if name not in {"httpGet", "tcpSocket", "exec", "grpc"}}
    if not settings.since("1.2"):
        timing["periodSeconds"] = timing.get("periodSeconds") or 1
    return {"httpGet": {"port": port, "httpHeaders": [{"name": "K-Network-Probe", "value": "queue"}]}, **timing}


def _rewrite_liveness(probe: Obj | None, port: int, settings: Settings) -> None:
    """The port of a served container's liveness probe; that of a startup probe is left as it is, on every version."""
    if probe is None:
        return
    kept = settings.probes_sidecars and settings.since("1.22")
    for kind in ("httpGet", "tcpSocket"):
        if kind in probe:
            if not kept or not port_number(probe[kind].get("port")):
                probe[kind]["port"] = HTTP_PORT if kind == "httpGet" and not settings.since("1.2") else port
            if kind == "httpGet" and not settings.since("1.14"):
                _add_kubelet_header(probe[kind])
            return


def _add_kubelet_header(http: Obj) -> None:
    http["httpHeaders"] = [*(http.get("httpHeaders") or []), {"name": "K-Kubelet-Probe", "value": "queue"}]


def port_number(port: object) -> int:
    """The number of a port; a text counts by its digits, 0 where it has others, as Kubernetes' IntOrString does."""
    if isinstance(port, str):
        return int(port) if port.isascii() and port.isdigit() else 0
    return port if isinstance(port, int) else 0
