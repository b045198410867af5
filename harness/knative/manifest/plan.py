"""The plan of a workload's probes: who asks which port how often, and how long it takes until something happens.

A prediction from the manifest alone. Times are those of the probes: what the kubelet needs to stop and start a container, and what
Kubernetes needs to take a pod out of its Services, comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.knative.manifest import notes as n
from harness.knative.manifest.defaults import HANDLERS
from harness.knative.manifest.kinds import METADATA
from harness.knative.manifest.needs import Need, needs
from harness.knative.manifest.places import Obj, Place, at
from harness.knative.manifest.rendering import Rendered
from harness.knative.manifest.settings import Settings
from harness.knative.names import INITIAL_SCALE, MAX_SCALE, METRIC, MIN_SCALE, QUEUE_PROXY, TARGET, TARGET_BURST_CAPACITY, WINDOW

POD: Place = ("spec", "template", "spec")
_PROBES = {"startupProbe": "startup", "livenessProbe": "liveness", "readinessProbe": "readiness"}
_WAYS = {"httpGet": "HTTP", "tcpSocket": "TCP", "exec": "exec", "grpc": "gRPC"}
_K8S_DEFAULTS = {
    "initialDelaySeconds": 0,
    "periodSeconds": 10,
    "timeoutSeconds": 1,
    "successThreshold": 1,
    "failureThreshold": 3,
}


class Asker(StrEnum):
    """Who asks a probe."""

    KUBELET = "kubelet"
    QUEUE_PROXY = "queue-proxy"
    ACTIVATOR = "activator"


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its place. at: where the user wrote it; None: a default of Kubernetes or of Knative."""

    value: int | str | None
    at: Place | None = None


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """One probe, as it is asked.

    container: that is asked; "queue-proxy" for Knative's own. kind: "startup", "liveness" or "readiness". way: "HTTP", "TCP",
    "exec" or "gRPC". port: 0 for exec. target: path, command or service. often: in words. acts: what happens in the end.
    within_s: from the first moment at which it would fail to when it acts, at least and at most; None where no time can be said.
    changed: what Knative made of what was written, one sentence each. at: the user's probe; None where he wrote none.
    """

    container: str
    kind: str
    asker: Asker
    way: str
    port: Value
    target: Value
    delay_s: Value
    period_s: Value
    timeout_s: Value
    failure_threshold: Value
    success_threshold: Value
    often: str
    acts: str
    within_s: tuple[int, int] | None
    changed: tuple[str, ...]
    at: Place | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a manifest says about probes, ports, scale and time.

    kind: "Service" or "Deployment". values: scale, concurrency and timeouts by name, in the order to be shown. notes: what else a
    reader should know, one sentence each. needs: objects that the pods need from their namespace.
    """

    kind: str
    name: str
    version: str
    served: str
    port: Value
    probes: tuple[ProbePlan, ...]
    values: tuple[tuple[str, Value], ...]
    needs: tuple[Need, ...]
    notes: tuple[str, ...]


def plan(manifest: Obj, service: Obj, made: Rendered, settings: Settings) -> Plan:
    """Of a Knative Service. manifest: as written. service: with its defaults. made: what becomes of it."""
    containers = at(manifest, *POD, "containers")
    served = containers[made.served]
    name = made.pod["containers"][made.served]["name"]
    port_at = (*POD, "containers", made.served, "ports", 0, "containerPort")
    port = Value(made.port, port_at if at(manifest, *port_at) else None)
    probes: list[ProbePlan] = []
    for index, container in enumerate(made.pod["containers"][:-1]):
        probes += _kubelet(containers[index], container, index, settings)
    probes += _moved(containers, made, settings)
    return Plan(
        kind="Service",
        name=str(at(manifest, "metadata", "name") or at(manifest, "metadata", "generateName") or ""),
        version=settings.version.minor_text,
        served=name,
        port=port,
        probes=tuple(probes),
        values=tuple(_scale(manifest, service, settings)),
        needs=needs(at(manifest, *POD) or {}, POD),
        notes=tuple(_notes(manifest, served, made, settings)),
    )


def deployment_plan(manifest: Obj, settings: Settings) -> Plan:
    """Of a Deployment: the kubelet asks every probe as it is written."""
    pod = manifest["spec"]["template"]["spec"]
    probes = [row for index, container in enumerate(pod["containers"]) for row in _kubelet(container, container, index, settings)]
    port_at = (*POD, "containers", 0, "ports", 0, "containerPort")
    return Plan(
        kind="Deployment",
        name=str(at(manifest, "metadata", "name") or ""),
        version=settings.version.minor_text,
        served=str(pod["containers"][0].get("name") or ""),
        port=Value(at(manifest, *port_at), port_at if at(manifest, *port_at) else None),
        probes=tuple(probes),
        values=(
            ("replicas", _written(manifest, ("spec", "replicas"), 1)),
            ("terminationGracePeriodSeconds", _written(manifest, (*POD, "terminationGracePeriodSeconds"), 30)),
        ),
        needs=needs(pod, POD),
        notes=("A plain Deployment: Knative changes nothing, and the kubelet asks every probe.",),
    )


def _written(manifest: Obj, place: Place, default: int | str | None) -> Value:
    value = at(manifest, *place)
    return Value(default) if value in (None, "") else Value(value, place)


def _timing(written: Obj | None, place: Place | None, defaults: dict[str, int]) -> dict[str, Value]:
    """The five numbers of a probe; 0 counts as left out, but for the delay."""
    found = {}
    for name, default in defaults.items():
        value = (written or {}).get(name)
        found[name] = Value(value, (*place, name)) if value and place is not None else Value(default)
    return found


def _kubelet(written: Obj, made: Obj, index: int, settings: Settings) -> Iterator[ProbePlan]:
    """The probes that the kubelet asks of one container."""
    for name, kind in _PROBES.items():
        probe = made.get(name)
        if probe is None:
            continue
        place = (*POD, "containers", index, name)
        changed = _changed(written.get(name), probe, settings)
        yield _row(str(made.get("name") or ""), kind, Asker.KUBELET, probe, written.get(name), place, changed)


def _row(
    container: str, kind: str, asker: Asker, probe: Obj, written: Obj | None, place: Place | None, changed: tuple[str, ...]
) -> ProbePlan:
    way = next(name for name in HANDLERS if name in probe)
    action = probe[way] or {}
    own = (written or {}).get(way) or {}
    said = place if written is not None else None
    timing = _timing(written, said, _K8S_DEFAULTS)
    period, timeout = _number(timing["periodSeconds"]), _number(timing["timeoutSeconds"])
    failures, delay = _number(timing["failureThreshold"]), _number(timing["initialDelaySeconds"])
    port_at = (*place, way, "port") if said is not None and place is not None and own.get("port") == action.get("port") else None
    within = ((failures - 1) * period, failures * period + timeout)
    if kind == "startup":
        within = (delay + (failures - 1) * period, delay + failures * period + timeout)
    return ProbePlan(
        container=container,
        kind=kind,
        asker=asker,
        way=_WAYS[way],
        port=Value(0 if way == "exec" else action.get("port") or 0, port_at),
        target=_target(way, action, own, place if said else None),
        delay_s=timing["initialDelaySeconds"],
        period_s=timing["periodSeconds"],
        timeout_s=timing["timeoutSeconds"],
        failure_threshold=timing["failureThreshold"],
        success_threshold=timing["successThreshold"],
        often=f"every {period} s" + (f", from {delay} s on" if delay else ""),
        acts=_ACTS[kind],
        within_s=within,
        changed=changed,
        at=said,
    )


_ACTS = {
    "startup": "restarts the container if it never succeeded; until it does, the pod is not ready and no other probe is asked",
    "liveness": "restarts the container; the pod stays ready unless another probe fails",
    "readiness": "takes the pod out of the Service; ready again after the success threshold, or with a new container",
}


def _number(value: Value) -> int:
    return value.value if isinstance(value.value, int) else 0


def _target(way: str, action: Obj, own: Obj, place: Place | None) -> Value:
    if way == "exec":
        return Value(" ".join(map(str, action.get("command") or [])), (*place, way, "command") if place else None)
    key = {"httpGet": "path", "grpc": "service"}.get(way, "")
    text = str(action.get(key) or ("/" if way == "httpGet" else "")) if key else ""
    return Value(text, (*place, way, key) if place and own.get(key) else None)


def _changed(written: Obj | None, made: Obj, settings: Settings) -> tuple[str, ...]:
    """How a probe that the kubelet asks differs from what was written."""
    said: list[str] = []
    for way in ("httpGet", "tcpSocket"):
        if written is None or way not in made or not isinstance(written.get(way), dict):
            continue
        before, after = written[way].get("port"), made[way].get("port")
        if before and before != after:
            rule = "" if settings.since("1.22") else ", on every version"
            switch = " unless multi-container-probing is on" if settings.since("1.22") else rule
            said.append(f"port {before} became {after}: Knative asks liveness at the served port{switch}")
        elif not before and after:
            said.append(f"port {after} filled in")
        if len(made[way].get("httpHeaders") or []) > len(written[way].get("httpHeaders") or []):
            said.append("header K-Kubelet-Probe added")
    return tuple(said)


def _moved(containers: list[Obj], made: Rendered, settings: Settings) -> Iterator[ProbePlan]:
    """Queue-proxy's own readiness, which the kubelet asks, and the probes that queue-proxy asks then; the activator beside them."""
    own = made.pod["containers"][-1]["readinessProbe"]
    written: Obj | None = containers[made.served].get("readinessProbe")
    place = (*POD, "containers", made.served, "readinessProbe")
    said = place if written else None
    row = _row(QUEUE_PROXY, "readiness", Asker.KUBELET, own, None, None, ())
    timing = _timing(written, said, _K8S_DEFAULTS | ({"periodSeconds": 1} if own.get("periodSeconds") == 1 else {}))
    period, timeout = _number(timing["periodSeconds"]), _number(timing["timeoutSeconds"])
    failures, delay = _number(timing["failureThreshold"]), _number(timing["initialDelaySeconds"])
    origin = (
        "its timing is that of the served container's readiness probe" if said else "no readiness probe is written: Knative's own"
    )
    often = f"every {period} s" + (f", from {delay} s on" if delay else "")
    within = ((failures - 1) * period, failures * period + timeout)
    yield ProbePlan(
        container=QUEUE_PROXY,
        kind="readiness",
        asker=Asker.KUBELET,
        way="HTTP",
        port=row.port,
        target=Value("/"),
        delay_s=timing["initialDelaySeconds"],
        period_s=timing["periodSeconds"],
        timeout_s=timing["timeoutSeconds"],
        failure_threshold=timing["failureThreshold"],
        success_threshold=timing["successThreshold"],
        often=often,
        acts="takes the pod out of the Service; a restart of the user container alone does not reset it",
        within_s=within,
        changed=(f"added by Knative; {origin}",),
        at=said,
    )
    for index, probe in made.asked:
        yield _asked(containers[index], made, index, probe, period)
    acts = "holds requests back only while no pod is known to be ready"
    if why := _waits_for_ready(containers, made.served, settings):
        acts = f"{acts}; it waits for Kubernetes' Ready: {why}"
    yield ProbePlan(
        container=QUEUE_PROXY,
        kind="readiness",
        asker=Asker.ACTIVATOR,
        way="HTTP",
        port=row.port,
        target=Value("/healthz"),
        delay_s=Value(0),
        period_s=Value(None),
        timeout_s=Value(None),
        failure_threshold=Value(1),
        success_threshold=Value(1),
        often="every 200 ms until it succeeds, then not again while the pod is ready",
        acts=acts,
        within_s=None,
        changed=("added by Knative",),
        at=None,
    )


