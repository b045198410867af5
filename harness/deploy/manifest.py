"""A Knative Service as it is applied: from a ServiceSpec, or from what a user wrote. Pure."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

from harness.adapters.documents import Obj, YAMLError, documents
from harness.apps.known import app_of
from harness.apps.toggle import PROBE_COMMAND, PROBE_PATHS, SIGTERM_ENV, STARTUP_DELAY_ENV, TOGGLE, TOKEN_ENV
from harness.deploy.fields import Bad, require_fields, require_plain, require_two_ports, shown
from harness.errors import BadInput
from harness.knative.names import (
    INITIAL_SCALE,
    MAX_SCALE,
    METRIC,
    MIN_SCALE,
    RPS,
    SERVING_API,
    TARGET,
    TARGET_BURST_CAPACITY,
    USER_PORT,
    WINDOW,
)
from harness.model import RUN_LABEL, AppSpec, Handler, Probe, ServiceSpec

CPU_REQUEST = "50m"
"""Two pods must fit at once on two cores beside Kubernetes and Knative, while one replaces the other."""

_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def render(spec: ServiceSpec) -> Obj:
    """The Service v1 of a spec: one container of the toggle app, probes as asked and no others, no limits."""
    container: Obj = {
        "image": TOGGLE.image,
        "ports": [{"containerPort": USER_PORT}],
        "env": [
            {"name": STARTUP_DELAY_ENV, "value": f"{spec.app.startup_delay_s:g}"},
            {"name": SIGTERM_ENV, "value": spec.app.sigterm},
        ],
        "resources": {"requests": {"cpu": CPU_REQUEST}},
    }
    for name, probe in (("liveness", spec.liveness), ("readiness", spec.readiness), ("startup", spec.startup)):
        if probe is not None:
            container[f"{name}Probe"] = rendered_probe(name, probe)
    annotations = {
        MIN_SCALE: str(spec.min_scale),
        MAX_SCALE: str(spec.max_scale),
        **({} if spec.initial_scale is None else {INITIAL_SCALE: str(spec.initial_scale)}),
        **({} if spec.window_s is None else {WINDOW: f"{spec.window_s}s"}),
        **({} if spec.target_rps is None else {METRIC: RPS, TARGET: str(spec.target_rps)}),
        **({} if spec.target_burst_capacity is None else {TARGET_BURST_CAPACITY: str(spec.target_burst_capacity)}),
    }
    return {
        "apiVersion": SERVING_API,
        "kind": "Service",
        "metadata": {"name": spec.name},
        "spec": {
            "template": {
                "metadata": {"annotations": annotations},
                "spec": {
                    "containerConcurrency": spec.container_concurrency,
                    "timeoutSeconds": spec.timeout_s,
                    "containers": [container],
                },
            }
        },
    }


def rendered_probe(name: str, probe: Probe) -> Obj:
    """One probe in Kubernetes' words. name: "liveness", "readiness" or "startup"; the app knows the first two for EXEC."""
    # Knative fills in the port of liveness and readiness; of a startup probe it leaves 0, which Kubernetes refuses (seen at 1.23)
    number = probe.port or (USER_PORT if name == "startup" else 0)
    port = {"port": number} if number else {}
    timing = {
        "periodSeconds": probe.period_s,
        "failureThreshold": probe.failure_threshold,
        "timeoutSeconds": probe.timeout_s,
        **({"initialDelaySeconds": probe.initial_delay_s} if probe.initial_delay_s else {}),
    }
    if probe.handler is Handler.HTTP:
        return {"httpGet": {"path": probe.path, **port}, **timing}
    if probe.handler is Handler.TCP:
        return {"tcpSocket": dict(port), **timing}
    # a path of an HTTP probe left standing means: the probe of this name; the app knows no "startup" of its own
    asked = probe.path if probe.path in PROBE_PATHS.values() else name
    return {"exec": {"command": [*PROBE_COMMAND, "liveness" if asked == "startup" else asked]}, **timing}


