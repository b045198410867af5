"""What Knative's webhook refuses of a Service that has its defaults.

Source: knative/serving pkg/apis/serving/k8s_validation.go, pkg/apis/serving/v1/*_validation.go, metadata_validation.go and
pkg/apis/autoscaling/annotation_validation.go, 1.1 to 1.23, with the feature flags of a release. Not checked here, because it has
no part in probes, ports, scale or time: the inside of projected volumes and of security contexts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from harness.knative.manifest import notes as n
from harness.knative.manifest.defaults import HANDLERS, PROBES, is_served
from harness.knative.manifest.places import By, Obj, Place, Problem, at, sentence, shown, text_of
from harness.knative.manifest.settings import Settings
from harness.knative.manifest.words import (
    LABEL,
    STRICT_LABEL,
    duration_ns,
    is_image,
    is_qualified_name,
    is_subdomain,
    quantity,
    real_number,
    whole_number,
)
from harness.knative.names import (
    ADMIN_PORT,
    AUTOSCALER_METRICS_PORT,
    H2C_PORT,
    HTTP_PORT,
    INITIAL_SCALE,
    MAX_SCALE,
    METRIC,
    MIN_SCALE,
    PORT_ENV,
    PROFILING_PORT,
    QUEUE_PROXY,
    RPS,
    TARGET,
    TARGET_BURST_CAPACITY,
    USER_METRICS_PORT,
    WINDOW,
)

RESERVED_PORTS = (PROFILING_PORT, HTTP_PORT, H2C_PORT, ADMIN_PORT, AUTOSCALER_METRICS_PORT, USER_METRICS_PORT)
"""Ports of queue-proxy, which shares the pod's network with the container."""

PORT_NAMES = ("", "http1", "h2c")
"""What a served port may be called: the name chooses the protocol."""

LONGEST_TIMEOUT_S = 600
"""max-revision-timeout-seconds of a release."""

HIGHEST_CONCURRENCY = 1000
"""container-concurrency-max-limit of a release."""

_RESERVED_ENV = ("PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION")
_NETWORKING_NOTES = tuple(
    f"networking.knative.dev/{name}"
    for name in (
        "ingress.class",
        "ingress-class",
        "certificate.class",
        "certificate-class",
        "disableAutoTLS",
        "disable-auto-tls",
        "disable-external-domain-tls",
        "httpOption",
        "http-protocol",
    )
)
_RESERVED_PATHS = ("/", "/dev", "/dev/log")
_RESERVED_UNTIL_1_12 = ("/tmp", "/var", "/var/log")  # noqa: S108 - mount paths of a container
_SECOND = 10**9
_HIGHEST_INT32 = 2**31 - 1

_SWITCHED_OFF = {
    "affinity": "kubernetes.podspec-affinity",
    "dnsConfig": "kubernetes.podspec-dnsconfig",
    "dnsPolicy": "kubernetes.podspec-dnspolicy",
    "hostAliases": "kubernetes.podspec-hostaliases",
    "hostIPC": "kubernetes.podspec-hostipc",
    "hostNetwork": "kubernetes.podspec-hostnetwork",
    "hostPID": "kubernetes.podspec-hostpid",
    "initContainers": "kubernetes.podspec-init-containers",
    "nodeSelector": "kubernetes.podspec-nodeselector",
    "priorityClassName": "kubernetes.podspec-priorityclassname",
    "runtimeClassName": "kubernetes.podspec-runtimeclassname",
    "schedulerName": "kubernetes.podspec-schedulername",
    "securityContext": "kubernetes.podspec-securitycontext",
    "shareProcessNamespace": "kubernetes.podspec-shareprocessnamespace",
    "tolerations": "kubernetes.podspec-tolerations",
    "topologySpreadConstraints": "kubernetes.podspec-topologyspreadconstraints",
}
"""Fields of a pod that a release refuses, each with the flag of config-features that permits it."""

