"""The facts that claims rest on: what each needs, and how it is read from a cycle's evidence.

A fact is *unknown* if the evidence does not support it: no stream of a needed group is whole, or the streams do not settle the
question. Its value is still computed for the report. A claim that rests on an unknown fact is undecided. Other claims are decided,
whatever else was lost (docs/evidence.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from harness.analyse import listeners
from harness.analyse.anatomy import Anatomy, dissect, endpoint_disputes, gather, good_liveness_probe
from harness.analyse.evidence import LANES_TO_PODS, is_of_queue_proxy
from harness.analyse.hops import split, took_ns
from harness.analyse.landed import landed, with_second
from harness.analyse.ledger import Account, account, may_be_sampled
from harness.analyse.outage import closed_windows, last_closed, touching
from harness.analyse.probephase import probe_phase_s
from harness.analyse.view import BRIDGED_NS, CycleEvidence, View
from harness.analyse.windows import Window
from harness.apps.known import app_of
from harness.apps.toggle import BOOT_HEADER, POD_HEADER, Event
from harness.faults import FAULTS, Asked
from harness.knative.listeners import LOOPBACK
from harness.knative.names import QUEUE_PROXY
from harness.knative.pods import PodState, ready_throughout, restarts_since
from harness.knative.roles import is_sidecar, service_of_role
from harness.knative.times import MILLISECOND_NS
from harness.model import (
    LISTENER_HOLE,
    SLOW_S,
    USERS_ROUTE,
    Cause,
    Fact,
    Handler,
    Hop,
    Hops,
    Landed,
    Latency,
    Outcome,
    RunMeta,
    Stream,
)

Groups = tuple[frozenset[Stream], ...]

OF_A_POD = frozenset({Fact.LANDING, Fact.READINESS, Fact.RESTARTS, Fact.LISTENER, Fact.PROBES})
"""The facts that are computed for each pod."""

LISTENER_EDGES = frozenset({listeners.CLOSED, listeners.OPENED})
"""Requests may fail only between these edges. If sources contradict each other about one of them, the fact is unknown."""

ANATOMY = frozenset(Stream) - {Stream.CLOCK, Stream.ACTIVATOR, Stream.INGRESS}
"""The streams from which the anatomy of a restart is computed."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The streams of a fact. Of each group in `needs` one must be whole; those in `uses` make the fact sharper or contradict it."""

    needs: Groups
    uses: frozenset[Stream]
    read: Callable[[View], tuple[Any, str]]
    """Returns the value, and why it is unknown although the needed streams are whole ("" if it is known)."""

    @property
    def streams(self) -> frozenset[Stream]:
        """All of them."""
        return self.uses.union(*self.needs)


@dataclass(frozen=True, slots=True)
class FactValue:
    """One fact of one cycle. unknown: why no claim may rest on it, "" if it is known."""

    value: Any
    unknown: str


def declared(meta: RunMeta) -> Mapping[Fact, Declared]:
    """The streams of each fact in this run. They depend on the route of the requests, on the fault and on the probes."""
    none: frozenset[Stream] = frozenset()
    one = {stream: (frozenset({stream}),) for stream in Stream}
    role = meta.spec.fault.role
    service, log = service_of_role(meta.spec.service, role), Stream.SIDECAR if is_sidecar(role) else Stream.APP
    liveness, app = service.liveness, app_of(service.app.image)
    app_log = one[log] if app.logs_probes and liveness is not None and liveness.handler is not Handler.TCP else ()
    proxied = one[Stream.QUEUE_PROXY] if _has_queue_proxy(meta) else ()
    stamps = {log} if app.logs_listener else set()
    of_listener = frozenset(stamps | ({Stream.LISTENERS} if meta.listeners_every_ms else set()))
    explains = frozenset({Stream.QUEUE_PROXY, Stream.ACTIVATOR, Stream.PODS, Stream.APP})
    logs, of_hops = meta.spec.request_log, frozenset({Stream.QUEUE_PROXY, Stream.ACTIVATOR, Stream.INGRESS, Stream.APP})
    return {
        Fact.REQUESTS: Declared((), none, _requests),
        Fact.LEDGER: Declared(proxied, explains, _ledger),
        Fact.LANDING: Declared(_proofs_of(meta), none, _landing),
        Fact.READINESS: Declared(one[Stream.PODS], frozenset({Stream.ENDPOINTS}), _readiness),
        Fact.RESTARTS: Declared(one[Stream.PODS], none, _restarts),
        Fact.LISTENER: Declared((of_listener,) if of_listener else (), ANATOMY, _listener),
        Fact.PROBES: Declared(app_log, frozenset({log}), _probes),
        Fact.LATENCY: Declared((), none, _latency),
        Fact.HOPS: Declared((*proxied, *one[Stream.ACTIVATOR]), of_hops, _hops) if logs else Declared((), none, _no_hops),
        Fact.FAILING_POD: Declared(() if proxied else one[Stream.PODS], frozenset({Stream.PODS}), _failing_pod),
    }