def from_yaml(text: str, *, where: str = "") -> Obj:
    """A user's own Service manifest, fit for the functions below. where: its file, for the message.

    Raises BadInput with one line that names what to change, here rather than after a long build.
    """

    def bad(what: str, fix: str) -> BadInput:
        return BadInput(what, fix=fix, where=where)

    try:
        found = documents(text)
    except YAMLError as error:
        said = " ".join(str(error).split())[:200]
        raise bad(f"The Service manifest is not YAML: {said}.", "Correct it; `kubectl apply --dry-run=client` helps.") from error
    if len(found) != 1:
        raise bad(f"The Service manifest has {len(found)} documents, wanted is one.", "Leave one Knative Service in the file.")
    obj = found[0].value
    require_plain(obj, bad)
    if not isinstance(obj, dict) or found[0].kind != "Service" or found[0].api_version != SERVING_API:
        seen = " ".join(shown(obj[key])[1:-1] for key in ("apiVersion", "kind") if obj.get(key)) if isinstance(obj, dict) else ""
        raise bad(
            f"The Service manifest is no Knative Service but: {seen or type(obj).__name__}.",
            f"Write apiVersion: {SERVING_API}, kind: Service.",
        )
    name = _at(obj, "metadata", "name")
    if not isinstance(name, str) or not _DNS_LABEL.fullmatch(name):
        raise bad(
            "metadata.name is not there." if name is None else f"metadata.name is {shown(name)}, which names no Service.",
            "Write one of small letters, digits and `-`, at most 63, a letter first.",
        )
    _require_containers(obj, bad)
    require_fields(obj, bad)
    _require_one_port(obj, bad)
    return obj


def _require_containers(obj: Obj, bad: Bad) -> None:
    place = "spec.template.spec.containers"
    containers = _at(obj, *place.split("."))
    if not isinstance(containers, list) or not containers:
        raise bad("The Service manifest has no container.", f"Write {place} with one container.")
    for index, container in enumerate(containers):
        if not isinstance(container, dict):
            raise bad(f"{place}[{index}] is {shown(container)} and no mapping.", f"Write {place}: [{{image: {TOGGLE.image}}}].")
        if not isinstance(container.get("image"), str) or not container["image"]:
            raise bad(f"{place}[{index}] has no image.", f"Write one, or `image: {TOGGLE.image}` for the toggle app.")


def _require_one_port(obj: Obj, bad: Bad) -> None:
    containers = obj["spec"]["template"]["spec"]["containers"]
    ports = [
        f"{one.get('containerPort')} of container {container.get('name') or index}"
        for index, container in enumerate(containers)
        for one in container.get("ports") or []
    ]
    if len(ports) > 1:
        raise bad(
            f"The Service manifest has {len(ports)} ports ({', '.join(ports[:8])}); Knative serves one.",
            "Leave the one to be served.",
        )
    if len(containers) > 1 and not ports:
        raise bad(
            f"None of the {len(containers)} containers has a port.", "Write ports: [{containerPort: 8080}] at the one to be served."
        )
    served = served_container(obj)
    index = next(index for index, one in enumerate(containers) if one is served)
    require_two_ports(served, f"spec.template.spec.containers[{index}]", bad)


def _at(obj: Any, *keys: str) -> Any:
    """The value below the keys, None where one of them is missing or not a mapping."""
    for key in keys:
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj


def adopted(manifest: Obj, *, namespace: str, app_image: str, token: str, run_id: str) -> Obj:
    """A document as it is applied: in our namespace, with the run's label, and nothing else of it changed.

    Where its image is "toggle", the toggle app and its token take the place.
    """
    obj = copy.deepcopy(manifest)
    metadata = obj["metadata"]
    metadata["namespace"] = namespace
    template = obj["spec"].get("template")
    if template is None:  # a Service of Kubernetes has no pods of its own
        metadata["labels"] = {**(metadata.get("labels") or {}), RUN_LABEL: run_id}
        return obj
    inner = template.get("metadata") or {}
    template["metadata"] = inner
    for one in (metadata, inner):
        one["labels"] = {**(one.get("labels") or {}), RUN_LABEL: run_id}
    for container in template["spec"]["containers"]:
        if app_of(container["image"]) is TOGGLE:
            container["image"] = app_image
            container.setdefault("imagePullPolicy", "IfNotPresent")
            others = [one for one in container.get("env") or [] if one.get("name") != TOKEN_ENV]
            container["env"] = [*others, {"name": TOKEN_ENV, "value": token}]
    return obj


def described(manifest: Obj, *, base: ServiceSpec) -> ServiceSpec:
    """What a user's manifest says of the Service under test, in our terms: name, probes, scale, the app's start-up delay.

    base: gives what a manifest does not say. Raises BadInput when the served container is not the toggle app: no fault can be put
    into another, and its answers prove nothing.
    """
    container = served_container(manifest)
    if not app_of(container["image"]).control_port:
        raise BadInput(
            f"The Service's container runs {container['image']}, not the toggle app.",
            fix=f"Write `image: {TOGGLE.image}` for the container that gets the requests; its probes are what is measured.",
        )
    try:
        return _described(manifest, container, base)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"A probe, an annotation or a delay of the Service manifest is not what it should be: {error}.",
            fix="Write numbers as numbers; `kubectl apply --dry-run=server` says which field it is.",
        ) from error