_VOLUMES_OFF = {
    "persistentVolumeClaim": "kubernetes.podspec-persistent-volume-claim",
    "hostPath": "kubernetes.podspec-volumes-hostpath",
    "csi": "kubernetes.podspec-volumes-csi",
    "ephemeral": "kubernetes.podspec-volumes-ephemeral",
    "image": "kubernetes.podspec-volumes-image",
}
_VOLUMES = ("configMap", "secret", "projected", "emptyDir", *_VOLUMES_OFF)

_POD: Place = ("spec", "template", "spec")


def refused(manifest: Obj, settings: Settings) -> Iterator[Problem]:
    """Each reason why the webhook refuses the Service. manifest: right by its schema, and with its defaults."""
    for place, what, fix in _refused(manifest, settings):
        yield Problem(place, sentence(place, what), fix, By.WEBHOOK)


Said = Iterator[tuple[Place, str, str]]


def _refused(manifest: Obj, settings: Settings) -> Said:
    yield from _metadata(manifest)
    yield from _template_metadata(manifest, settings)
    pod = at(manifest, *_POD)
    yield from _numbers(pod)
    for name, flag in _SWITCHED_OFF.items():
        if pod.get(name) is not None and (name not in _EMPTY_IS_ABSENT or pod[name] not in (False, "")):
            yield (*_POD, name), f"Knative refuses {name} unless {flag} is enabled.", "Leave it out."
    if pod.get("automountServiceAccountToken") is True:
        yield (*_POD, "automountServiceAccountToken"), "Knative only takes false.", "Leave it out, or write false."
    account = pod.get("serviceAccountName")
    if account and not is_subdomain(account):
        yield (
            (*_POD, "serviceAccountName"),
            f"{shown(account)} is not a valid name of a service account.",
            "Write its name in small letters.",
        )
    volumes = pod.get("volumes") or []
    yield from _volumes(volumes, pod["containers"], settings)
    yield from _containers(pod["containers"], volumes, settings)
    yield from _traffic(at(manifest, "spec", "traffic") or [])


_EMPTY_IS_ABSENT = ("hostIPC", "hostNetwork", "hostPID", "dnsPolicy", "priorityClassName", "schedulerName")
"""Fields of which Go does not tell the empty value from none."""


def _metadata(manifest: Obj) -> Said:
    metadata = manifest.get("metadata") or {}
    for name in ("generateName", "name"):
        text = metadata.get(name) or ""
        # A prefix may end in a dash: what is made from it does not.
        checked = text[:-1] + "a" if name == "generateName" and text.endswith("-") and len(text) > 1 else text
        if text and not STRICT_LABEL.fullmatch(checked):
            yield ("metadata", name), f"{shown(text)} is not a valid Service name.", _NAME_FIX
            return
    if not metadata.get("name") and not metadata.get("generateName"):
        yield ("metadata",), "metadata.name is missing.", _NAME_FIX
    for key in metadata.get("annotations") or {}:
        if key.startswith(n.GROUP):
            place = ("metadata", "annotations", key)
            yield place, "scale is an annotation of the template.", "Move it below spec.template.metadata.annotations."
    yield from _span(metadata.get("annotations"), ("metadata", "annotations"), n.ROLLOUT_DURATION)


_NAME_FIX = "Write one of small letters, digits and `-`, at most 63, a letter first."


def _template_metadata(manifest: Obj, settings: Settings) -> Said:
    inner: Place = ("spec", "template", "metadata")
    metadata = at(manifest, *inner) or {}
    name, service = metadata.get("name") or "", str(at(manifest, "metadata", "name") or "")
    prefix = metadata.get("generateName") or ""
    if prefix and not STRICT_LABEL.fullmatch(prefix[:-1] + "a" if prefix.endswith("-") and len(prefix) > 1 else prefix):
        yield (*inner, "generateName"), f"{shown(prefix)} begins no name of a Revision.", _NAME_FIX
    if name:
        if not STRICT_LABEL.fullmatch(name):
            yield (*inner, "name"), f"{shown(name)} is not a valid Revision name.", _NAME_FIX
        elif not service:
            yield (*inner, "name"), "a Service with generateName gives its Revisions their names itself.", "Leave it out."
        elif not name.startswith(f"{service}-"):
            yield (*inner, "name"), f"{shown(name)} does not begin with {service}-.", f"Write {service}-NAME, or leave it out."
    found = metadata.get("annotations") or {}
    yield from _autoscaling(found, settings)
    if settings.since("1.21"):
        for key in found:
            if key.startswith("networking.knative.dev") and key not in _NETWORKING_NOTES:
                yield (*n.TEMPLATE_NOTES, key), "Knative knows no such annotation.", "Leave it out."
    if settings.since("1.4"):
        yield from _span(found, n.TEMPLATE_NOTES, n.PROGRESS_DEADLINE)
    yield from _queue_proxy_resources(found, settings)


