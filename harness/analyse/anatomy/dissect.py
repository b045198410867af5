"""What was seen of one cycle -> its anatomy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from harness.analyse.anatomy import api, clients, probes, proxy, runtime, told, witness
from harness.analyse.anatomy.gather import Seen
from harness.analyse.anatomy.sources import COMMAND, Source, choose, contradictions, disagreements, said
from harness.apps.known import app_of
from harness.apps.toggle import AppEvent
from harness.apps.toggle_probes import asks_liveness
from harness.faults import EDGES, FAULTS, Fault
from harness.faults.edges import READINESS_ORDER
from harness.knative import kubelet
from harness.knative.names import USER_CONTAINER, USER_ROLE
from harness.knative.pods import PodState, ready_throughout, restarts_since
from harness.knative.roles import is_sidecar
from harness.model import Bracket, CycleMark, FaultEvent, FaultSpec, Observation, ServiceSpec, Stream

ONLY_TOLD = frozenset({"sigterm", "listening", "first-ok", *probes.GOOD_EDGES.values()})
"""Edges that are always seen only where the app logs them and names its boots; another app's absence of them says nothing."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """edges: those seen, in the order of EDGES, each as sharp as its sources allow. missing: edges that the fault requires, not
    seen.

    disputes: sources of one edge, or edges of a known order, that contradict each other by more than their errors. Each begins with
    the names of the edges it is about, ", " between them and ": " after them.
    """

    edges: Mapping[str, Bracket]
    missing: tuple[str, ...]
    disputes: tuple[str, ...]


def dissect(
    mark: CycleMark,
    event: FaultEvent | None,
    service: ServiceSpec,
    seen: Seen,
    requests: pl.DataFrame,
    answers: pl.DataFrame,
    *,
    end_ns: int,
    user_port: int = 8080,
    role: str = USER_ROLE,
    sockets: Mapping[str, Source] = MappingProxyType({}),
    container: str = USER_CONTAINER,
) -> Anatomy:
    """The anatomy of this cycle.

    event: the fault event of the cycle. None: there was none; only readiness is then analysed, from the start of the load. seen: of
    the cycle's pod; see `gather`. requests, answers: the cycle's rows. end_ns: of the cycle. Later observations, such as the
    deletion of its pod, do not belong to it. role, container: of the container that the fault was to hit; for a sidecar service,
    the mark's boot, and the log and the states in seen are its own. sockets: what the listening sockets show of its edges.
    """
    since_ns = event.sent_ns if event is not None else mark.load_started_ns
    done = FaultSpec(event.kind, event.params, role=role) if event is not None else FaultSpec()
    fault, app = FAULTS[done.kind], app_of(service.app.image)
    found: dict[str, list[Source]] = {}
    if event is not None:
        _add(
            found,
            {"fault": Source(event.sent_ns, event.answered_ns, "the harness: command sent", "the harness: answer received", 1)},
        )
        _add(found, _of_the_app(seen, mark, event, service, fault))
        _add(found, _of_the_node(seen, event, service, fault, end_ns, container))
        _add(found, witness.sources(seen.all, fault.witnesses, event))
        # What a sidecar answers, or refuses, the clients do not see.
        if not is_sidecar(role) and (app.names_itself or service.max_scale == 1):
            named = app.names_itself
            _add(found, clients.sources(requests, answers, mark.pod, mark.boot, user_port, since_ns, named=named))
        _add(found, sockets)
        _add(found, _closed_by_its_end(found, seen, mark.boot, since_ns))
    _add(found, _readiness(seen, mark))
    edges = {edge: choose(found[edge]) for edge in EDGES if edge in found}
    must = fault.required(done, service, edges, end_ns, asks_liveness=asks_liveness(service, seen.told))
    must -= frozenset() if app.logs_probes else ONLY_TOLD
    must -= frozenset({"first-ok"}) if is_sidecar(role) else frozenset()
    return Anatomy(
        edges=edges,
        missing=tuple(edge for edge in EDGES if edge in must and edge not in edges),
        disputes=(
            *(text for edge in edges for text in disagreements(edge, found[edge], since_ns)),
            *contradictions(edges, fault.order, since_ns),
            *_endpoint_alone(edges, seen, mark, since_ns, end_ns),
        ),
    )


def endpoint_disputes(
    mark: CycleMark, seen: Iterable[Observation], sights: Sequence[PodState], event: FaultEvent | None, end_ns: int
) -> tuple[str, ...]:
    """The disputes about endpoint-unready: the pod's endpoint contradicts the pod's own readiness, or its own sources.

    seen: at least the sights of EndpointSlices. sights: the pod's.
    """
    since_ns = event.sent_ns if event is not None else mark.load_started_ns
    slices = sorted((one for one in seen if one.stream is Stream.ENDPOINTS), key=lambda one: one.seen_ns)
    of_pod = Seen(told=(), sights=sights, slices=slices, events=(), runtime=(), kubelet=(), proxy=())
    found = _readiness(of_pod, mark)
    edges = {edge: choose(found[edge]) for edge in EDGES if edge in found}
    if "endpoint-unready" not in edges:
        return ()
    return (
        *disagreements("endpoint-unready", found["endpoint-unready"], since_ns),
        *(text for text in contradictions(edges, READINESS_ORDER, since_ns) if text.startswith("endpoint-unready")),
        *_endpoint_alone(edges, of_pod, mark, since_ns, end_ns),
    )


def good_liveness_probe(mark: CycleMark, event: FaultEvent | None, service: ServiceSpec, events: Sequence[AppEvent]) -> bool:
    """Whether a later boot reported a successful liveness probe. events: of the cycle's app."""
    if event is None:
        return False
    return "first-good-probe" in probes.sources(told.boots(events, mark.boot, event.sent_ns), service, FAULTS[event.kind])


