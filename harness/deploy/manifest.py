"""A Knative Service as it is applied: from a ServiceSpec, or from what a user wrote (`harness.deploy.own`). Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from harness.adapters.documents import Obj
from harness.apps.known import app_of
from harness.apps.toggle import (
    ANSWER_DELAY_ENV,
    ASKS_ENV,
    CONTROL_PORT,
    CONTROL_PORT_ENV,
    LOG_REQUESTS_ENV,
    PROBE_COMMAND,
    PROBE_PATHS,
    READY_DELAY_ENV,
    SIGTERM_ENV,
    STARTUP_DELAY_ENV,
    TOGGLE,
    TOKEN_ENV,
)
from harness.errors import BadInput
from harness.knative.manifest.notes import template_note
from harness.knative.manifest.places import at
from harness.knative.manifest.rendering import served_index
from harness.knative.manifest.words import duration_ns
from harness.knative.names import (
    INITIAL_SCALE,
    MAX_SCALE,
    METRIC,
    MIN_SCALE,
    PORT_ENV,
    RPS,
    SERVING_API,
    TARGET,
    TARGET_BURST_CAPACITY,
    USER_CONTAINER,
    USER_PORT,
    WINDOW,
)
from harness.knative.roles import sidecar_role
from harness.model import RUN_LABEL, AppSpec, Handler, Probe, ServiceSpec, Sidecar

HANDLERS = {"httpGet": Handler.HTTP, "exec": Handler.EXEC, "grpc": Handler.GRPC}
"""Fields of a probe; one without any of them asks by TCP, as Knative fills it in."""

CPU_REQUEST = "50m"
SIDECAR_CPU_REQUEST = "20m"
"""Two pods must fit at once on two cores beside Kubernetes and Knative, while one replaces the other."""


def render(spec: ServiceSpec) -> Obj:
    """The Service v1 of a spec: containers of the toggle app, probes as asked and no others, no limits."""
    container: Obj = {
        **({"name": USER_CONTAINER} if spec.sidecars else {}),
        "image": TOGGLE.image,
        "ports": [{"containerPort": USER_PORT}],
        "env": _env_of(spec.app),
        "resources": {"requests": {"cpu": CPU_REQUEST}},
        **_probes(spec.liveness, spec.readiness, spec.startup),
    }
    sidecars = [_sidecar(one, CONTROL_PORT - number) for number, one in enumerate(spec.sidecars, 1)]
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
                    "containers": [container, *sidecars],
                },
            }
        },
    }


def _sidecar(spec: Sidecar, control_port: int) -> Obj:
    """A container of the toggle app on a port of its own. Its probes name their port: Knative fills none in for a sidecar."""
    probes = [one and replace(one, port=one.port or spec.port) for one in (spec.liveness, spec.readiness, spec.startup)]
    return {
        "name": spec.name,
        "image": TOGGLE.image,
        "env": [
            {"name": PORT_ENV, "value": str(spec.port)},
            {"name": CONTROL_PORT_ENV, "value": str(control_port)},
            *_env_of(spec.app),
        ],
        "resources": {"requests": {"cpu": SIDECAR_CPU_REQUEST}},
        **_probes(*probes),
    }


def _env_of(app: AppSpec) -> list[Obj]:
    return [
        {"name": STARTUP_DELAY_ENV, "value": f"{app.startup_delay_s:g}"},
        {"name": SIGTERM_ENV, "value": app.sigterm},
        *([{"name": ASKS_ENV, "value": str(app.asks)}] if app.asks else []),
        *([{"name": LOG_REQUESTS_ENV, "value": "1"}] if app.logs_requests else []),
        *([{"name": READY_DELAY_ENV, "value": f"{app.ready_delay_s:g}"}] if app.ready_delay_s else []),
        *([{"name": ANSWER_DELAY_ENV, "value": f"{app.answer_delay_s:g}"}] if app.answer_delay_s else []),
    ]


def _probes(liveness: Probe | None, readiness: Probe | None, startup: Probe | None) -> Obj:
    given = {"liveness": liveness, "readiness": readiness, "startup": startup}
    return {f"{name}Probe": rendered_probe(name, probe) for name, probe in given.items() if probe is not None}


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
    if probe.handler is Handler.GRPC:
        return {"grpc": {"port": number or USER_PORT}, **timing}
    # a path of an HTTP probe left standing means: the probe of this name; the app knows no "startup" of its own
    asked = probe.path if probe.path in PROBE_PATHS.values() else name
    return {"exec": {"command": [*PROBE_COMMAND, "liveness" if asked == "startup" else asked]}, **timing}


def adopted(manifest: Obj, *, namespace: str, images: Mapping[str, str], token: str, run_id: str) -> Obj:
    """A document as it is applied: in our namespace, with the run's label, and nothing else of it changed but its images.

    images: by their names in the document, the names under which the cluster has them. The toggle app gets its token.
    """
    obj = copy.deepcopy(manifest)
    metadata = obj["metadata"]
    metadata["namespace"] = namespace
    template = (obj.get("spec") or {}).get("template")
    if template is None:  # a Service of Kubernetes, a ConfigMap: they have no pods of their own
        metadata["labels"] = {**(metadata.get("labels") or {}), RUN_LABEL: run_id}
        return obj
    inner = template.get("metadata") or {}
    template["metadata"] = inner
    for one in (metadata, inner):
        one["labels"] = {**(one.get("labels") or {}), RUN_LABEL: run_id}
    for container in template["spec"]["containers"]:
        named = container["image"]
        if named in images:
            container["image"] = images[named]
            container.setdefault("imagePullPolicy", "IfNotPresent")
        if app_of(named) is TOGGLE:
            others = [one for one in container.get("env") or [] if one.get("name") != TOKEN_ENV]
            container["env"] = [*others, {"name": TOKEN_ENV, "value": token}]
    return obj


def described(manifest: Obj, *, base: ServiceSpec) -> ServiceSpec:
    """What a user's manifest says of the Service under test, in our terms: name, image, probes, scale, the app's start-up delay,
    and the sidecars.

    base: gives what a manifest does not say. Raises BadInput for what is not what it should be.
    """
    container = served_container(manifest)
    try:
        return _described(manifest, container, base)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"A probe, an annotation or a delay of the Service manifest has a wrong value: {error}.",
            fix="Write numbers as numbers; `kubectl apply --dry-run=server` says which field it is.",
        ) from error


def _described(manifest: Obj, container: Obj, base: ServiceSpec) -> ServiceSpec:
    pod, port = manifest["spec"]["template"]["spec"], user_port(manifest)
    replicas = int(manifest["spec"].get("replicas") or 0)  # of a plain Deployment

    def note(key: str) -> str:
        return template_note(manifest, key) or ""

    window = note(WINDOW)
    return replace(
        base,
        name=manifest["metadata"]["name"],
        app=_described_app(container),
        sidecars=tuple(_described_sidecar(one, place) for place, one in enumerate(containers_of(manifest)) if one is not container),
        liveness=_described_probe(container.get("livenessProbe"), port),
        readiness=_described_probe(container.get("readinessProbe"), port),
        startup=_described_probe(container.get("startupProbe"), port),
        min_scale=int(note(MIN_SCALE) or replicas),
        max_scale=int(note(MAX_SCALE) or replicas),
        initial_scale=int(note(INITIAL_SCALE)) if note(INITIAL_SCALE) else None,
        target_rps=int(note(TARGET)) if note(METRIC) == RPS and note(TARGET) else None,
        window_s=_whole_seconds(window) if template_note(manifest, WINDOW) is not None else None,
        target_burst_capacity=int(note(TARGET_BURST_CAPACITY)) if note(TARGET_BURST_CAPACITY) else None,
        container_concurrency=int(pod.get("containerConcurrency") or 0),
        timeout_s=int(pod.get("timeoutSeconds") or pod.get("terminationGracePeriodSeconds") or base.timeout_s),
    )


def _described_app(container: Obj) -> AppSpec:
    """How the toggle app behaves is in its environment. Of another program only the image is known."""
    image = str(container["image"])
    if app_of(image) is not TOGGLE:
        return AppSpec(startup_delay_s=0.0, image=image)
    return AppSpec(
        startup_delay_s=float(variable(container, STARTUP_DELAY_ENV) or 0),
        sigterm=variable(container, SIGTERM_ENV) or AppSpec().sigterm,
        image=image,
        asks=int(variable(container, ASKS_ENV) or 0),
        answer_delay_s=float(variable(container, ANSWER_DELAY_ENV) or 0),
        ready_delay_s=float(variable(container, READY_DELAY_ENV) or 0),
        logs_requests=variable(container, LOG_REQUESTS_ENV) == "1",
    )


def _described_sidecar(container: Obj, place: int) -> Sidecar:
    """A container that gets no requests from outside. Where its program listens is known of the toggle app alone.

    place: among all containers; Knative makes a name of it for one that has none.
    """
    port = int(variable(container, PORT_ENV) or 0)
    return Sidecar(
        name=str(container.get("name") or f"{USER_CONTAINER}-{place}"),
        port=port,
        app=_described_app(container),
        liveness=_described_probe(container.get("livenessProbe"), port),
        readiness=_described_probe(container.get("readinessProbe"), port),
        startup=_described_probe(container.get("startupProbe"), port),
    )


def _whole_seconds(text: str) -> int:
    """A duration as Go writes it, such as "6s" or "1m30s". Raises ValueError for what is none, or not of whole seconds."""
    length = duration_ns(text)
    if length is None or length % 10**9:
        raise ValueError(f"{WINDOW} is {text!r}; write it in seconds, such as 6s")
    return length // 10**9


def annotations_of(manifest: Obj) -> Obj:
    """Those of the template, which say how a Revision is scaled."""
    return at(manifest, "spec", "template", "metadata", "annotations") or {}


def pods_wanted(manifest: Obj) -> int:
    """How many pods stand before a request came: the initial scale, and no fewer than the minimum; 1 where neither is written."""
    least, first = int(template_note(manifest, MIN_SCALE) or 0), template_note(manifest, INITIAL_SCALE)
    return max(least, int(first or 1))


def scales_by_itself(manifest: Obj) -> bool:
    """Whether the number of pods changes by itself once they stand: it begins above the minimum, or has no maximum."""
    begins, most = template_note(manifest, INITIAL_SCALE) is not None, template_note(manifest, MAX_SCALE)
    return most == "0" or (begins and pods_wanted(manifest) > int(template_note(manifest, MIN_SCALE) or 0))


def _described_probe(probe: Obj | None, served: int) -> Probe | None:
    """A probe of a manifest in our terms, with the defaults Kubernetes gives. served: the user port, which need not be named."""
    if not probe:
        return None
    http, command = probe.get("httpGet"), list((probe.get("exec") or {}).get("command") or [])
    handler = next((handler for field, handler in HANDLERS.items() if probe.get(field) is not None), Handler.TCP)
    port = (http or probe.get("tcpSocket") or probe.get("grpc") or {}).get("port")
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
    containers = containers_of(obj)
    return containers[served_index(containers)]


def containers_of(obj: Obj) -> list[Obj]:
    """All containers of the template, as listed."""
    listed: list[Obj] = obj["spec"]["template"]["spec"]["containers"]
    return listed


def sidecar_control_ports(obj: Obj) -> dict[str, int]:
    """Where the toggle app in each sidecar takes orders, by role; other programs take none."""
    served = served_container(obj)
    others = [one for one in containers_of(obj) if one is not served]
    ports = {sidecar_role(number): variable(one, CONTROL_PORT_ENV) for number, one in enumerate(others, 1)}
    return {role: int(port) for role, port in ports.items() if port}


def user_port(obj: Obj) -> int:
    """The port the app listens on; Knative's default where the manifest names none."""
    ports = served_container(obj).get("ports") or [{}]
    return int(ports[0].get("containerPort") or USER_PORT)


def env_of(obj: Obj, name: str) -> str:
    """A variable of the served container as written, "" if it is not there or comes from elsewhere; of two the last counts."""
    return variable(served_container(obj), name)


def variable(container: Obj, name: str) -> str:
    """The same of any container."""
    found = [one for one in container.get("env") or [] if one.get("name") == name]
    return str(found[-1].get("value") or "") if found else ""
