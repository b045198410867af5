"""The edges there may be, the partial order they must keep, and those that a fault of a kind must show: data, and who reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.knative.probes import DEFAULT_READINESS
from harness.knative.times import SECOND_NS
from harness.model import Bracket, FaultKind, Handler, Probe, ServiceSpec

EDGES = (
    "fault",
    "first-failed-probe",
    "killing",
    "sigterm",
    "listener-closed",
    "process-gone",
    "container-created",
    "container-started",
    "listening",
    "first-ok",
    "first-good-startup-probe",
    "first-good-probe",
    "first-good-readiness-probe",
    "queue-proxy-unready",
    "queue-proxy-ready-again",
    "pod-unready",
    "pod-ready-again",
    "endpoint-unready",
    "endpoint-ready-again",
)
"""Every edge there may be, in the order a liveness restart has them. `first-good-probe` is the liveness probe's."""

Pairs = tuple[tuple[str, str], ...]

_READINESS: Pairs = (
    ("queue-proxy-unready", "queue-proxy-ready-again"),
    ("pod-unready", "pod-ready-again"),
    ("endpoint-unready", "endpoint-ready-again"),
)
_RESTART: Pairs = (
    ("fault", "listener-closed"),
    ("listener-closed", "process-gone"),
    ("process-gone", "container-created"),
    ("container-created", "container-started"),
    ("container-started", "listening"),
    ("listening", "first-ok"),
    ("listening", "first-good-startup-probe"),
    ("listening", "first-good-probe"),
    ("listening", "first-good-readiness-probe"),
    ("first-good-startup-probe", "first-good-probe"),
    *_READINESS,
)
_KILLED: Pairs = (
    ("fault", "first-failed-probe"),
    ("first-failed-probe", "killing"),
    ("killing", "sigterm"),
    ("sigterm", "listener-closed"),
    *_RESTART,
)

ORDER: Mapping[FaultKind, Pairs] = {
    FaultKind.NONE: _READINESS,
    FaultKind.LIVENESS: _KILLED,
    FaultKind.HANG: _KILLED,
    FaultKind.EXIT: _RESTART,
    FaultKind.READINESS: (
        ("fault", "first-failed-probe"),
        ("first-failed-probe", "queue-proxy-unready"),
        ("first-failed-probe", "pod-unready"),
        ("first-failed-probe", "first-good-readiness-probe"),
        *_READINESS,
    ),
}
"""(a, b): a is not after b, wherever both are seen. Nothing is said of the rest: the first 200 may come before the first good
liveness probe, queue-proxy may stay ready throughout, and the pod may be unready before or after the listener is closed. An app
that keeps its listener on SIGTERM loses it to SIGKILL, which is later still."""

_NEW_CONTAINER = ("listener-closed", "process-gone", "container-created", "container-started")
_AFTER_KILL = ("first-failed-probe", "killing", "sigterm", *_NEW_CONTAINER)

LATE_NS = 2 * SECOND_NS
"""How much later than its period a probe, or its consequence, may be on a busy host before it counts as missing."""


def required(
    kind: FaultKind, service: ServiceSpec, seen: Mapping[str, Bracket], end_ns: int, *, persistent: bool, asks_liveness: bool
) -> tuple[str, ...]:
    """The edges that this kind of fault must show in this Service, in order.

    seen: the edges found. end_ns: of the cycle; a probe that was not yet due by then is not missed. asks_liveness: the Service has
    a liveness probe that a liveness fault or a hang makes fail. persistent: the new process has the fault as well.
    """
    if kind is FaultKind.NONE:
        return ()
    must = {"fault"}
    if kind is FaultKind.READINESS:
        must |= _of_readiness(service, seen, end_ns)
    elif kind is FaultKind.EXIT or asks_liveness:
        must |= set(_NEW_CONTAINER if kind is FaultKind.EXIT else _AFTER_KILL)
        if not (persistent and kind is FaultKind.EXIT):
            must |= {"listening"}
            if not (persistent and kind is FaultKind.HANG):
                must |= {"first-ok", *_due(kind, service, seen, end_ns, persistent=persistent)}
    return tuple(edge for edge in EDGES if edge in must)


def _of_readiness(service: ServiceSpec, seen: Mapping[str, Bracket], end_ns: int) -> set[str]:
    """A readiness fault does nothing to a TCP probe. The rest follows once the probe has failed often enough."""
    probe = service.readiness
    if probe is None or probe.handler is Handler.TCP:
        return set()
    must = {"first-failed-probe"}
    failed = seen.get("first-failed-probe")
    patience_ns = (probe.failure_threshold * probe.period_s + probe.timeout_s) * SECOND_NS + LATE_NS
    if failed is not None and failed.hi_ns + patience_ns <= end_ns:
        must |= {"pod-unready", "endpoint-unready", *(() if probe.handler is Handler.EXEC else ("queue-proxy-unready",))}
    return must


def _due(kind: FaultKind, service: ServiceSpec, seen: Mapping[str, Bracket], end_ns: int, *, persistent: bool) -> Iterable[str]:
    """The good probes that the new container must have had by the end, as the Service has them."""
    listening, started = seen.get("listening"), seen.get("container-started")
    if listening is None:
        return
    started_ns = (started or listening).hi_ns
    ready_ns = listening.hi_ns
    if service.startup is not None:
        if not _by(service.startup, started_ns, ready_ns, end_ns):
            return
        yield "first-good-startup-probe"
        ready_ns += (service.startup.period_s + service.startup.timeout_s) * SECOND_NS
    fails_still = persistent and kind is FaultKind.LIVENESS
    if service.liveness is not None and not fails_still and _by(service.liveness, started_ns, ready_ns, end_ns):
        yield "first-good-probe"
    if _by(service.readiness or DEFAULT_READINESS, started_ns, ready_ns, end_ns):
        yield "first-good-readiness-probe"


def _by(probe: Probe, started_ns: int, ready_ns: int, end_ns: int) -> bool:
    from_ns = max(ready_ns, started_ns + probe.initial_delay_s * SECOND_NS)
    return from_ns + (max(probe.period_s, 1) + probe.timeout_s) * SECOND_NS + LATE_NS <= end_ns