_Sources = Mapping[str, Source | Sequence[Source]]


def _add(found: dict[str, list[Source]], more: _Sources) -> None:
    for edge, given in more.items():
        found.setdefault(edge, []).extend([given] if isinstance(given, Source) else given)


def _of_the_app(seen: Seen, mark: CycleMark, event: FaultEvent, service: ServiceSpec, fault: Fault) -> dict[str, list[Source]]:
    boots = told.boots(seen.told, mark.boot, event.sent_ns)
    found: dict[str, list[Source]] = {}
    _add(found, told.sources(boots, event))
    good = probes.sources(boots, service, fault)
    first = good.get("first-good-readiness-probe")
    if first is not None:
        failed_ns = proxy.last_failed_probe_ns(seen.proxy, first.lo_ns, first.hi_ns)
        if failed_ns:
            last = "queue-proxy's log: its last failed probe"
            good["first-good-readiness-probe"] = replace(first, lo_ns=failed_ns, not_before=last)
    _add(found, good)
    return found


def _of_the_node(
    seen: Seen, event: FaultEvent, service: ServiceSpec, fault: Fault, end_ns: int, container: str
) -> dict[str, list[Source]]:
    since_ns = event.sent_ns
    base = api.base_of(seen.sights, since_ns)
    restarts = restarts_since(seen.sights, since_ns, end_ns)
    found: dict[str, list[Source]] = {}
    _add(
        found,
        runtime.sources(seen.runtime, since_ns, base.container_id if base else "", base.restarts if base else None, container),
    )
    _add(found, proxy.sources(seen.proxy, since_ns))
    for one in seen.kubelet:
        if one.at_ns >= since_ns and kubelet.kills(one.payload) and kubelet.container_named(one.payload) in {container, ""}:
            _add(
                found,
                {"killing": Source(since_ns, one.at_ns, COMMAND, "the kubelet's journal: Killing container", one.resolution_ns)},
            )
            break
    _add(found, api.status_sources(seen.sights, since_ns))
    _add(
        found,
        api.event_sources(
            seen.events, service, since_ns, restarts, liveness_fails="liveness" in fault.fails_probes, container=container
        ),
    )
    return found


def _closed_by_its_end(found: Mapping[str, Sequence[Source]], seen: Seen, boot: str, since_ns: int) -> _Sources:
    """If the app did not report that it closed its listener, the end of its process closed it at the latest."""
    if "process-gone" not in found or any(one.event == "closed" and one.boot == boot and one.t_ns >= since_ns for one in seen.told):
        return {}
    gone = choose(found["process-gone"])
    return {
        "listener-closed": Source(
            since_ns, gone.hi_ns, COMMAND, f"the process's end closes it: {gone.evidence}", gone.resolution_ns
        )
    }


def _readiness(seen: Seen, mark: CycleMark) -> dict[str, list[Source]]:
    """Of the pod, of its endpoint, and of queue-proxy by itself, from the fault or, without one, from the start of the load."""
    from_ns = mark.fault_ns or mark.load_started_ns
    found: dict[str, list[Source]] = {}
    pod = [(state.seen_ns, state.ready) for state in seen.sights]
    queue_proxy = [(state.seen_ns, state.queue_proxy_ready) for state in seen.sights]
    _add(found, api.flips(pod, from_ns, "the pod's Ready condition", "pod-unready", "pod-ready-again"))
    _add(found, api.flips(queue_proxy, from_ns, "queue-proxy's own readiness", "queue-proxy-unready", "queue-proxy-ready-again"))
    endpoint = [(seen_ns, shown.ready.get(mark.pod, False)) for seen_ns, shown in seen.listing(mark.pod)]
    _add(found, api.flips(endpoint, from_ns, "the pod's endpoint", "endpoint-unready", "endpoint-ready-again"))
    return found


def _endpoint_alone(edges: Mapping[str, Bracket], seen: Seen, mark: CycleMark, since_ns: int, end_ns: int) -> Iterable[str]:
    """A private slice follows the Ready condition of its pods. It must not show a pod unready that was never seen unready."""
    from_ns = mark.fault_ns or mark.load_started_ns
    if "endpoint-unready" in edges and seen.followed(mark.pod) and ready_throughout(seen.sights, from_ns, end_ns):
        yield f"endpoint-unready: {said(edges['endpoint-unready'], since_ns)}, but the pod was never seen other than Ready"
