"""The edges that a cycle can show, the partial order they keep, and which of them a fault must show: data and small rules.

A fault composes its order and its required edges from the pieces here. An edge that only one fault shows, its words and what shows
it stand in that fault's own file (`Fault.own_edges`, `Fault.witnesses`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.knative.roles import asked_readiness
from harness.knative.times import SECOND_NS
from harness.model import Bracket, Probe, ServiceSpec, Stream


@dataclass(frozen=True, slots=True)
class Edge:
    """The moment at which a state changes. words: its name for people. group: its colour in the picture.

    group: "fault", "probe", "kill" (the old container), "listen" (the new one), or "other".
    """

    name: str
    words: str
    group: str = "other"


@dataclass(frozen=True, slots=True)
class Witness:
    """What shows an edge: the first observation of the stream after the fault, about the pod that it hit, that matches the pattern.

    edge: its name. pattern: searched for in the payload. says: the witness, in words. sampled: the stream shows a state again and
    again; the edge is then later than the last observation before, else only later than the fault.
    """

    edge: str
    stream: Stream
    pattern: str
    says: str
    sampled: bool = False


OF_EVERY_FAULT = (
    Edge("fault", "fault injected", "fault"),
    Edge("first-failed-probe", "first failed probe", "probe"),
    Edge("killing", "kubelet kills the container", "kill"),
    Edge("sigterm", "app gets SIGTERM", "kill"),
    Edge("listener-closed", "app stops listening", "kill"),
    Edge("process-gone", "old process gone", "kill"),
    Edge("container-created", "new container created", "listen"),
    Edge("container-started", "new container started", "listen"),
    Edge("listening", "new app listens", "listen"),
    Edge("first-ok", "new app answers a request", "listen"),
    Edge("first-good-startup-probe", "first good startup probe", "probe"),
    Edge("first-good-probe", "first good probe", "probe"),
    Edge("first-good-readiness-probe", "first good readiness probe", "probe"),
    Edge("queue-proxy-unready", "queue-proxy no longer ready"),
    Edge("queue-proxy-ready-again", "queue-proxy ready again"),
    Edge("pod-unready", "pod no longer Ready"),
    Edge("pod-ready-again", "pod Ready again"),
    Edge("endpoint-unready", "endpoint no longer ready"),
    Edge("endpoint-ready-again", "endpoint ready again"),
)
"""In the order that a restart after failed liveness probes has them. `first-good-probe` is the liveness probe's. The anatomy knows
their sources."""

Pairs = tuple[tuple[str, str], ...]
"""(a, b): a is not after b wherever both are seen. Nothing is said of the rest: the first 200 may come before the first good
liveness probe, queue-proxy may stay ready throughout, and the pod may become unready before or after the listener is closed. An app
that keeps its listener on SIGTERM loses it to SIGKILL, which is later still."""

READINESS_ORDER: Pairs = (
    ("queue-proxy-unready", "queue-proxy-ready-again"),
    ("pod-unready", "pod-ready-again"),
    ("endpoint-unready", "endpoint-ready-again"),
)
RESTART_ORDER: Pairs = (
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
    *READINESS_ORDER,
)
KILL_ORDER: Pairs = (
    ("fault", "first-failed-probe"),
    ("first-failed-probe", "killing"),
    ("killing", "sigterm"),
    ("sigterm", "listener-closed"),
    *RESTART_ORDER,
)

RESTARTED = frozenset({"listener-closed", "process-gone", "container-created", "container-started"})
"""What every restart of the container shows."""

KILLED = frozenset({"first-failed-probe", "killing", "sigterm"}) | RESTARTED
"""What a restart shows that the kubelet begins because a probe failed."""

LATE_NS = 2 * SECOND_NS
"""How much later than its period a probe, or its consequence, may come on a busy host before it counts as missing."""


def good_probes_due(service: ServiceSpec, seen: Mapping[str, Bracket], end_ns: int, *, liveness: bool = True) -> Iterable[str]:
    """The edges of the good probes that the new container must have had by end_ns, as the Service has its probes.

    seen: the edges found. liveness: whether its liveness probe can do well again. A probe that was not due yet is not missed.
    """
    listening, started = seen.get("listening"), seen.get("container-started")
    if listening is None:
        return
    started_ns = (started or listening).hi_ns
    ready_ns = listening.hi_ns
    if service.startup is not None:
        if not _due_by(service.startup, started_ns, ready_ns, end_ns):
            return
        yield "first-good-startup-probe"
        ready_ns += (service.startup.period_s + service.startup.timeout_s) * SECOND_NS
    if service.liveness is not None and liveness and _due_by(service.liveness, started_ns, ready_ns, end_ns):
        yield "first-good-probe"
    readiness = asked_readiness(service)
    if readiness is not None and _due_by(readiness, started_ns, ready_ns, end_ns):
        yield "first-good-readiness-probe"


def _due_by(probe: Probe, started_ns: int, ready_ns: int, end_ns: int) -> bool:
    from_ns = max(ready_ns, started_ns + probe.initial_delay_s * SECOND_NS)
    return from_ns + (max(probe.period_s, 1) + probe.timeout_s) * SECOND_NS + LATE_NS <= end_ns
