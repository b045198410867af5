"""The objects that a pod needs from its namespace before it can start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from harness.knative.manifest.places import Obj, Place, at

_DEFAULT_ACCOUNT = "default"
"""Every namespace has it."""


@dataclass(frozen=True, slots=True)
class Need:
    """An object by kind and name. at: where the manifest asks for it first. keys: of the object, that variables take."""

    kind: str
    name: str
    at: Place
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def needs(pod: Obj, place: Place) -> tuple[Need, ...]:
    """Each object once, in the order in which the spec names them; those that are optional are left out.

    pod: a pod's spec. place: where it stands.
    """
    found: dict[tuple[str, str], Need] = {}
    for kind, name, where in _all(pod, place):
        if isinstance(name, str) and name:
            found.setdefault((kind, name), Need(kind, name, where))
    return tuple(replace(need, keys=tuple(_keys(pod, need))) for need in found.values())


def _keys(pod: Obj, need: Need) -> Iterator[str]:
    kind = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}.get(need.kind, "")
    for container in pod.get("containers") or []:
        for variable in at(container, "env") or []:
            reference = at(variable, "valueFrom", kind) or {}
            if reference.get("name") == need.name and reference.get("optional") is not True and reference.get("key"):
                yield reference["key"]


def _all(pod: Obj, place: Place) -> Iterator[tuple[str, Any, Place]]:
    account = pod.get("serviceAccountName")
    if account != _DEFAULT_ACCOUNT:
        yield "ServiceAccount", account, (*place, "serviceAccountName")
    for index, secret in enumerate(pod.get("imagePullSecrets") or []):
        yield "Secret", at(secret, "name"), (*place, "imagePullSecrets", index)
    for group in ("initContainers", "containers"):
        for number, container in enumerate(pod.get(group) or []):
            here = (*place, group, number)
            for index, variable in enumerate(at(container, "env") or []):
                for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                    yield from _one(at(variable, "valueFrom", key), kind, (*here, "env", index, "valueFrom", key))
            for index, source in enumerate(at(container, "envFrom") or []):
                for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                    yield from _one(at(source, key), kind, (*here, "envFrom", index, key))
    for index, volume in enumerate(pod.get("volumes") or []):
        here = (*place, "volumes", index)
        yield from _one(at(volume, "configMap"), "ConfigMap", (*here, "configMap"))
        yield from _one(at(volume, "secret"), "Secret", (*here, "secret"), name="secretName")
        claim = at(volume, "persistentVolumeClaim")
        yield from _one(claim, "PersistentVolumeClaim", (*here, "persistentVolumeClaim"), name="claimName")
        for number, source in enumerate(at(volume, "projected", "sources") or []):
            for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                yield from _one(at(source, key), kind, (*here, "projected", "sources", number, key))


def _one(reference: Any, kind: str, place: Place, *, name: str = "name") -> Iterator[tuple[str, Any, Place]]:
    if isinstance(reference, dict) and reference.get("optional") is not True:
        yield kind, reference.get(name), place