def _span(found: Any, place: Place, key: str) -> Said:
    """An annotation that is a time of whole seconds, not below 0; an empty one counts as none."""
    text = n.note(found, key)
    if not text:
        return
    where = (*place, n.spelling(found, key))
    length = duration_ns(text)
    if length is None:
        yield where, f"{shown(text)} is not a duration.", 'Write one such as "120s".'
    elif length % _SECOND or length < 0:
        yield where, f"{shown(text)} is not of whole seconds from 0 on.", 'Write one such as "120s".'


_QP_PERCENTAGE = ("queue.sidecar.serving.knative.dev/resource-percentage", "queue.sidecar.serving.knative.dev/resourcePercentage")


def _queue_proxy_resources(found: Obj, settings: Settings) -> Said:
    for key in _QP_PERCENTAGE:
        if key not in found:
            continue
        value = real_number(found[key])
        if value is None or not 0.1 <= value <= 100:
            yield (*n.TEMPLATE_NOTES, key), f"{shown(found[key])} is not a percentage.", "Write a number from 0.1 to 100."
        break
    if not settings.since("1.11"):
        return
    for resource in ("cpu", "memory", "ephemeral-storage"):
        for bound in ("request", "limit"):
            key = f"queue.sidecar.serving.knative.dev/{resource}-resource-{bound}"
            if key in found and quantity(found[key]) is None:
                yield (*n.TEMPLATE_NOTES, key), f"{shown(found[key])} is not an amount.", 'Write one such as "100m" or "64Mi".'


def _autoscaling(found: Obj, settings: Settings) -> Said:
    def where(key: str) -> Place:
        return (*n.TEMPLATE_NOTES, n.spelling(found, key))

    def text(key: str) -> str | None:
        return n.note(found, key)

    kind = text(n.CLASS)
    if kind is not None and kind.endswith(n.GROUP) and kind not in {n.KPA, n.HPA}:
        yield where(n.CLASS), f"{shown(kind)} is not an autoscaler of Knative.", f"Write {n.KPA} or {n.HPA}."
    numbers: dict[str, int] = {}
    for key in (MIN_SCALE, MAX_SCALE):
        numbers[key] = 0
        if (said := text(key)) is not None:
            number = whole_number(said)
            if number is None or number < 0:
                yield (
                    where(key),
                    f"{shown(said)} is not a number of pods.",
                    f'Write a whole number in quotes, from "0" to "{_HIGHEST_INT32}".',
                )
            else:
                numbers[key] = number
    least, most = numbers[MIN_SCALE], numbers[MAX_SCALE]
    if most and most < least:
        yield where(MAX_SCALE), f"max-scale {most} is less than min-scale {least}.", "Raise max-scale, or lower min-scale."
    if settings.since("1.7") and (said := text(n.ACTIVATION_SCALE)) is not None:
        first = whole_number(said)
        if first is None or first < max(2, least) or (most and most < first):
            yield (
                where(n.ACTIVATION_SCALE),
                f"{shown(said)} is not from 2 on, between min-scale and max-scale.",
                "Write such a number in quotes.",
            )
    for key, lowest, highest in (
        (n.PANIC_WINDOW, 1.0, 100.0),
        (n.PANIC_THRESHOLD, 110.0, 1000.0),
        (TARGET, 0.01, float("inf")),
        (n.UTILIZATION, 1.0, 100.0),
    ):
        if (said := text(key)) is not None:
            share = real_number(said)
            if share is None or share < lowest or share > highest:
                yield where(key), f"{shown(said)} is out of range.", f"Write a number in quotes, {lowest:g} to {highest:g}."
    if (said := text(TARGET_BURST_CAPACITY)) is not None:
        burst = real_number(said)
        if burst is None or (burst < 0 and burst != -1):
            yield where(TARGET_BURST_CAPACITY), f"{shown(said)} is not a burst capacity.", 'Write "-1", "0" or a greater number.'
    yield from _times(where, text)
    metric = text(METRIC)
    if metric is not None:
        counted = kind if kind is not None else n.KPA
        if (counted == n.KPA and metric not in {"concurrency", RPS}) or (counted == n.HPA and not metric):
            yield where(METRIC), f"{shown(metric)} is not counted by {counted}.", "Write concurrency or rps."
    if kind == n.KPA and (way := text(n.ALGORITHM)) and way not in {"linear", "weightedExponential", "weighted-exponential"}:
        yield where(n.ALGORITHM), f"{shown(way)} is not a known algorithm.", "Leave it out, or write linear."
    if (said := text(INITIAL_SCALE)) is not None:
        first = whole_number(said, bits=64)
        if first is None or first < 0:
            yield where(INITIAL_SCALE), f"{shown(said)} is not a number of pods.", "Write a whole number in quotes."
        elif first == 0 and not settings.from_zero:
            yield (
                where(INITIAL_SCALE),
                "0 is refused unless allow-zero-initial-scale is true in config-autoscaler.",
                'Write "1", or leave it out.',
            )


