"""The metrics that Knative and the kubelet serve to Prometheus: names and labels of each generation, and how they are switched on.

Serving counted requests with OpenCensus up to 1.18 and does so with OpenTelemetry since 1.19; since then nothing is served unless
config-observability says so. The rules and the dashboard in `monitoring/` are checked against these tables (docs/monitoring.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.knative.names import USER_METRICS_PORT
from harness.knative.requestlog import CONFIG_MAP
from harness.model import KnativeVersion, VersionRange

__all__ = [
    "CONFIG_MAP",
    "GENERATIONS",
    "KUBELET",
    "KUBE_STATE_METRICS",
    "PATH",
    "PROMETHEUS",
    "SETTINGS",
    "Generation",
    "Kind",
    "Metric",
    "generation_of",
    "series",
]

PATH = "/metrics"
"""Where queue-proxy, the activator and the kubelet serve their own metrics."""

SETTINGS: Mapping[str, str] = {
    "metrics-protocol": "prometheus",
    "request-metrics-protocol": "prometheus",
    "request-metrics-endpoint": f":{USER_METRICS_PORT}",
}
"""Keys of config-observability since 1.19: of Knative's own components, and of queue-proxy. Without them both serve nothing.

The port is the default since 1.19.1; queue-proxy of 1.19.0 would take 9090, which it uses itself already. Up to 1.18 `prometheus`
was the default. Source: Serving's config/core/configmaps/observability.yaml and pkg/queue/sharedmain/otel.go, v0.46.0 to v0.50.0.
"""


class Kind(StrEnum):
    """What a metric counts with; it decides the names of its series."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one component. instrument: its name in the source. unit: as OpenTelemetry writes it, "s" or "{request}".

    labels: the names that a rule may rely on, as Prometheus has them. since: the first version of Serving with the metric, if
    that is later than its generation. only: when a component has it at all, "" for always (after the first request).
    """

    instrument: str
    kind: Kind
    unit: str = ""
    labels: tuple[str, ...] = ()
    since: str = ""
    only: str = ""

    def served_by(self, version: KnativeVersion) -> bool:
        """Whether that version has it; the version is one of the generation's."""
        return not self.since or KnativeVersion.parse(self.since) <= version


@dataclass(frozen=True, slots=True)
class Generation:
    """The versions of Serving between two changes of a name.

    settings: keys of config-observability that make both components serve Prometheus; empty where they do so by themselves.
    prefixes: what OpenCensus puts before the names of the activator and of queue-proxy. braced: a gauge's name ends with its unit,
    with underscores in place of the braces.
    """

    name: str
    versions: VersionRange
    queue_proxy: tuple[Metric, ...]
    activator: tuple[Metric, ...]
    settings: Mapping[str, str]
    prefixes: tuple[str, str] = ("", "")
    braced: bool = False

    def series(self) -> Mapping[str, tuple[str, ...]]:
        """The labels of each series of both components by its name."""
        found: dict[str, tuple[str, ...]] = {}
        for prefix, metrics in zip(self.prefixes, (self.activator, self.queue_proxy), strict=True):
            for metric in metrics:
                for name in series(metric, prefix, braced=self.braced):
                    bucket = ("le",) if name.endswith("_bucket") else ()
                    found[name] = tuple(dict.fromkeys((*found.get(name, ()), *metric.labels, *bucket)))
        return found


def series(metric: Metric, prefix: str = "", *, braced: bool = False) -> tuple[str, ...]:
    """The names that Prometheus reads: dots become underscores, the unit is appended, a histogram has three series.

    Source: UnderscoreEscapingWithSuffixes of prometheus/otlptranslator v1.0.0, which knative.dev/pkg chooses. OpenCensus puts the
    component's name, the prefix, before a name and appends nothing to it but the three parts of a histogram.

    braced: as OpenTelemetry's exporter v0.59 did, "kn_queueproxy_depth__item_".
    """
    name = re.sub(
        r"[^a-zA-Z0-9_]", "_", f"{metric.instrument}_{metric.unit}" if braced and "{" in metric.unit else metric.instrument
    )
    if prefix:
        name = f"{prefix}_{name}"
    if metric.unit and not metric.unit.startswith("{"):
        name = f"{name}_{_UNITS[metric.unit]}"
    if metric.kind is Kind.HISTOGRAM:
        return tuple(f"{name}_{part}" for part in ("bucket", "count", "sum"))
    return (f"{name}_total",) if metric.kind is Kind.COUNTER and not prefix else (name,)


_UNITS = {"s": "seconds", "By": "bytes"}

_LIMITED = "where containerConcurrency is set"

_CENSUS_LABELS = ("namespace_name", "service_name", "configuration_name", "revision_name", "pod_name", "container_name")
_CENSUS_ANSWER = (*_CENSUS_LABELS, "response_code", "response_code_class")
_ANSWER = ("http_request_method", "http_response_status_code")
_OF_REVISION = ("kn_service_name", "kn_configuration_name", "kn_revision_name", "k8s_namespace_name")
_ERROR = "error_type"
"""Only of a request without an answer, and only since otelhttp v0.69.0, which is that of Serving 1.23."""

_TARGET = Metric("target_info", Kind.GAUGE, labels=(*_OF_REVISION, "service_instance_id"))
"""One series a process: what OpenTelemetry knows of the process stands here and in no other series of queue-proxy."""