def _proofs_of(meta: RunMeta) -> Groups:
    """The streams that prove the fault, and the second fault if there is one."""
    asked = (meta.spec.fault, *([meta.spec.second] if meta.spec.second else []))
    return tuple(group for fault in asked for group in FAULTS[fault.kind].evidence(fault))


def readings(cycle: CycleEvidence, facts: Mapping[Fact, Declared]) -> dict[Fact, FactValue]:
    """Every fact of this cycle."""
    found = {}
    for fact, rests in facts.items():
        value, open_question = rests.read(View(cycle, rests.streams))
        # What was seen proves the landing, whatever else was lost. For other facts, a missing observation may be a lost one.
        lost = "" if fact is Fact.LANDING else _lost(cycle, rests.needs)
        found[fact] = FactValue(value, "; ".join(filter(None, (lost, open_question))))
    return found


def _has_queue_proxy(meta: RunMeta) -> bool:
    """Whether users' requests pass a queue-proxy. Records of earlier releases have no routes and are of Knative Services."""
    users = [route.hops for route in meta.routes if route.name == USERS_ROUTE]
    return not users or any(Hop.QUEUE_PROXY in hops for hops in users)


def _lost(cycle: CycleEvidence, needs: Groups) -> str:
    """Why the streams are not whole, for each group without a whole stream."""
    lost = []
    for group in needs:
        why = {stream: cycle.not_whole(stream) for stream in sorted(group)}
        if all(why.values()):
            lost.append(" and ".join(why.values()))
    return "; ".join(lost)


# --- the facts ----------------------------------------------------------------------------------------------------------


def _requests(view: View) -> tuple[int, str]:
    """How many requests of users were sent."""
    return int((view.cycle.users["sent_ns"] > 0).sum()), ""


def _ledger(view: View) -> tuple[Account, str]:
    """The cause of each failed request, and the request of each refused line; unknown if one of them is missing."""
    cycle, log = view.cycle, view.request_log()
    meta = cycle.history.meta
    books = account(
        cycle.failures,
        view.queue_proxy(),
        view.activator(),
        pods=cycle.explained,
        user_port=meta.user_port,
        tolerance_ns=cycle.tolerance_ns,
        sampled=may_be_sampled(meta.changes),
        log=log,
    )
    return books, "; ".join(_open_items(cycle, books, _unlogged(view)))


def _open_items(cycle: CycleEvidence, books: Account, unlogged: int) -> Iterable[str]:
    ambiguous = books.by_cause.get(Cause.AMBIGUOUS, 0)
    unattributed = books.by_cause.get(Cause.UNKNOWN, 0) + ambiguous
    if unattributed:
        yield f"{unattributed} failed requests are unattributed ({ambiguous} of them ambiguous)"
        if lost := cycle.not_whole(Stream.ACTIVATOR):
            yield lost
    if unmatched := books.refused_lines - books.matched:
        yield f"{unmatched} refused lines of queue-proxy belong to no request of the generator"
    if books.strangers:
        yield f"{books.strangers} lines of queue-proxy's request log are of no request of the generator"
    if books.censored:
        yield f"{books.censored} refused lines are missing and queue-proxy's log sampling was not switched off"
    if unlogged:
        yield f"{unlogged} requests that queue-proxy answered are not so in its request log"


def _unlogged(view: View) -> int:
    """How many tries reached queue-proxy, as their answer shows, but are not in its request log with that status."""
    cycle, log = view.cycle, view.request_log()
    if log is None:
        return 0
    through = (pl.col("outcome") == Outcome.OK.value) & ~pl.col("lane").is_in(LANES_TO_PODS)
    good = cycle.tries.select(through.alias("through"))["through"].to_numpy()
    bad = cycle.failures.which(lambda kind: is_of_queue_proxy(kind, cycle.history.meta.user_port))
    return int((log.line_of[good] < 0).sum() + (log.line_of[cycle.failures.row[bad]] < 0).sum())