def _times(where: Callable[[str], Place], text: Callable[[str], str | None]) -> Said:
    hour = 3600 * _SECOND
    for key, lowest, whole in ((WINDOW, 6 * _SECOND, True), (n.RETENTION, 0, False), (n.SCALE_DOWN_DELAY, 0, True)):
        said = text(key)
        if said is None:
            continue
        length = duration_ns(said)
        if length is None or not lowest <= length <= hour or (whole and length % _SECOND):
            bounds = f"from {lowest // _SECOND} s to 1 h" + (", in whole seconds" if whole else "")
            yield where(key), f"{shown(said)} is not a duration {bounds}.", 'Write one such as "60s".'


def _numbers(pod: Obj) -> Said:
    timeout, concurrency = pod["timeoutSeconds"], pod["containerConcurrency"]
    if not 0 <= timeout <= LONGEST_TIMEOUT_S:
        yield (*_POD, "timeoutSeconds"), f"{timeout} is not from 0 to {LONGEST_TIMEOUT_S}.", "Write such a number."
    if not 0 <= concurrency <= HIGHEST_CONCURRENCY:
        yield (*_POD, "containerConcurrency"), f"{concurrency} is not from 0 to {HIGHEST_CONCURRENCY}.", "Write such a number."


def _volumes(volumes: list[Obj], containers: list[Obj], settings: Settings) -> Said:
    off = _VOLUMES_OFF if settings.since("1.8") else {"emptyDir": "kubernetes.podspec-volumes-emptydir", **_VOLUMES_OFF}
    mounted = {mount.get("name") for one in containers for mount in one.get("volumeMounts") or []}
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        place = (*_POD, "volumes", index)
        name = volume.get("name") or ""
        if name in seen:
            yield place, f"another volume is named {shown(name)}.", "Give each a name of its own."
        seen.add(name)
        if name not in mounted:
            yield place, f"no container mounts the volume {shown(name)}.", "Mount it, or leave it out."
        if not LABEL.fullmatch(name):
            yield (*place, "name"), f"{shown(name)} is not a valid volume name.", "Write small letters, digits and `-`, at most 63."
        kinds = [one for one in _VOLUMES if one in volume]
        if len(kinds) != 1:
            yield (
                place,
                f"a volume is of exactly one kind, this one of {len(kinds)}.",
                "Write configMap, secret, projected or emptyDir.",
            )
        for kind in kinds:
            if kind in off:
                yield (
                    (*place, kind),
                    f"Knative refuses {kind} unless {off[kind]} is enabled.",
                    "Use another kind of volume.",
                )
        yield from _items(volume, place)