def _described(manifest: Obj, container: Obj, base: ServiceSpec) -> ServiceSpec:
    notes, pod = annotations_of(manifest), manifest["spec"]["template"]["spec"]
    port = user_port(manifest)
    replicas = int(manifest["spec"].get("replicas") or 0)  # of a plain Deployment
    return replace(
        base,
        name=manifest["metadata"]["name"],
        app=AppSpec(float(env_of(manifest, STARTUP_DELAY_ENV) or 0), env_of(manifest, SIGTERM_ENV) or AppSpec().sigterm),
        liveness=_described_probe(container.get("livenessProbe"), port),
        readiness=_described_probe(container.get("readinessProbe"), port),
        startup=_described_probe(container.get("startupProbe"), port),
        min_scale=int(notes.get(MIN_SCALE) or replicas),
        max_scale=int(notes.get(MAX_SCALE) or replicas),
        initial_scale=int(notes[INITIAL_SCALE]) if INITIAL_SCALE in notes else None,
        target_rps=int(notes[TARGET]) if notes.get(METRIC) == RPS and TARGET in notes else None,
        window_s=_whole_seconds(notes[WINDOW]) if WINDOW in notes else None,
        target_burst_capacity=int(notes[TARGET_BURST_CAPACITY]) if TARGET_BURST_CAPACITY in notes else None,
        container_concurrency=int(pod.get("containerConcurrency") or 0),
        timeout_s=int(pod.get("timeoutSeconds") or pod.get("terminationGracePeriodSeconds") or base.timeout_s),
    )


def _whole_seconds(text: str) -> int:
    """A duration as Go writes it, such as "6s" or "1m30s". Raises ValueError for what is none, or not of whole seconds."""
    parts = re.fullmatch(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", text)
    if not text or parts is None:
        raise ValueError(f"{WINDOW} is {shown(text)}; write it in seconds, such as 6s")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds


def annotations_of(manifest: Obj) -> Obj:
    """Those of the template, which say how a Revision is scaled."""
    return _at(manifest, "spec", "template", "metadata", "annotations") or {}


def pods_wanted(manifest: Obj) -> int:
    """How many pods stand before a request came: the initial scale, and no fewer than the minimum; 1 where neither is written."""
    notes = annotations_of(manifest)
    least, first = int(notes.get(MIN_SCALE) or 0), int(notes.get(INITIAL_SCALE) or 1)
    return max(least, 0 if notes.get(INITIAL_SCALE) == "0" else first)


def scales_by_itself(manifest: Obj) -> bool:
    """Whether the number of pods falls without anybody's doing once they stand: it begins above the minimum."""
    return INITIAL_SCALE in annotations_of(manifest) and pods_wanted(manifest) > int(annotations_of(manifest).get(MIN_SCALE) or 0)


def _described_probe(probe: Obj | None, served: int) -> Probe | None:
    """A probe of a manifest in our terms, with the defaults Kubernetes gives. served: the user port, which need not be named."""
    if not probe:
        return None
    http, command = probe.get("httpGet"), list((probe.get("exec") or {}).get("command") or [])
    handler = Handler.HTTP if http is not None else Handler.EXEC if probe.get("exec") is not None else Handler.TCP
    port = (http or probe.get("tcpSocket") or {}).get("port")
    of_app = tuple(command[:-1]) == PROBE_COMMAND
    return Probe(
        handler=handler,
        path=str(command[-1] if of_app else (http or {}).get("path") or "/"),
        port=port if isinstance(port, int) and port != served else 0,
        period_s=int(probe.get("periodSeconds") or 10),
        failure_threshold=int(probe.get("failureThreshold") or 3),
        timeout_s=int(probe.get("timeoutSeconds") or 1),
        initial_delay_s=int(probe.get("initialDelaySeconds") or 0),
    )


def served_container(obj: Obj) -> Obj:
    """The container that gets the requests: the one with a port, or the only one."""
    containers: list[Obj] = obj["spec"]["template"]["spec"]["containers"]
    return next((one for one in containers if one.get("ports")), containers[0])


def user_port(obj: Obj) -> int:
    """The port the app listens on; Knative's default where the manifest names none."""
    ports = served_container(obj).get("ports") or [{}]
    return int(ports[0].get("containerPort") or USER_PORT)


def env_of(obj: Obj, name: str) -> str:
    """A variable of the served container as written, "" if it is not there or comes from elsewhere; of two the last counts."""
    found = [one for one in served_container(obj).get("env") or [] if one.get("name") == name]
    return str(found[-1].get("value") or "") if found else ""