def _landing(view: View) -> tuple[Landed, str]:
    """Whether the fault took hold."""
    cycle = view.cycle
    spec = cycle.history.meta.spec
    since_ns = cycle.event.sent_ns if cycle.event else cycle.begin_ns
    seen = view.sight(partial(_asked, cycle))
    proof = landed(spec.fault, cycle.service, cycle.event, seen, since_ns)
    if spec.second is not None:
        done = (event for event in cycle.history.faults if event.cycle == cycle.mark.index and event.kind == spec.second.kind)
        second = next(done, None)
        after_ns = second.sent_ns if second else cycle.begin_ns
        proof = with_second(
            proof, spec.second, landed(spec.second, service_of_role(spec.service, spec.second.role), second, seen, after_ns)
        )
    missing = "; ".join(f"{name}: {evidence}" for name, was, evidence in proof.parts if not was)
    return proof, "" if proof.proved else f"the fault is not proved to have landed ({missing})"


def _asked(cycle: CycleEvidence, since_ns: int) -> Iterable[Asked]:
    """The requests of users of this cycle, for a proof that rests on them."""
    named = cycle.answers.select("index", "headers").iter_rows()
    boots = {index: json.loads(headers).get(BOOT_HEADER, "") for index, headers in named}
    rows = cycle.users.filter(pl.col("done_ns") >= since_ns).select("sent_ns", "done_ns", "outcome", "status", "answer")
    for sent_ns, done_ns, outcome, status, answer in rows.iter_rows():
        yield Asked(sent_ns, done_ns, Outcome(outcome), status, boots.get(answer, ""))


def _readiness(view: View) -> tuple[bool | None, str]:
    """Whether the pod was Ready throughout. None if it was never seen unready but observations were missed."""
    cycle = view.cycle
    sights = view.states(cycle.mark.pod)
    ready = ready_throughout(sights, cycle.begin_ns, cycle.end_ns)
    watched = Window(cycle.begin_ns, cycle.end_ns)
    missed = any(
        gap.stream is Stream.PODS and gap.pod in {"", cycle.mark.pod} and watched.overlaps(gap.from_ns, gap.until_ns)
        for gap in cycle.history.gaps
    )
    disputes = endpoint_disputes(cycle.mark, view.seen(), sights, cycle.event, cycle.end_ns)
    return None if ready and missed else ready, _contradiction(disputes)


@dataclass(frozen=True, slots=True)
class RestartsValue:
    """own: by how much the restart count of the container that the fault was to hit grew, None if unknown. grown: of each pod, if
    it did; and by "POD/CONTAINER" of the other containers of this pod but queue-proxy.
    """

    own: int | None
    grown: Mapping[str, int]


def _restarts(view: View) -> tuple[RestartsValue, str]:
    """By how much restart counts grew, of the pod's own container and of those of the cycle's other pods."""
    cycle = view.cycle
    pod, others = cycle.mark.pod, sorted({seen.pod for seen in view.others()})
    own = _grown(cycle, view.hit_states(), came=cycle.from_zero)
    grown = {pod: own, **{one: _grown(cycle, view.states(one), came=True) for one in others}}
    states = view.states(pod)
    for container in sorted({name for state in states for name in state.containers} - {cycle.container, QUEUE_PROXY}):
        grown[f"{pod}/{container}"] = _grown(cycle, [state.about(container) for state in states], came=True)
    return RestartsValue(own, {one: count for one, count in grown.items() if count}), ""


def _grown(cycle: CycleEvidence, sights: Sequence[PodState], *, came: bool) -> int | None:
    """came: the pod need not have been seen with a container before: it began with none, and at no restart."""
    grown = restarts_since(sights, cycle.begin_ns, cycle.end_ns)
    if grown is not None or not came:
        return grown
    counts = [state.restarts for state in sights if state.restarts is not None and state.seen_ns <= cycle.end_ns]
    return counts[-1] if counts else None


@dataclass(frozen=True, slots=True)
class ListenerValue:
    """outages: of this pod's listener, None if they are not known."""

    outages: tuple[Window, ...] | None
    anatomy: Anatomy


@dataclass(frozen=True, slots=True)
class _Sampled:
    """What the listening sockets show: when the pod did not listen, and why no claim may rest on that, "" if one may."""

    shuts: Sequence[listeners.Shut]
    unknown: str