def _waits_for_ready(containers: list[Obj], served: int, settings: Settings) -> str:
    """Which probe queue-proxy cannot answer for, so that its good answer alone is not enough for the activator; "" if none.

    Source: `pkg/activator/net/revision_backends.go`, enableProbeOptimisation.
    """
    own = containers[served]
    if (own.get("readinessProbe") or {}).get("exec") is not None and settings.since("1.1"):
        return "the probe is exec"
    if own.get("startupProbe") is not None and settings.since("1.15"):
        return "there is a startup probe"
    if any(one.get("startupProbe") is not None for one in containers) and settings.since("1.18"):
        return "a sidecar has a startup probe"
    return ""


def _period(written: Obj | None) -> int:
    return int((written or {}).get("periodSeconds") or 0)


def _asked(container: Obj, made: Rendered, index: int, probe: Obj, period: int) -> ProbePlan:
    """A probe that queue-proxy asks over loopback whenever its own readiness is asked."""
    written = container.get("readinessProbe")
    place = (*POD, "containers", index, "readinessProbe")
    row = _row(made.pod["containers"][index]["name"], "readiness", Asker.QUEUE_PROXY, probe, written, place, ())
    said = ["asked by queue-proxy over 127.0.0.1 instead of by the kubelet"]
    if written is None:
        said = ["no readiness probe is written: Knative connects to the served port"]
    elif not any(name in written for name in HANDLERS):
        said.append("without a handler: Knative connects to the served port")
    elif written.get("exec") is not None:
        said = ["queue-proxy connects to the port as well; the command stays with the kubelet"]
    if index != made.served and written is not None and any(written.get(name) for name in ("periodSeconds", "failureThreshold")):
        said.append("its own period and thresholds have no effect: the served container's count")
    often = f"whenever the kubelet asks queue-proxy (every {period} s)" + (
        ", each time again every 50 ms until it succeeds" if not probe.get("periodSeconds") else ", once each time"
    )
    return ProbePlan(
        container=row.container,
        kind="readiness",
        asker=Asker.QUEUE_PROXY,
        way=row.way,
        port=row.port,
        target=row.target,
        delay_s=row.delay_s,
        period_s=row.period_s
        if _period(written)
        else Value(0, (*place, "periodSeconds") if "periodSeconds" in (written or {}) else None),
        timeout_s=row.timeout_s,
        failure_threshold=row.failure_threshold,
        success_threshold=row.success_threshold,
        often=often,
        acts="makes queue-proxy answer 503 to the kubelet and the activator",
        within_s=None,
        changed=tuple(said),
        at=row.at,
    )