def _items(volume: Obj, place: Place) -> Said:
    for kind in ("configMap", "secret"):
        for index, item in enumerate(at(volume, kind, "items") or []):
            for name in ("key", "path"):
                if not item.get(name):
                    yield (*place, kind, "items", index), f"the {name} is missing.", f"Write {name}."


def _containers(containers: list[Obj], volumes: list[Obj], settings: Settings) -> Said:
    place: Place = (*_POD, "containers")
    ports = [(index, one) for index, container in enumerate(containers) for one in container.get("ports") or []]
    if not containers:
        yield place, "there is no container.", "Write one with an image."
        return
    if not ports and len(containers) > 1:
        yield (
            place,
            f"none of the {len(containers)} containers has a port.",
            "Write ports: [{containerPort: 8080}] at the one that serves the requests.",
        )
    if len(ports) > 1:
        words = ", ".join(f"{one.get('containerPort', 0)} of container {index}" for index, one in ports[:8])
        yield (
            (*place, ports[1][0], "ports"),
            f"there are {len(ports)} ports ({words}); Knative serves one.",
            "Leave the one to be served.",
        )
    named: Obj = next((one["ports"][0] for one in reversed(containers) if one.get("ports")), {})
    seen: set[str] = set()
    kinds = {one.get("name"): one for one in volumes}
    for index, container in enumerate(containers):
        here = (*place, index)
        if len(containers) > 1 and container["name"] in seen:
            yield (*here, "name"), f"another container is named {shown(container['name'])}.", "Give each a name of its own."
        seen.add(container["name"])
        served = is_served(container, containers)
        if served:
            yield from _served_probes(container, here, str(named.get("name") or "http"), settings)
        else:
            yield from _sidecar_probes(container, here, settings)
        yield from _container(container, here, kinds, settings, served=served or len(containers) == 1)


def _container(container: Obj, place: Place, volumes: dict[Any, Obj], settings: Settings, *, served: bool) -> Said:
    if container["name"] == QUEUE_PROXY:
        yield (*place, "name"), "queue-proxy is the name of Knative's own container.", "Choose another name."
    reserved = _RESERVED_ENV if served else tuple(name for name in _RESERVED_ENV if name != PORT_ENV)
    for index, variable in enumerate(container.get("env") or []):
        here = (*place, "env", index)
        if not variable.get("name"):
            yield here, "the variable has no name.", "Write its name."
        elif variable["name"] in reserved:
            yield (*here, "name"), f"Knative sets {variable['name']} itself.", "Leave it out."
        for name in ("fieldRef", "resourceFieldRef"):
            if at(variable, "valueFrom", name) is not None:
                fix = "Leave it out: a release refuses it unless kubernetes.podspec-fieldref is enabled."
                yield (*here, "valueFrom", name), f"Knative refuses {name}.", fix
    image = container.get("image") or ""
    if not image:
        yield (*place, "image"), f"{text_of(place)} has no image.", "Write one."
    elif not is_image(image):
        yield (*place, "image"), f"{shown(image)} is not a valid image name.", "Write HOST/NAME:TAG in small letters."
    asked = [at(container, probe, handler, "port") for probe in PROBES for handler in HANDLERS]
    yield from _served_port(container.get("ports") or [], (*place, "ports"), asked)
    if container.get("terminationMessagePolicy") not in {None, "", "File", "FallbackToLogsOnError"}:
        yield (*place, "terminationMessagePolicy"), "there is not a known policy.", "Write File or FallbackToLogsOnError."
    yield from _security(container.get("securityContext") or {}, (*place, "securityContext"))
    yield from _mounts(container.get("volumeMounts") or [], (*place, "volumeMounts"), volumes, settings)