_IN_QUEUE_PROXY = (
    _TARGET,
    Metric("http.server.request.duration", Kind.HISTOGRAM, "s", (*_ANSWER, "kn_route_tag")),
    Metric("http.client.request.duration", Kind.HISTOGRAM, "s", (*_ANSWER, "kn_route_tag", _ERROR)),
)
"""Every request but probes: as the client was answered, and as it was sent to the user container. The second has no status if the
container did not answer."""

_IN_ACTIVATOR = (
    Metric("http.server.request.duration", Kind.HISTOGRAM, "s", (*_ANSWER, *_OF_REVISION)),
    Metric("http.client.request.duration", Kind.HISTOGRAM, "s", (*_ANSWER, *_OF_REVISION, _ERROR)),
    Metric("kn.revision.request.concurrency", Kind.GAUGE, "{request}", _OF_REVISION),
    Metric("kn.revision.request.queued", Kind.GAUGE, "{request}", ("k8s_namespace_name", "kn_revision_name"), since="1.22"),
    Metric("kn.revision.request.active", Kind.GAUGE, "{request}", ("k8s_namespace_name", "kn_revision_name"), since="1.22"),
)

GENERATIONS = (
    Generation(
        "OpenCensus",
        VersionRange.parse("<=1.18"),
        queue_proxy=(
            Metric("request_count", Kind.COUNTER, labels=(*_CENSUS_ANSWER, "route_tag")),
            Metric("request_latencies", Kind.HISTOGRAM, labels=(*_CENSUS_ANSWER, "route_tag")),
            Metric("app_request_count", Kind.COUNTER, labels=_CENSUS_ANSWER),
            Metric("queue_depth", Kind.GAUGE, labels=_CENSUS_LABELS, only=_LIMITED),
        ),
        activator=(
            Metric("request_count", Kind.COUNTER, labels=_CENSUS_ANSWER),
            Metric("request_latencies", Kind.HISTOGRAM, labels=_CENSUS_ANSWER),
            Metric("request_concurrency", Kind.GAUGE, labels=_CENSUS_LABELS),
        ),
        settings={},
        prefixes=("activator", "revision"),
    ),
    Generation(
        "OpenTelemetry, first names, units in braces",
        VersionRange.parse("1.19"),
        queue_proxy=(
            *_IN_QUEUE_PROXY,
            Metric("kn.queueproxy.app.duration", Kind.HISTOGRAM, "s", ("http_response_status_code",)),
            Metric("kn.queueproxy.depth", Kind.GAUGE, "{item}", only=_LIMITED),
        ),
        activator=_IN_ACTIVATOR[:3],
        settings=SETTINGS,
        braced=True,
    ),
    Generation(
        "OpenTelemetry, first names",
        VersionRange.parse("1.20.0"),
        queue_proxy=(
            *_IN_QUEUE_PROXY,
            Metric("kn.queueproxy.app.duration", Kind.HISTOGRAM, "s", ("http_response_status_code",)),
            Metric("kn.queueproxy.depth", Kind.GAUGE, "{request}", only=_LIMITED),
        ),
        activator=_IN_ACTIVATOR[:3],
        settings=SETTINGS,
    ),
    Generation(
        "OpenTelemetry",
        VersionRange.parse(">=1.20.1"),
        queue_proxy=(
            *_IN_QUEUE_PROXY,
            Metric("kn.serving.invocation.duration", Kind.HISTOGRAM, "s", ("http_response_status_code",)),
            Metric("kn.serving.queue.depth", Kind.GAUGE, "{request}", only=_LIMITED),
        ),
        activator=_IN_ACTIVATOR,
        settings=SETTINGS,
    ),
)
"""Source: pkg/queue/request_metric.go, pkg/queue/sharedmain and pkg/activator of Serving at the versions in docs/monitoring.md.

1.19.8 is said to have the names of 1.20.1; its module could not be had, and the table has it with the first names. Scrapes of
queue-proxy's programs of 1.1 to 1.23 lie in tests/monitoring/scrapes, and the tables are compared with them.
"""

_CONTAINER = ("namespace", "pod", "container")

KUBELET: Mapping[str, tuple[str, ...]] = {
    "prober_probe_total": (*_CONTAINER, "pod_uid", "probe_type", "result"),
    "container_start_time_seconds": _CONTAINER,
    "kubelet_started_containers_total": ("container_type",),
}
"""Of the kubelet at /metrics/probes, /metrics/cadvisor and /metrics; the last one names no pod. Source: Kubernetes v1.34.4,
pkg/kubelet/prober/prober_manager.go, pkg/kubelet/metrics/metrics.go, and cadvisor's metrics/prometheus.go."""

KUBE_STATE_METRICS: Mapping[str, tuple[str, ...]] = {
    "kube_pod_container_status_restarts_total": (*_CONTAINER, "uid"),
    "kube_pod_container_status_waiting_reason": (*_CONTAINER, "uid", "reason"),
}
"""Source: kube-state-metrics, docs/metrics/workload/pod-metrics.md."""

PROMETHEUS: Mapping[str, tuple[str, ...]] = {"up": (), "ALERTS": ("alertname", "alertstate")}
"""Of Prometheus itself."""


def generation_of(version: KnativeVersion) -> Generation:
    """The one that this version is of; every version is of exactly one."""
    return next(one for one in GENERATIONS if one.versions.contains(version))