def _scale(manifest: Obj, service: Obj, settings: Settings) -> Iterator[tuple[str, Value]]:
    found = at(manifest, *n.TEMPLATE_NOTES)
    for name, key, default in (
        ("min-scale", MIN_SCALE, "0"),
        ("max-scale", MAX_SCALE, "0 (no limit)"),
        ("initial-scale", INITIAL_SCALE, "1"),
        ("activation-scale", n.ACTIVATION_SCALE, "1"),
        ("window", WINDOW, "60s"),
        ("metric", METRIC, "concurrency"),
        ("target", TARGET, "100, of which 70 %"),
        ("target-burst-capacity", TARGET_BURST_CAPACITY, "211"),
        ("scale-down-delay", n.SCALE_DOWN_DELAY, "0s"),
        ("scale-to-zero-pod-retention-period", n.RETENTION, "0s"),
        ("class", n.CLASS, n.KPA),
    ):
        spelling = n.spelling(found, key)
        text = n.note(found, key)
        yield name, Value(default) if text is None else Value(text, (*n.TEMPLATE_NOTES, spelling))
    for name in ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds"):
        value = _written(manifest, (*POD, name), None)
        if value.at is None and name in at(service, *POD):
            value = Value(at(service, *POD, name))
        if value.value is not None or settings.since("1.7"):
            yield (
                name,
                value if value.value is not None else Value(_timeout_default(name, at(service, *POD, "timeoutSeconds"), settings)),
            )


