"""History -> Findings, top to bottom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from harness.analyse.anatomy import about_no_request, agree
from harness.analyse.columns import Flags
from harness.analyse.cpuwait import cpu_wait_us, starved
from harness.analyse.cyclepods import PodSights
from harness.analyse.doubts import doubts
from harness.analyse.errorlines import ErrorLines, forwarding_errors
from harness.analyse.evidence import LANES_OF_USERS, Failures, failures_of, straight_lanes, tries_of
from harness.analyse.facts import OF_A_POD, Declared, FactValue, ListenerValue, asks_numbers, declared, readings
from harness.analyse.hit import all_hit, events_of, mark_of
from harness.analyse.lastseen import last_seen
from harness.analyse.ledger import CAUSES, Account, Codes, added, by_cause, total
from harness.analyse.outage import outside
from harness.analyse.requestlog import RequestLines, joined, request_lines
from harness.analyse.sights import Sights
from harness.analyse.slots import by_slot
from harness.analyse.took import Took, by_app, by_ingress
from harness.analyse.view import CycleEvidence
from harness.analyse.voiding import first_sent, pacing, void_reason
from harness.analyse.windows import ByCycle, Window, of_cycle
from harness.apps.toggle import POD_HEADER
from harness.faults import Sight
from harness.knative.lines import refused_text
from harness.knative.pods import ready_throughout
from harness.knative.roles import is_sidecar
from harness.model import (
    COURSES,
    Cause,
    CycleFindings,
    CycleMark,
    Fact,
    FaultEvent,
    Findings,
    History,
    HitPod,
    Lane,
    NotCounted,
    OfMethod,
    Outcome,
    Reason,
    Stream,
)

PODS = "pods"
"""The name of the number that few ask for (`harness.judge.numbers`)."""


def analyse(history: History) -> Findings:
    """Everything the history says; the same history gives the same findings.

    Totals (sent, ok, by_outcome, pacing, ledger) are over the cycles that count; a voided cycle keeps its own findings. Sent, ok
    and outcomes are of the user lanes, pacing and ledger of all lanes (docs/evidence.md). Raises nothing for a history that
    `harness.history` could read: what is missing becomes a doubt.
    """
    seen = _seen(history)
    kept = [one for one in seen if not one.findings.voided]
    left_out = [one.findings for one in seen if one.findings.voided]
    ledger = total(one.account for one in kept)
    counted = [one.findings for one in kept]
    indices = [one.index for one in counted]
    sendings = (
        history.requests.lazy().filter(pl.col("cycle").is_in(indices)).select("cycle", "seq", "sent_ns", "intended_ns").collect()
    )
    late = pacing(first_sent(sendings, history.attempts))
    rates = [history.generators[index].rate_rps for index in indices if index in history.generators]
    return Findings(
        cycles=tuple(one.findings for one in seen),
        ledger=ledger,
        sent=sum(one.sent for one in counted),
        ok=sum(one.ok for one in counted),
        by_outcome=added(one.by_outcome for one in counted),
        rate_rps=sum(rates) / len(rates) if rates else 0.0,
        pacing_p50_us=late.p50_us,
        pacing_p99_us=late.p99_us,
        gaps=history.gaps,
        doubts=doubts(history, [(one.evidence, one.findings) for one in seen]),
        not_counted=NotCounted(
            cycles=len(left_out),
            sent=sum(one.sent for one in left_out),
            ok=sum(one.ok for one in left_out),
            by_outcome=added(one.by_outcome for one in left_out),
            by_cause=added(one.by_cause for one in left_out),
        ),
    )


def _seen(history: History) -> list[_Seen]:
    """The cycles of all slots, by index."""
    slots = [(of_slot, _Tables.of(of_slot)) for of_slot in by_slot(history).values()]
    seen = [_cycle(of_slot, mark, tables) for of_slot, tables in slots for mark in of_slot.cycles]
    return sorted(seen, key=lambda one: one.findings.index)


@dataclass(frozen=True, slots=True)
class _Tables:
    """The history, parsed once. about_no_request: lines of queue-proxy's log. rest: observations without the logs of the
    proxies.
    """

    requests: ByCycle
    attempts: ByCycle | None
    answers: ByCycle
    queue_proxy: ErrorLines
    activator: ErrorLines
    request_log: RequestLines | None
    activator_log: RequestLines | None
    by_ingress: Took
    by_app: Took
    about_no_request: pl.DataFrame
    pods: PodSights
    rest: Sights
    heard: dict[Stream, frozenset[str]]
    facts: Mapping[Fact, Declared]

    @staticmethod
    def of(history: History) -> _Tables:
        seen, run_id = history.observations, history.meta.run_id
        heard, logs = _heard(seen), history.meta.spec.request_log
        return _Tables(
            requests=ByCycle(history.requests),
            attempts=None if history.attempts is None else ByCycle(history.attempts),
            answers=ByCycle(history.answers),
            queue_proxy=forwarding_errors(seen, Stream.QUEUE_PROXY),
            activator=forwarding_errors(seen, Stream.ACTIVATOR),
            request_log=request_lines(seen, run_id) if logs else None,
            activator_log=request_lines(seen, run_id, Stream.ACTIVATOR) if logs else None,
            by_ingress=by_ingress(seen if logs else seen.clear(), run_id),
            by_app=by_app(seen if logs else seen.clear(), run_id),
            about_no_request=about_no_request(seen),
            pods=PodSights(seen, heard),
            rest=Sights(seen),
            heard=heard,
            facts=declared(history.meta),
        )


def _heard(observations: pl.DataFrame) -> dict[Stream, frozenset[str]]:
    """For each stream, the pods for which it delivered data."""
    heard: dict[Stream, set[str]] = {}
    for stream, pod in observations.lazy().select("stream", "pod").unique().collect().iter_rows():
        heard.setdefault(Stream(stream), set()).add(pod)
    return {stream: frozenset(pods) for stream, pods in heard.items()}


@dataclass(frozen=True, slots=True)
class _Seen:
    evidence: CycleEvidence
    findings: CycleFindings
    account: Account


def _cycle(history: History, mark: CycleMark, tables: _Tables) -> _Seen:
    spec = history.meta.spec
    tolerance_ns = int(spec.match_tolerance_s * 1e9)
    requests, answers = tables.requests.of(mark.index), tables.answers.of(mark.index)
    report = history.generators.get(mark.index)
    window = of_cycle(mark, requests, report)
    there, served = tables.pods.of(window, _ended_before(history, mark)), _served(answers)
    # If only one pod serves, lines of another pod are not explained, unless its logs were followed in this cycle.
    pods = {mark.pod, *there.followed, *(() if spec.service.max_scale == 1 else served)}
    attempts = tables.attempts.of(mark.index) if tables.attempts else None
    tries = tries_of(requests, attempts)
    failures = failures_of(tries, answers, straight_lanes(history.meta.routes))
    # A line may be written a little after its answer was: the window is as tolerant as the matching.
    lines_window = Window(window.from_ns - tolerance_ns, window.until_ns + tolerance_ns)
    log = None
    if tables.request_log is not None:
        log = joined(tables.request_log.within(lines_window), tries, cycle=mark.index, pods=pods)
    end_ns = mark.ended_ns or window.until_ns
    events = events_of(history.faults, mark, spec.fault, spec.second)
    begin_ns = mark.fault_ns or mark.load_started_ns
    of_pod = tables.rest.of(mark, end_ns)
    others = tables.rest.states(there.there - {mark.pod}, end_ns)
    sight = Sight([*of_pod, *others])
    if (course := COURSES.get(spec.course_name)) and course.from_zero:
        begin_ns = max(begin_ns, sight.came_ns(mark.pod))  # there was no pod before
    users = requests.filter(pl.col("lane").is_in(LANES_OF_USERS))
    evidence = CycleEvidence(
        history=history,
        mark=mark,
        window=window,
        begin_ns=begin_ns,
        end_ns=end_ns,
        report=report,
        requests=requests,
        users=users,
        attempts=attempts,
        answers=answers,
        tries=tries,
        failures=failures,
        pods=there,
        served=served,
        explained=frozenset(pods),
        event=events[0] if events else None,
        seen=of_pod,
        others=others,
        sight=sight,
        queue_proxy=tables.queue_proxy.within(lines_window),
        activator=tables.activator.within(lines_window),
        log=log,
        activator_log=tables.activator_log,
        by_ingress=tables.by_ingress,
        by_app=tables.by_app,
        about_no_request=tables.about_no_request,
        heard=tables.heard,
    )
    facts = readings(evidence, tables.facts)
    found, books = _found(evidence, facts)
    further = [_of_hit_pod(evidence, event, tables) for event in events[1:]]
    outages = {mark.pod: facts[Fact.LISTENER].value.outages}
    outages |= {shown.pod: values[Fact.LISTENER].value.outages for shown, values in further}
    refusing = {books.pods[pod] for pod in np.unique(books.pod[_refused(failures, history.meta.user_port)]).tolist() if pod >= 0}
    stayed = [ready_throughout(sight.states(pod), begin_ns, end_ns) for pod in sorted(refusing - outages.keys())]
    return _Seen(evidence, all_hit(found, further, stayed, _outside(evidence, books, outages)), books)


def _of_hit_pod(cycle: CycleEvidence, event: FaultEvent, tables: _Tables) -> tuple[HitPod, Mapping[Fact, FactValue]]:
    """The findings and facts of a further pod that the fault hit."""
    mark = mark_of(cycle.mark, event)
    others = tables.rest.states(cycle.pods.there - {mark.pod}, cycle.end_ns)
    seen = tables.rest.of(mark, cycle.end_ns)
    own = replace(cycle, mark=mark, event=event, seen=seen, others=others, sight=Sight([*seen, *others]))
    facts = readings(own, {fact: rests for fact, rests in tables.facts.items() if fact in OF_A_POD})
    listener: ListenerValue = facts[Fact.LISTENER].value
    shown = HitPod(
        pod=mark.pod,
        landed=facts[Fact.LANDING].value,
        anatomy=listener.anatomy.edges,
        missing=listener.anatomy.missing,
        disputes=listener.anatomy.disputes,
        restarts=facts[Fact.RESTARTS].value.own,
        ready_throughout=facts[Fact.READINESS].value,
    )
    return shown, facts


def _outside(cycle: CycleEvidence, books: Account, outages: Mapping[str, Sequence[Window] | None]) -> int | None:
    """How many requests of users failed outside of the outages of the pod that failed them; None if one of those is not known."""
    of_users, failures = cycle.failures.of_users, cycle.failures
    sent_ns, done_ns, pod = (column[of_users] for column in (failures.sent_ns, failures.done_ns, books.pod))
    return outside(sent_ns, done_ns, pod, books.pods, outages, cycle.tolerance_ns)


def _found(cycle: CycleEvidence, facts: Mapping[Fact, FactValue]) -> tuple[CycleFindings, Account]:
    """The findings and the account of a cycle, from its facts."""
    spec, user_port = cycle.history.meta.spec, cycle.history.meta.user_port
    books: Account = facts[Fact.LEDGER].value
    listener: ListenerValue = facts[Fact.LISTENER].value
    anatomy = listener.anatomy
    outcomes = _by_outcome(cycle.users)
    late = pacing(first_sent(cycle.requests, cycle.attempts))
    report, failures, mark = cycle.report, cycle.failures, cycle.mark
    rate_rps = (report.rate_rps if report else 0.0) or spec.load.rate_rps or 1.0
    early = failures.of_users & (failures.done_ns < mark.fault_ns)
    waited_us = cpu_wait_us(cycle.history.node_cpu, mark.load_started_ns, mark.recovered_ns or mark.ended_ns)
    voided = _voided(mark, waited_us) or void_reason(
        spec, cycle.requests, report, mark.recovered_ns, attempts=cycle.attempts, waited_us=waited_us, late=late
    )
    found = CycleFindings(
        index=mark.index,
        pod=mark.pod,
        voided=voided,
        landed=facts[Fact.LANDING].value,
        anatomy=anatomy.edges,
        sent=facts[Fact.REQUESTS].value,
        ok=outcomes.get(Outcome.OK.value, 0),
        by_outcome=outcomes,
        by_cause=by_cause(books.causes[failures.of_users]),
        before_fault=by_cause(books.causes[early]),
        refused_window=_refused_window(failures, books.causes, user_port),
        ready_throughout=facts[Fact.READINESS].value,
        restarts=facts[Fact.RESTARTS].value.own,
        restarted=facts[Fact.RESTARTS].value.grown,
        outside_window=None,
        pacing_p50_us=late.p50_us,
        pacing_p99_us=late.p99_us,
        pacing_max_us=late.max_us,
        steal=report.steal if report else 0.0,
        cpu_wait_us=waited_us,
        probed_again=facts[Fact.PROBES].value.again,
        pods=len(cycle.pods.there | {mark.pod}) if any(claim.check == PODS for claim in spec.claims) else None,
        probe_phase_s=facts[Fact.PROBES].value.phase_s,
        missing=anatomy.missing,
        disputes=tuple(filter(None, (*anatomy.disputes, _windows_agree(failures, books.refused_window, rate_rps, user_port)))),
        queue_proxy_window=books.refused_window,
        latency=facts[Fact.LATENCY].value,
        unknown={fact.value: reading.unknown for fact, reading in facts.items() if reading.unknown},
        last_seen=last_seen(cycle) if voided else (),
        container=cycle.container if is_sidecar(spec.fault.role) else None,
        overtaken=books.overtaken or None,
        by_method=_by_method(cycle.users) if asks_numbers(cycle.history.meta) else None,
        hops=facts[Fact.HOPS].value,
    )
    return found, books


def _voided(mark: CycleMark, waited_us: float | None) -> str:
    if mark.given_up:
        # A service that got no CPU could not behave: given up all the same, but because of the machine.
        machine = starved(waited_us)
        told = f"given up: {mark.given_up}" + (f"; {machine}" if machine else "")
        return Reason(told, Reason.kind_of(machine)) if machine else told
    return "" if mark.recovered_ns and mark.ended_ns else "the run ended in it"


def _ended_before(history: History, mark: CycleMark) -> int:
    """When the cycle before this one ended; 0: there was none, or its end is unknown."""
    return max((one.ended_ns for one in history.cycles if one.index < mark.index), default=0)


def _served(answers: pl.DataFrame) -> frozenset[str]:
    """The pods that named themselves in an answer."""
    named = (json.loads(headers).get(POD_HEADER) for headers in answers["headers"])
    return frozenset(str(pod) for pod in named if pod)


def _by_outcome(requests: pl.DataFrame) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for outcome, status, count in requests.group_by("outcome", "status").len().iter_rows():
        counts[f"http-{status}" if outcome == Outcome.HTTP_ERROR.value else outcome] += count
    return dict(sorted(counts.items()))


def _by_method(requests: pl.DataFrame) -> dict[str, OfMethod]:
    sent: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for lane, outcome, count in requests.group_by("lane", "outcome").len().iter_rows():
        method = Lane(lane).behaviour.method
        sent[method] += count
        failed[method] += count if outcome != Outcome.OK.value else 0
    return {method: OfMethod(sent[method], failed[method]) for method in sorted(sent)}


def _refused_window(failures: Failures, causes: Codes, user_port: int) -> tuple[int, int] | None:
    """From the sending of the first to the answer of the last request that the port refused.

    The cause in the ledger shows it, in whatever words queue-proxy answered; so does an answer in Knative's words whose line is
    missing. On a route straight to the pods the client's socket shows it.
    """
    seen = failures.which(lambda kind: kind.straight and kind.outcome is Outcome.REFUSED)
    refused = causes == CAUSES.index(Cause.REFUSED_DIAL)
    return _span(failures, _refused(failures, user_port) | refused | seen)


def _span(failures: Failures, which: Flags) -> tuple[int, int] | None:
    return (int(failures.sent_ns[which].min()), int(failures.done_ns[which].max())) if which.any() else None


def _windows_agree(failures: Failures, queue_proxy_window: tuple[int, int] | None, rate_rps: float, user_port: int) -> str:
    refused = _refused(failures, user_port)
    inner = (int(failures.done_ns[refused].min()), int(failures.sent_ns[refused].max())) if refused.any() else None
    return agree(_span(failures, refused), queue_proxy_window, round(1e9 / rate_rps), inner_window=inner)


def _refused(failures: Failures, user_port: int) -> Flags:
    return failures.which(lambda kind: kind.status == 502 and kind.body == refused_text(user_port))
