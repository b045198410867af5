"""What the API server refuses of the pods of a Deployment, whoever wrote it. Source: Kubernetes 1.34 pkg/apis/core/validation.

Only what a manifest of ours can reach: containers, their ports, environment, probes and resources, and the pod's grace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from harness.knative.manifest.defaults import HANDLERS, PROBES
from harness.knative.manifest.places import By, Obj, Place, Problem, sentence, shown, text_of
from harness.knative.manifest.words import (
    LABEL,
    is_label_value,
    is_port_name,
    is_qualified_name,
    is_subdomain,
    quantity,
)

_HEADER = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+", re.ASCII)
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+", re.ASCII)
Said = Iterator[tuple[Place, str, str]]


def refused(pod: Obj, place: Place) -> Iterator[Problem]:
    """Each reason. pod: a pod's spec of the right types. place: where the user wrote it, for the words."""
    for where, what, fix in _pod(pod, place):
        yield Problem(where, sentence(where, what), fix, By.DEPLOYMENT)


def metadata(found: Obj, place: Place) -> Iterator[Problem]:
    """What it refuses of labels and annotations, of any object."""
    for key, text in (found.get("labels") or {}).items():
        if not is_qualified_name(key) or not is_label_value(text):
            yield Problem(
                (*place, "labels", key),
                f"{text_of((*place, 'labels', key))}: {shown(text)} is not a valid label.",
                _LABEL_FIX,
                By.SCHEMA,
            )
    for key in found.get("annotations") or {}:
        if not is_qualified_name(key.lower()):
            where = (*place, "annotations", key)
            yield Problem(where, f"{text_of(where)} is not a valid annotation key.", "Write PREFIX/NAME.", By.SCHEMA)


_LABEL_FIX = "Write letters, digits, `-`, `_` and `.`, at most 63, a letter or digit first and last."


def _pod(pod: Obj, place: Place) -> Said:
    if (pod.get("terminationGracePeriodSeconds") or 0) < 0:
        yield (*place, "terminationGracePeriodSeconds"), "it is below 0.", "Write a number from 0 on."
    names: set[str] = set()
    for index, container in enumerate(pod["containers"]):
        here = (*place, "containers", index)
        yield from _container(container, here, names)
        names.add(container.get("name") or "")
    policy = pod.get("dnsPolicy")
    if policy and policy not in {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}:
        yield (*place, "dnsPolicy"), f"{shown(policy)} is not a known policy.", "Leave it out."
    account = pod.get("serviceAccountName")
    if account and not is_subdomain(account):
        yield (
            (*place, "serviceAccountName"),
            f"{shown(account)} is not a valid name of a service account.",
            "Write its name in small letters.",
        )


def _container(container: Obj, place: Place, names: set[str]) -> Said:
    name = container.get("name") or ""
    if not LABEL.fullmatch(name):
        yield (*place, "name"), f"{shown(name)} is not a valid container name.", "Write small letters, digits and `-`, at most 63."
    elif name in names:
        yield (*place, "name"), f"another container is named {shown(name)}.", "Give each a name of its own."
    if name != "queue-proxy" and not container.get("image"):
        yield (*place, "image"), f"{text_of(place)} has no image.", "Write one."
    if container.get("imagePullPolicy") not in {None, "", "Always", "IfNotPresent", "Never"}:
        yield (
            (*place, "imagePullPolicy"),
            f"{shown(container['imagePullPolicy'])} is not a known policy.",
            "Write Always, IfNotPresent or Never.",
        )
    yield from _ports(container.get("ports") or [], (*place, "ports"))
    yield from _env(container, place)
    yield from _resources(container.get("resources") or {}, (*place, "resources"))
    for probe in PROBES:
        if container.get(probe) is not None:
            yield from _probe(container[probe], (*place, probe))


def _ports(ports: list[Obj], place: Place) -> Said:
    names: set[str] = set()
    for index, port in enumerate(ports):
        here = (*place, index)
        name = port.get("name") or ""
        if name and (not is_port_name(name) or name in names):
            yield (
                (*here, "name"),
                f"{shown(name)} is not a port name, or another port has it.",
                "Write at most 15 small letters and digits.",
            )
        names.add(name)
        yield from _port(port.get("containerPort"), (*here, "containerPort"))
        if port.get("protocol") not in {None, "", "TCP", "UDP", "SCTP"}:
            yield (*here, "protocol"), f"{shown(port['protocol'])} is not a known protocol.", "Write TCP, or leave it out."


def _port(port: object, place: Place) -> Said:
    if isinstance(port, str):
        if not is_port_name(port):
            yield place, f"{shown(port)} is not a port name.", "Write the port's number, without quotes."
    elif not isinstance(port, int) or not 1 <= port <= 65535:
        what = f"{text_of(place)} is missing." if not port else f"{shown(port)} is not a port."
        yield place, what, "Write a whole number from 1 to 65535."