def _security(context: Obj, place: Place) -> Said:
    if at(context, "capabilities", "add") is not None:
        yield (*place, "capabilities", "add"), "Knative refuses added capabilities.", "Leave it out."
    if context.get("privileged") is True:
        yield (*place, "privileged"), "Knative only takes false.", "Leave it out."
    for name in ("runAsUser", "runAsGroup"):
        if not 0 <= context.get(name, 0) <= _HIGHEST_INT32:
            yield (*place, name), f"{context[name]} is out of range.", f"Write a number from 0 to {_HIGHEST_INT32}."


def _served_port(ports: list[Obj], place: Place, asked: list[Any]) -> Said:
    """asked: the ports of the container's probes, for the fix."""
    if not ports:
        return
    port = ports[0]
    number = port.get("containerPort") or 0
    if number in RESERVED_PORTS:
        where = (*place, 0, "containerPort")
        yield (
            where,
            f"{number} is a port of queue-proxy in the same pod.",
            f"Choose another port than {', '.join(map(str, RESERVED_PORTS))}.",
        )
    if not 0 <= number <= 65535:
        yield (*place, 0, "containerPort"), f"{number} is not a port.", "Write a whole number from 1 to 65535."
    if port.get("protocol") not in {None, "", "TCP"}:
        yield (*place, 0, "protocol"), f"{shown(port['protocol'])} is not served.", "Write TCP, or leave it out."
    if (port.get("name") or "") not in PORT_NAMES:
        fix = "Leave the name out, or write http1 (HTTP/1.1) or h2c (HTTP/2 without TLS): it chooses the protocol."
        if port["name"] in asked:
            fix += " Leave the name out of the probes too: Knative fills in the port."
        yield (*place, 0, "name"), f"a port may not be named {shown(port['name'])}.", fix


def _mounts(mounts: list[Obj], place: Place, volumes: dict[Any, Obj], settings: Settings) -> Said:
    reserved = _RESERVED_PATHS if settings.since("1.13") else (*_RESERVED_PATHS, *_RESERVED_UNTIL_1_12)
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        here = (*place, index)
        if mount.get("name") not in volumes:
            yield (
                (*here, "name"),
                f"there is no volume {shown(mount.get('name'))}.",
                "Write it below volumes, or leave the mount out.",
            )
        path = mount.get("mountPath") or ""
        clean = posixpath.normpath(path).replace("//", "/") if path else ""
        if not path:
            yield here, "mountPath is missing.", "Write an absolute path."
        elif clean in reserved:
            yield (*here, "mountPath"), f"{clean} is reserved.", "Mount it elsewhere."
        elif not path.startswith("/"):
            yield (*here, "mountPath"), f"{shown(path)} is not an absolute path.", "Begin it with /."
        elif clean in seen:
            yield (*here, "mountPath"), f"{clean} is mounted already.", "Mount it elsewhere."
        seen.add(clean)
        if mount.get("mountPropagation") is not None:
            yield (*here, "mountPropagation"), "Knative refuses mountPropagation.", "Leave it out."


def _served_probes(container: Obj, place: Place, port_name: str, settings: Settings) -> Said:
    for name in PROBES:
        probe = container.get(name)
        # Startup probes are there since 1.15, but the webhook looks at them since 1.23 only.
        if probe is None or (name == "startupProbe" and not settings.since("1.23")):
            continue
        here = (*place, name)
        yield from _handlers(probe, here)
        for handler in ("httpGet", "tcpSocket"):
            port = at(probe, handler, "port")
            if isinstance(port, str) and port and port != port_name:
                known = f"it is named {port_name}" if port_name != "http" else "it has no name"
                what = f"{text_of((*here, handler, 'port'))} is {shown(port)}, which is not the name of the served port; {known}."
                fix = "Take it out of its quotes." if port.isdigit() else "Leave port out of the probe: Knative fills it in."
                yield (*here, handler, "port"), what, fix
            elif isinstance(port, int) and port != _port_of(container) and not settings.since("1.3") and port:
                yield (*here, handler, "port"), f"{port} is another port than the served one.", "Leave port out of the probe."
        if name == "readinessProbe":
            yield from _readiness_timing(probe, here)


def _port_of(container: Obj) -> int:
    return at(container, "ports", 0, "containerPort") or 8080


