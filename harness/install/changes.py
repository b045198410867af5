"""What we change in Knative before it is applied: the objects as given in, those to apply and each change out. Pure.

Changing the manifests instead of the running system means that no component ever starts with another configuration.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Sequence

from harness.adapters.documents import Obj, name_of
from harness.adapters.objects import Ref
from harness.errors import InstallError
from harness.model import INGRESS_NODE_PORT, SystemChange

INGRESS_CLASS = "kourier.ingress.networking.knative.dev"

DOMAIN = "127.0.0.1.sslip.io"
"""Resolves to loopback where there is a resolver; the harness names hosts in a header and asks none."""

CPU_DIVISOR = 4
"""Kubernetes asks for 0.85 of 2 cores, Knative and Kourier for 0.8 to 1.1: a quarter of those leaves room for two pods of a
Service, and keeps the parts' shares among themselves."""

CONFIG_ANNOTATION = "knative-chaos.dev/config"
"""Hash of the ConfigMaps, in the pod templates: a component that read another configuration is replaced by the apply itself."""

QUEUE_PROXY_IMAGE = ("queue-sidecar-image", "queueSidecarImage")
"""Keys of config-deployment that name queue-proxy's image; the second is the spelling up to Serving 1.4."""

DEFAULT_LOGGER = {
    "level": "info",
    "development": False,
    "outputPaths": ["stdout"],
    "errorOutputPaths": ["stderr"],
    "encoding": "json",
    "encoderConfig": {
        "timeKey": "timestamp",
        "levelKey": "severity",
        "nameKey": "logger",
        "callerKey": "caller",
        "messageKey": "message",
        "stacktraceKey": "stacktrace",
        "lineEnding": "",
        "levelEncoder": "",
        "timeEncoder": "iso8601",
        "durationEncoder": "",
        "callerEncoder": "",
    },
}
"""The logger Knative's own example shows, for manifests that leave the key out."""


def changed(given: Sequence[Obj]) -> tuple[list[Obj], tuple[SystemChange, ...]]:
    """The objects to apply and what was changed in them, in their order. Raises InstallError when one to change is missing."""
    objects = [copy.deepcopy(obj) for obj in given]
    changes: list[SystemChange] = []
    network = _one(objects, "ConfigMap", "config-network")
    for key in _ingress_keys(network):
        changes += _set_data(network, key, INGRESS_CLASS, "Kourier is the ingress")
    changes += _domain(_one(objects, "ConfigMap", "config-domain"))
    changes += _logging(_one(objects, "ConfigMap", "config-logging"))
    changes += _node_port(_one(objects, "Service", "kourier"))
    deployments = [obj for obj in objects if obj["kind"] == "Deployment"]
    for deployment in deployments:
        changes += _requests(deployment)
    configured = digest(obj for obj in objects if obj["kind"] == "ConfigMap")[:16]
    for deployment in deployments:
        metadata = deployment["spec"]["template"].setdefault("metadata", {})
        metadata.setdefault("annotations", {})[CONFIG_ANNOTATION] = configured
    changes.append(
        SystemChange(
            f"Deployments {', '.join(name_of(deployment) for deployment in deployments)}",
            f"pod template annotation {CONFIG_ANNOTATION}",
            None,
            configured,
            "a changed configuration replaces the pods that read the old one",
        )
    )
    return objects, tuple(changes)


def digest(objects: Iterable[Obj]) -> str:
    """A hash of the objects' content, the same for the same objects in the same order."""
    return hashlib.sha256(json.dumps(list(objects), sort_keys=True).encode()).hexdigest()


def images_of(objects: Iterable[Obj]) -> tuple[str, ...]:
    """Every image that these objects name, sorted: of containers, caching Images, and queue-proxy's in config-deployment."""
    named: set[str] = set()
    for obj in objects:
        spec = obj.get("spec") or {}
        pod = (spec.get("template") or {}).get("spec") or {}
        named |= {str(one["image"]) for key in ("initContainers", "containers") for one in pod.get(key) or [] if one.get("image")}
        if obj["kind"] == "Image" and spec.get("image"):
            named.add(str(spec["image"]))
        if obj["kind"] == "ConfigMap":
            data = obj.get("data") or {}
            named |= {str(data[key]) for key in QUEUE_PROXY_IMAGE if data.get(key)}
    return tuple(sorted(named))