def _timeout_default(name: str, timeout: int, settings: Settings) -> str:
    """Since 1.13 the release's default of 300 s is filled in where the whole timeout is longer; 0 is none."""
    filled = name == "responseStartTimeoutSeconds" and timeout > 300 and settings.since("1.13")
    return "300" if filled else "none"


def _notes(manifest: Obj, served: Obj, made: Rendered, settings: Settings) -> Iterator[str]:
    yield f"pods end within terminationGracePeriodSeconds {made.pod['terminationGracePeriodSeconds']}: timeoutSeconds sets it"
    liveness = served.get("livenessProbe") or {}
    alone = liveness and not served.get("readinessProbe") and not served.get("startupProbe")
    # A TCP probe fails only once the port is closed: it does not restart an app that listens.
    if alone and "tcpSocket" not in liveness and settings.since("1.7"):
        yield (
            "liveness alone: while the restarted container does not listen, the pod stays ready and queue-proxy answers 502 "
            "(knative/serving #14980)"
        )
    port_name = at(served, "ports", 0, "name")
    if port_name == "h2c":
        for name, kind in _PROBES.items():
            if at(served, name, "httpGet") is not None:
                yield f"port h2c, but the {kind} probe asks by HTTP/1.1: an app that speaks HTTP/2 alone fails it"
    latest = str(at(manifest, "spec", "template", "metadata", "name") or "")
    for index, target in enumerate(at(manifest, "spec", "traffic") or []):
        revision = target.get("revisionName")
        if revision and revision != latest:
            yield f"spec.traffic[{index}].revisionName {revision} must be there already, or the Service never becomes ready"
    for key in sorted(set(at(manifest, "spec", "template", "metadata") or {}) - set(METADATA.fields)):
        yield f"spec.template.metadata.{key}: there is no such field; Knative drops it"
    for key, alike in n.unknown(at(manifest, *n.TEMPLATE_NOTES)).items():
        yield f"annotation {key}: no autoscaler of Knative reads it" + (f"; {alike}?" if alike else "")
    if len(made.pod["containers"]) > 2 and not settings.probes_sidecars:
        yield "probes of sidecars are refused unless multi-container-probing is enabled (1.14 and later): --sidecar-probes"