def _handlers(probe: Obj, place: Place) -> Said:
    found = [name for name in HANDLERS if name in probe]
    if not found:
        yield (
            place,
            f"{text_of(place)} has no handler: expected exactly one of {', '.join(HANDLERS)}, got none.",
            "Write one, such as httpGet: {path: /healthz}.",
        )
    elif len(found) > 1:
        what = f"{text_of(place)} has {' and '.join(found)}; a probe has exactly one handler."
        yield (*place, found[1]), what, f"Keep {found[0]} or {found[1]}, not both."


def _readiness_timing(probe: Obj, place: Place) -> Said:
    for name in ("periodSeconds", "initialDelaySeconds"):
        if probe.get(name, 0) < 0:
            yield (*place, name), f"{probe[name]} is below 0.", "Write a number from 0 on."
    if probe.get("successThreshold", 1) < 1:
        yield (*place, "successThreshold"), f"{probe['successThreshold']} is below 1.", "Write a number from 1 on."
    period = probe.get("periodSeconds") or 0
    for name in ("failureThreshold", "timeoutSeconds"):
        value = probe.get(name) or 0
        if not period and value:
            what = "it is refused while periodSeconds is 0 or missing: queue-proxy then asks every 50 ms until it succeeds."
            yield (*place, name), what, "Write periodSeconds as well (10 is what Kubernetes takes for a probe without)."
        elif period and value < 1:
            yield (*place, name), f"{value} is below 1.", "Write a number from 1 on."


def _sidecar_probes(container: Obj, place: Place, settings: Settings) -> Said:
    for name in PROBES:
        probe = container.get(name)
        if probe is None or (name == "startupProbe" and not settings.since("1.23")):
            continue
        here = (*place, name)
        if not settings.probes_sidecars:
            if _says_something(probe):
                fix = "Leave it out" + (
                    ", or switch multi-container-probing on in config-features and give --sidecar-probes."
                    if settings.since("1.14")
                    else ": 1.14 is the first."
                )
                yield here, "Knative refuses a probe of a container that serves no requests.", fix
            continue
        yield from _handlers(probe, here)
        for handler in ("httpGet", "tcpSocket"):
            if handler in probe and not at(probe, handler, "port"):
                yield (*here, handler), "a sidecar's probe must name its port.", "Write port."
        if name == "readinessProbe":
            yield from _readiness_timing(probe, here)


def _says_something(probe: Obj) -> bool:
    return any(value not in (0, None) for value in probe.values())


def _traffic(targets: list[Obj]) -> Said:
    place: Place = ("spec", "traffic")
    tags: dict[str, int] = {}
    for index, target in enumerate(targets):
        here = (*place, index)
        pinned, latest = target.get("revisionName") or "", target["latestRevision"]
        if bool(pinned) is latest:
            what = f"latestRevision is {str(latest).lower()} with revisionName {shown(pinned)}."
            yield (*here, "latestRevision"), what, "Leave one of them out."
        if target.get("configurationName"):
            yield (*here, "configurationName"), "a Service has one configuration, its own.", "Leave it out."
        elif pinned and not is_qualified_name(pinned):
            yield (*here, "revisionName"), f"{shown(pinned)} is not a valid Revision name.", "Write its name."
        if not 0 <= target["percent"] <= 100:
            yield (*here, "percent"), f"{target['percent']} is not a percentage.", "Write a number from 0 to 100."
        if target.get("url"):
            yield (*here, "url"), "the address of a tag is Knative's to give.", "Leave it out."
        tag = target.get("tag") or ""
        if tag and not STRICT_LABEL.fullmatch(tag):
            yield (*here, "tag"), f"{shown(tag)} is not a valid tag.", _NAME_FIX
        if tag and tag in tags:
            yield (*here, "tag"), f"the tag {shown(tag)} is used already, at {text_of((*place, tags[tag]))}.", "Keep one of them."
        tags.setdefault(tag, index)
    total = sum(target["percent"] for target in targets)
    if total != 100:
        yield place, f"the percentages of the traffic add up to {total}.", "Let percent add up to 100."