def _listener(view: View) -> tuple[ListenerValue, str]:
    """When the app listened, by its own report or by its listening sockets; and the anatomy, which may contradict that report."""
    cycle, seen = view.cycle, view.seen()
    events, until_ns = view.app(), cycle.window.until_ns
    # Good answers are those of the user container: they say nothing of when a sidecar listened.
    answered = _answered(cycle, cycle.mark.pod if cycle.mark.pods else "") if cycle.app_log is Stream.APP else {}
    meta, since_ns = cycle.history.meta, cycle.event.sent_ns if cycle.event else cycle.begin_ns
    logs = app_of(cycle.service.app.image).logs_listener
    told = closed_windows(events, cycle.begin_ns, until_ns, answered) if events and logs else None
    sights = view.hit_states()
    sampled = _sampled(view, sights)
    of_pod = gather(cycle.mark.pod, seen, events, sights, view.about_no_request(), cycle.end_ns)
    anatomy = dissect(
        cycle.hit,
        cycle.event,
        cycle.service,
        of_pod,
        cycle.users,
        cycle.answers,
        end_ns=cycle.end_ns,
        user_port=meta.user_port,
        role=meta.spec.fault.role,
        container=cycle.container,
        sockets=listeners.sources(sampled.shuts, since_ns),
    )
    if sampled.unknown:
        outages = told
        about = (text for text in anatomy.disputes if LISTENER_EDGES & set(text.partition(": ")[0].split(", ")))
        unknown = [_contradiction(about)]
        if told is None and (meta.listeners_every_ms or not logs):
            unknown.append(f"the app's log does not show when it listened, and {sampled.unknown}")
    elif told is None or cycle.not_whole(cycle.app_log):
        outages, unknown = listeners.windows(sampled.shuts, cycle.begin_ns, until_ns), []
    else:
        # Two witnesses of the listener itself. What others conclude from refusals is disputed in the anatomy alone.
        outages = told
        apart = listeners.contradicted(told, events, sampled.shuts, cycle.begin_ns, until_ns, cycle.tolerance_ns)
        unknown = [_contradiction([apart] if apart else [])]
    ends = last_closed(outages or (), until_ns) if any(state.deleting for state in sights) else ()
    excused = _only_in(ends, outages or (), cycle) if ends else 0
    after_its_end = f"{excused} requests failed after {cycle.mark.pod}, which is deleted, had closed its listener for good"
    return ListenerValue(outages, anatomy), "; ".join(filter(None, (after_its_end if excused else "", *unknown)))


def _sampled(view: View, sights: Sequence[PodState]) -> _Sampled:
    """Where requests arrive: other containers ask at the loopback address, users of a plain Deployment at the pod's own."""
    cycle, meta = view.cycle, view.cycle.history.meta
    if not meta.listeners_every_ms:
        return _Sampled((), "the listening sockets were not sampled")
    port, through = cycle.port, _has_queue_proxy(meta) or cycle.app_log is Stream.SIDECAR
    address = LOOPBACK if through else next((one.ip for one in reversed(sights) if one.ip), "")
    looks = view.listeners()
    if not port:
        return _Sampled((), f"the port on which {cycle.container} listens is not known")
    if not looks or not address:
        unseen = "the address of the pod was not seen" if looks else "no look at its listening sockets was seen"
        return _Sampled((), cycle.not_whole(Stream.LISTENERS) or unseen)
    shuts = tuple(listeners.shuts(looks, address, port))
    hole_ns = LISTENER_HOLE * meta.listeners_every_ms * MILLISECOND_NS
    watched = Window(cycle.begin_ns, cycle.answered_ns)
    unseen = listeners.not_covered(looks, address, port, watched, hole_ns=hole_ns, bridged_ns=BRIDGED_NS)
    return _Sampled(shuts, cycle.not_whole(Stream.LISTENERS) or unseen)


def _only_in(ends: Sequence[Window], outages: Sequence[Window], cycle: CycleEvidence) -> int:
    """How many requests of users touch the end of a deleted pod's listener and no outage: anybody may have failed them."""
    of_users, tolerance_ns = cycle.failures.of_users, cycle.tolerance_ns
    sent_ns, done_ns = cycle.failures.sent_ns[of_users], cycle.failures.done_ns[of_users]
    closed = [window for window in outages if window not in ends]
    spared = touching(sent_ns, done_ns, outages, tolerance_ns) & ~touching(sent_ns, done_ns, closed, tolerance_ns)
    return int(spared.sum())