def _env(container: Obj, place: Place) -> Said:
    for index, variable in enumerate(container.get("env") or []):
        here = (*place, "env", index)
        name = variable.get("name") or ""
        if not name or "=" in name or not all(" " <= letter <= "~" for letter in name):
            yield (*here, "name"), f"{shown(name)} is not a valid variable name.", "Write letters, digits and `_`."
        source = variable.get("valueFrom")
        if source is None:
            continue
        if len(source) != 1 or variable.get("value"):
            what = "a variable has a value, or one place that it comes from."
            yield (*here, "valueFrom"), what, "Leave value, or one of configMapKeyRef and secretKeyRef."
        for kind, reference in source.items():
            if kind in {"configMapKeyRef", "secretKeyRef"}:
                yield from _reference(reference, (*here, "valueFrom", kind), key=True)
    for index, group in enumerate(container.get("envFrom") or []):
        here = (*place, "envFrom", index)
        kinds = [kind for kind in ("configMapRef", "secretRef") if kind in group]
        if len(kinds) != 1:
            yield here, "an entry names exactly one configMapRef or secretRef.", "Write one entry each."
        for kind in kinds:
            yield from _reference(group[kind], (*here, kind), key=False)


def _reference(reference: Obj, place: Place, *, key: bool) -> Said:
    name = reference.get("name") or ""
    if not is_subdomain(name) and (name or not key):
        yield (*place, "name"), f"{shown(name)} is not a valid object name.", "Write its name in small letters."
    if not name and key:
        yield (*place, "name"), "the name is missing.", "Write the object's name."
    if key and (not _CONFIG_KEY.fullmatch(reference.get("key") or "") or len(reference["key"]) > 253):
        yield (*place, "key"), f"{shown(reference.get('key'))} is not a valid key.", "Write letters, digits, `-`, `_` and `.`."


def _resources(resources: Obj, place: Place) -> Said:
    amounts = {
        bound: {name: quantity(str(value)) or Fraction(0) for name, value in (resources.get(bound) or {}).items()}
        for bound in ("limits", "requests")
    }
    for bound, found in amounts.items():
        for name, amount in found.items():
            if amount < 0:
                yield (*place, bound, name), f"{resources[bound][name]} is below 0.", "Write an amount from 0 on."
            if "/" not in name and name not in {"cpu", "memory", "ephemeral-storage"} and not name.startswith("hugepages-"):
                yield (
                    (*place, bound, name),
                    f"{shown(name)} is not a resource of a container.",
                    "Write cpu, memory or ephemeral-storage.",
                )
    for name, amount in amounts["requests"].items():
        if name in amounts["limits"] and amount > amounts["limits"][name]:
            yield (
                (*place, "requests", name),
                f"the request is more than the limit of {resources['limits'][name]}.",
                "Raise the limit.",
            )


def _probe(probe: Obj, place: Place) -> Said:
    found = [name for name in HANDLERS if name in probe]
    if len(found) != 1:
        what = (
            f"{text_of(place)} must ask in exactly one way ({', '.join(HANDLERS)}), this one has {' and '.join(found) or 'none'}."
        )
        yield place, what, "Write one, such as httpGet: {path: /healthz}."
    for kind in found:
        here = (*place, kind)
        action = probe[kind] or {}
        if kind == "exec" and not action.get("command"):
            yield here, f"{text_of(here)} has no command.", "Write command: [PROGRAM, ARGUMENT]."
        if kind in {"httpGet", "tcpSocket", "grpc"}:
            yield from _probed_port(action, kind, here)
        if kind == "httpGet":
            if action.get("scheme") not in {None, "", "HTTP", "HTTPS"}:
                yield (*here, "scheme"), f"{shown(action['scheme'])} is not a known scheme.", "Write HTTP or HTTPS."
            for index, header in enumerate(action.get("httpHeaders") or []):
                if not _HEADER.fullmatch(header.get("name") or ""):
                    yield (
                        (*here, "httpHeaders", index, "name"),
                        f"{shown(header.get('name'))} is not a valid header name.",
                        "Write its name.",
                    )
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        if (probe.get(name) or 0) < 0:
            yield (*place, name), f"{probe[name]} is below 0.", "Write a number from 0 on."
    if place[-1] != "readinessProbe" and (probe.get("successThreshold") or 1) > 1:
        yield (
            (*place, "successThreshold"),
            f"{probe['successThreshold']} is refused here: only readiness has another than 1.",
            "Write 1.",
        )
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and (grace <= 0 or place[-1] == "readinessProbe"):
        yield (*place, "terminationGracePeriodSeconds"), "it is refused here.", "Leave it out."


def _probed_port(action: Obj, kind: str, place: Place) -> Said:
    port = action.get("port")
    if port or isinstance(port, str):
        yield from _port(port, (*place, "port"))
        return
    what = f"{text_of((*place, 'port'))} is missing; Kubernetes refuses the Deployment: port 0."
    fix = "Write the port's number: Knative fills it in for readiness and for liveness by httpGet and tcpSocket alone."
    yield place, what, fix if kind != "grpc" else f"{fix} A gRPC probe is asked as a call, so the app must answer grpc.health.v1."