def _one(objects: Sequence[Obj], kind: str, name: str) -> Obj:
    for obj in objects:
        if obj["kind"] == kind and name_of(obj) == name and not str(obj.get("apiVersion")).startswith("serving."):
            return obj
    raise InstallError(f"The manifests have no {kind} {name}.", fix="Ask for another version with --kn-version.")


def _ingress_keys(network: Obj) -> tuple[str, ...]:
    """Older Serving spells the key `ingress.class`; its example says which ones it reads."""
    example = str((network.get("data") or {}).get("_example") or "")
    old = ("ingress.class",) if "ingress.class:" in example else ()
    return ("ingress-class", *old) if "ingress-class:" in example or not old else old


def _set_data(config: Obj, key: str, now: str, why: str) -> list[SystemChange]:
    data = config.get("data") or {}
    was = data.get(key)
    config["data"] = {**data, key: now}
    return [] if was == now else [SystemChange(str(Ref.of(config)), key, was, now, why)]


def _domain(config: Obj) -> list[SystemChange]:
    return _set_data(config, DOMAIN, "", "hosts of Services need a domain; without one Knative takes svc.cluster.local")


def _logging(config: Obj) -> list[SystemChange]:
    """Sampling drops lines past 100 a second and message; leaving the key out keeps it on, null switches it off."""
    key = "zap-logger-config"
    was = (config.get("data") or {}).get(key)
    try:
        logger = json.loads(was) if was else dict(DEFAULT_LOGGER)
    except ValueError as error:
        raise InstallError(f"config-logging's {key} is not JSON: {error}.", fix="Ask for another version.") from error
    before = json.dumps(logger["sampling"], sort_keys=True) if "sampling" in logger else None
    logger["sampling"] = None
    config["data"] = {**(config.get("data") or {}), key: json.dumps(logger, indent=2)}
    if before == "null":
        return []
    return [
        SystemChange(
            str(Ref.of(config)),
            f"{key}: sampling",
            before,
            "null",
            "with it, lines past 100 a second are dropped and the ledger could not be closed",
        )
    ]


def _node_port(service: Obj) -> list[SystemChange]:
    spec = service["spec"]
    was = str(spec.get("type") or "ClusterIP")
    spec["type"] = "NodePort"
    port = next((one for one in spec["ports"] if one.get("port") == 80), None)
    if port is None:
        raise InstallError("Kourier's Service has no port 80.", fix="Ask for another version of Kourier.")
    had = port.get("nodePort")
    port["nodePort"] = INGRESS_NODE_PORT
    why = "the load comes from this host through a mapped port of the node"
    changes = []
    if was != "NodePort":
        changes.append(SystemChange(str(Ref.of(service)), "spec.type", was, "NodePort", why))
    if had != INGRESS_NODE_PORT:
        name = f"nodePort of port {port.get('name') or 80}"
        changes.append(SystemChange(str(Ref.of(service)), name, None if had is None else str(had), str(INGRESS_NODE_PORT), why))
    return changes


def _requests(deployment: Obj) -> list[SystemChange]:
    """CPU requests only: limits, and with them what a part may use, stay as they are."""
    changes = []
    for container in deployment["spec"]["template"]["spec"].get("containers") or []:
        requests = (container.get("resources") or {}).get("requests") or {}
        was = requests.get("cpu")
        if was is None:
            continue
        now = f"{max(1, millicores(str(was)) // CPU_DIVISOR)}m"
        requests["cpu"] = now
        changes.append(
            SystemChange(
                str(Ref.of(deployment)),
                f"CPU request of container {container['name']}",
                str(was),
                now,
                "Kubernetes and Knative together ask for nearly 2 cores; pods of the Service must fit beside them",
            )
        )
    return changes


def millicores(quantity: str) -> int:
    """A CPU quantity ("100m", "0.5", "1") in thousandths of a core. Raises InstallError for what is none."""
    try:
        return int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1_000)
    except ValueError as error:
        raise InstallError(f"{quantity!r} is not a CPU quantity.", fix="Ask for another version.") from error