@dataclass(frozen=True, slots=True)
class ProbesValue:
    """again: whether the new container's liveness probe was seen to succeed; None if the app cannot report that probe.

    phase_s: see `probe_phase_s`; of a run with a claim about a rate, and of a block of an experiment.
    """

    again: bool | None
    phase_s: float | None


def _probes(view: View) -> tuple[ProbesValue, str]:
    """What the app reports of the probes that reached it."""
    cycle = view.cycle
    events = view.app()
    liveness = cycle.service.liveness
    if not app_of(cycle.service.app.image).logs_probes:
        return ProbesValue(None, None), ""
    meta, phase_s = cycle.history.meta, None
    if meta.experiment or any(claim.rate for claim in meta.spec.claims):
        phase_s = probe_phase_s(cycle.service, events, cycle.hit.boot, cycle.begin_ns)
    tells = liveness is not None and liveness.handler is not Handler.TCP
    tells = tells or any(one.event == Event.PROBE and one.more.get("which") == "liveness" for one in events)
    if not tells:
        return ProbesValue(None, phase_s), ""
    return ProbesValue(good_liveness_probe(cycle.hit, cycle.event, cycle.service, events), phase_s), ""


def asks_numbers(meta: RunMeta) -> bool:
    """Whether the run has a claim about a number, or is a block of an experiment: the summary of any other run is as it was."""
    return bool(meta.experiment) or any(claim.bounds for claim in meta.spec.claims)


def _latency(view: View) -> tuple[Latency | None, str]:
    """How long users waited for good answers from the fault on; None without one, or if nobody asks for such a number."""
    cycle = view.cycle
    if not asks_numbers(cycle.history.meta):
        return None, ""
    good = cycle.users.filter((pl.col("outcome") == Outcome.OK.value) & (pl.col("done_ns") >= cycle.mark.fault_ns))
    waited_s = (good["done_ns"] - good["intended_ns"]).to_numpy() / 1e9
    if not len(waited_s):
        return None, ""
    slow, p99_s = int((waited_s > SLOW_S).sum()), float(np.quantile(waited_s, 0.99))
    return Latency(float(waited_s.max()), float(np.median(waited_s)), slow, p99_s), ""


def _hops(view: View) -> tuple[Hops | None, str]:
    """In which hop the requests of users spent their time."""
    queue_proxy, activator = view.request_log(), view.activator_log()
    if queue_proxy is None or activator is None:
        return None, ""
    found = split(
        view.cycle.tries,
        queue_proxy_ns=took_ns(queue_proxy),
        activator_ns=took_ns(activator),
        ingress_ns=view.ingress_took_ns(),
        app_ns=view.app_took_ns(),
    )
    silent = "the activator's request log has no line of the load: it was not on the way, or its log is lost"
    return found, "" if activator.exact else silent


def _no_hops(view: View) -> tuple[Hops | None, str]:  # noqa: ARG001 - every fact is read from a view
    """Of a run without the request log."""
    return None, ""


def _failing_pod(view: View) -> tuple[int, str]:
    """How many requests of users failed on a route straight to several pods. No line of a proxy names the pod there."""
    cycle = view.cycle
    pods = cycle.pods.there.union(cycle.mark.began_with)
    failed = int((cycle.failures.of_users & cycle.failures.which(lambda kind: kind.straight)).sum())
    if not failed or len(pods) < 2:
        return 0, ""
    return failed, f"{failed} requests failed on a route straight to {len(pods)} pods, and the client cannot tell at which pod"


def _contradiction(disputes: Iterable[str]) -> str:
    return "; ".join(f"the evidence contradicts itself: {dispute}" for dispute in disputes)


def _answered(cycle: CycleEvidence, pod: str) -> dict[str, int]:
    """The time of the last good answer of each boot. pod: of the boots of this pod; "": of all boots."""
    good = cycle.requests.lazy().filter(pl.col("outcome") == Outcome.OK.value).group_by("answer").agg(pl.col("done_ns").max())
    last = dict(good.collect().iter_rows())
    found: dict[str, int] = {}
    for index, headers in cycle.answers.select("index", "headers").iter_rows():
        named = json.loads(headers)
        if index in last and (boot := named.get(BOOT_HEADER)) and pod in {"", named.get(POD_HEADER)}:
            found[str(boot)] = max(found.get(str(boot), 0), last[index])
    return found
