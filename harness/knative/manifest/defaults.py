"""What Knative's webhook fills in before anybody looks: names, readiness, timeouts.

Source: knative/serving pkg/apis/serving/v1/revision_defaults.go and route_defaults.go, 1.1 to 1.23.
"""

from __future__ import annotations

import copy
from typing import Any

from harness.knative.manifest.places import Obj, at
from harness.knative.names import TIMEOUT_S, USER_CONTAINER

HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")

AGGRESSIVE_PERIOD_S = 0
"""The period of a readiness probe that names none: queue-proxy then asks every 50 ms instead of the kubelet's ten seconds."""


def defaulted(manifest: Obj) -> Obj:
    """A Service with the values that the webhook fills in; those that are null are left out first. manifest: of the right types."""
    obj: Obj = without_nulls(copy.deepcopy(manifest))
    spec = obj.setdefault("spec", {})
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    pod = template.setdefault("spec", {})
    pod["timeoutSeconds"] = pod.get("timeoutSeconds") or TIMEOUT_S
    pod.setdefault("containerConcurrency", 0)
    containers = pod.setdefault("containers", [])
    _name(containers)
    kept = {one.get("name") for one in pod.get("volumes") or [] if any(kind in one for kind in _WRITABLE)}
    for container in containers:
        if is_served(container, containers):
            readiness = container.setdefault("readinessProbe", {})
            if not any(name in readiness for name in HANDLERS):
                readiness["tcpSocket"] = {}
        _fill_readiness(container.get("readinessProbe"))
        for mount in container.get("volumeMounts") or []:
            if mount.get("name") not in kept:
                mount["readOnly"] = True
    spec["traffic"] = spec.get("traffic") or [{"percent": 100, "latestRevision": True}]
    for target in spec["traffic"]:
        target.setdefault("latestRevision", not target.get("revisionName"))
        target.setdefault("percent", 0)
    return obj


_WRITABLE = ("emptyDir", "persistentVolumeClaim", "ephemeral")
"""Volumes of which a mount may be written to."""


def is_served(container: Obj, containers: list[Obj]) -> bool:
    """Whether the requests go to this container: it has a port, or it is the only one."""
    return len(containers) == 1 or bool(container.get("ports"))


def _fill_readiness(probe: Obj | None) -> None:
    if probe is None:
        return
    probe["successThreshold"] = probe.get("successThreshold") or 1
    if probe.get("periodSeconds"):
        probe["failureThreshold"] = probe.get("failureThreshold") or 3
        probe["timeoutSeconds"] = probe.get("timeoutSeconds") or 1


def _name(containers: list[Obj]) -> None:
    """Names for the containers that have none: user-container, or with a number where there are several."""
    taken = {one.get("name") for one in containers}
    number = 0
    for container in containers:
        if container.get("name"):
            continue
        name = USER_CONTAINER
        if len(containers) > 1:
            while f"{USER_CONTAINER}-{number}" in taken:
                number += 1
            name = f"{USER_CONTAINER}-{number}"
            number += 1
        container["name"] = name


def without_nulls(value: Any) -> Any:
    """The same value without keys whose value is null: the API server drops them."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def name_of(manifest: Obj) -> str:
    """metadata.name, "" without one."""
    return str(at(manifest, "metadata", "name") or "")
