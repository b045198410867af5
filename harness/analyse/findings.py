"""History -> Findings, top to bottom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import polars as pl

from harness.analyse.anatomy import about_no_request, agree, dissect, gather
from harness.analyse.columns import Flags
from harness.analyse.cyclepods import PodSights
from harness.analyse.doubts import Cycle, doubts
from harness.analyse.errorlines import ErrorLines, forwarding_errors
from harness.analyse.evidence import (
    LANES_OF_USERS,
    LANES_TO_PODS,
    Failures,
    failures_of,
    is_of_queue_proxy,
    straight_lanes,
    tries_of,
)
from harness.analyse.hit import all_hit, events_of, mark_of, with_second
from harness.analyse.landed import landed
from harness.analyse.ledger import Account, account, by_cause, may_be_sampled, total
from harness.analyse.outage import closed_windows, outside, outside_all
from harness.analyse.requestlog import Joined, RequestLines, joined, request_lines
from harness.analyse.sights import Sights
from harness.analyse.voiding import first_sent, pacing, void_reason
from harness.analyse.windows import ByCycle, Window, of_cycle
from harness.apps.toggle import BOOT_HEADER, POD_HEADER, AppEvent, Event, app_events
from harness.faults import Sight
from harness.knative.lines import refused_text
from harness.knative.pods import ready_throughout, restarts_since, states
from harness.model import (
    COURSES,
    CycleFindings,
    CycleMark,
    FaultEvent,
    Findings,
    Gap,
    Handler,
    History,
    HitPod,
    Outcome,
    ServiceSpec,
    Stream,
)


def analyse(history: History) -> Findings:
    """Everything the history says; the same history gives the same findings.

    Totals (sent, ok, by_outcome, pacing, ledger) are over the cycles that count; a voided cycle keeps its own findings. Sent, ok
    and outcomes are of the lanes that go the way of every user, pacing and ledger of all lanes (docs/evidence.md).
    Raises nothing for a history that `harness.history` could read: what is missing becomes a doubt.
    """
    tables = _Tables.of(history)
    seen = [_cycle(history, mark, tables) for mark in history.cycles]
    cycles = [one.cycle for one in seen]
    kept = [one for one in seen if not one.cycle.findings.voided]
    ledger = total(one.account for one in kept)
    counted = [one.cycle.findings for one in kept]
    indices = [one.index for one in counted]
    sendings = (
        history.requests.lazy().filter(pl.col("cycle").is_in(indices)).select("cycle", "seq", "sent_ns", "intended_ns").collect()
    )
    late = pacing(first_sent(sendings, history.attempts))
    rates = [history.generators[index].rate_rps for index in indices if index in history.generators]
    return Findings(
        cycles=tuple(cycle.findings for cycle in cycles),
        ledger=ledger,
        sent=sum(one.sent for one in counted),
        ok=sum(one.ok for one in counted),
        by_outcome=_added(one.by_outcome for one in counted),
        rate_rps=sum(rates) / len(rates) if rates else 0.0,
        pacing_p50_us=late.p50_us,
        pacing_p99_us=late.p99_us,
        gaps=history.gaps,
        doubts=doubts(history, cycles, ledger),
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    """The history, taken apart once. about_no_request: of queue-proxy's log. rest: what was seen but for the proxies' logs."""

    requests: ByCycle
    attempts: ByCycle | None
    answers: ByCycle
    queue_proxy: ErrorLines
    activator: ErrorLines
    request_log: RequestLines | None
    about_no_request: pl.DataFrame
    pods: PodSights
    rest: Sights

    @staticmethod
    def of(history: History) -> _Tables:
        seen = history.observations
        return _Tables(
            requests=ByCycle(history.requests),
            attempts=None if history.attempts is None else ByCycle(history.attempts),
            answers=ByCycle(history.answers),
            queue_proxy=forwarding_errors(seen, Stream.QUEUE_PROXY),
            activator=forwarding_errors(seen, Stream.ACTIVATOR),
            request_log=request_lines(seen, history.meta.run_id) if history.meta.spec.request_log else None,
            about_no_request=about_no_request(seen),
            pods=PodSights(seen),
            rest=Sights(seen),
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    cycle: Cycle
    account: Account


def _cycle(history: History, mark: CycleMark, tables: _Tables) -> _Seen:
    spec, user_port = history.meta.spec, history.meta.user_port
    tolerance_ns = int(spec.match_tolerance_s * 1e9)
    requests, answers = tables.requests.of(mark.index), tables.answers.of(mark.index)
    report = history.generators.get(mark.index)
    window = of_cycle(mark, requests, report)
    there, served = tables.pods.of(window, _ended_before(history, mark)), _served(answers)
    # Where one pod serves, another's line is not ours to explain; one that was followed in this cycle is a pod of it.
    pods = {mark.pod, *there.followed, *(() if spec.service.max_scale == 1 else served)}
    attempts = tables.attempts.of(mark.index) if tables.attempts else None
    tries = tries_of(requests, attempts)
    failures = failures_of(tries, answers, straight_lanes(history.meta.routes))
    # A line may be written a little after its answer was: the window is as tolerant as the matching.
    lines_window = Window(window.from_ns - tolerance_ns, window.until_ns + tolerance_ns)
    log = None
    if tables.request_log is not None:
        log = joined(tables.request_log.within(lines_window), tries, cycle=mark.index, pods=pods)
    books = account(
        failures,
        tables.queue_proxy.within(lines_window),
        tables.activator.within(lines_window),
        pods=pods,
        user_port=user_port,
        tolerance_ns=tolerance_ns,
        sampled=may_be_sampled(history.meta.changes),
        log=log,
    )
    end_ns = mark.ended_ns or window.until_ns
    of_pod = tables.rest.of(mark, end_ns)
    events = events_of(history.faults, mark, spec.fault, spec.second)
    event = events[0] if events else None
    sights = states(of_pod, mark.pod)
    begin_ns = mark.fault_ns or mark.load_started_ns
    if (course := COURSES.get(spec.course_name)) and course.from_zero and sights:
        begin_ns = max(begin_ns, sights[0].seen_ns)  # there was no pod before
    users = requests.filter(pl.col("lane").is_in(LANES_OF_USERS))
    of_users = failures.of_users
    outcomes = _by_outcome(users)
    late = pacing(first_sent(requests, attempts))
    told = app_events(of_pod)
    of_cycle_pod = gather(mark.pod, of_pod, told, sights, tables.about_no_request, end_ns)
    anatomy = dissect(mark, event, spec.service, of_cycle_pod, users, answers, end_ns=end_ns, user_port=user_port)
    rate_rps = (report.rate_rps if report else 0.0) or spec.load.rate_rps or 1.0
    proof_of = Sight([*of_pod, *tables.rest.states(there.there - {mark.pod}, end_ns)])
    found = CycleFindings(
        index=mark.index,
        pod=mark.pod,
        voided=_voided(mark) or void_reason(spec, requests, report, mark.recovered_ns, attempts=attempts),
        landed=landed(spec.fault, spec.service, event, proof_of, event.sent_ns if event else begin_ns),
        anatomy=anatomy.edges,
        sent=int((users["sent_ns"] > 0).sum()),
        ok=outcomes.get(Outcome.OK.value, 0),
        by_outcome=outcomes,
        by_cause=by_cause(books.causes[of_users]),
        refused_window=_refused_window(failures, user_port),
        ready_throughout=_ready(history.gaps, mark.pod, Window(begin_ns, end_ns), ready_throughout(sights, begin_ns, end_ns)),
        restarts=restarts_since(sights, begin_ns, end_ns),
        outside_window=outside(
            failures.sent_ns[of_users],
            failures.done_ns[of_users],
            told,
            begin_ns,
            window.until_ns,
            tolerance_ns,
            _answered(requests, answers, mark.pod if mark.pods else ""),
        ),
        pacing_p50_us=late.p50_us,
        pacing_p99_us=late.p99_us,
        pacing_max_us=late.max_us,
        steal=report.steal if report else 0.0,
        probed_again="first-good-probe" in anatomy.edges if _logs_liveness(spec.service, told) else None,
        missing=anatomy.missing,
        disputes=tuple(filter(None, (*anatomy.disputes, _windows_agree(failures, books.refused_window, rate_rps, user_port)))),
        queue_proxy_window=books.refused_window,
    )
    further = [_hit_pod(history, mark_of(mark, one), one, tables, end_ns, users, answers) for one in events[1:]]
    if further:
        windows = [
            closed_windows(heard, begin_ns, window.until_ns, _answered(requests, answers, pod))
            for pod, heard in ((mark.pod, told), *((one.pod, heard) for one, heard in further))
        ]
        known = [one for one in windows if one is not None]
        bad_ns = failures.sent_ns[of_users], failures.done_ns[of_users]
        apart = outside_all(*bad_ns, chain.from_iterable(known), tolerance_ns) if len(known) == len(windows) else None
        found = all_hit(found, [one for one, _ in further], apart if len(bad_ns[0]) else 0)
    if spec.second is not None:
        after = next((one for one in history.faults if one.cycle == mark.index and one.kind == spec.second.kind), None)
        since_ns = after.sent_ns if after else begin_ns
        found = with_second(found, spec.second, landed(spec.second, spec.service, after, proof_of, since_ns))
    unlogged = _unlogged(log, tries, failures, user_port) if log else 0
    return _Seen(Cycle(mark, window, found, served, there, requests, answers, unlogged), books)


def _hit_pod(
    history: History, mark: CycleMark, event: FaultEvent, tables: _Tables, end_ns: int, users: pl.DataFrame, answers: pl.DataFrame
) -> tuple[HitPod, Sequence[AppEvent]]:
    """What a further pod showed, and the events of its app. mark: of this pod."""
    spec = history.meta.spec
    of_pod = tables.rest.of(mark, end_ns)
    told, sights = app_events(of_pod), states(of_pod, mark.pod)
    seen = gather(mark.pod, of_pod, told, sights, tables.about_no_request, end_ns)
    anatomy = dissect(mark, event, spec.service, seen, users, answers, end_ns=end_ns, user_port=history.meta.user_port)
    begin_ns = mark.fault_ns or mark.load_started_ns
    of_all = Sight([*of_pod, *tables.rest.states({pod for pod in mark.pods if pod != mark.pod}, end_ns)])
    shown = HitPod(
        pod=mark.pod,
        landed=landed(spec.fault, spec.service, event, of_all, event.sent_ns),
        anatomy=anatomy.edges,
        missing=anatomy.missing,
        disputes=anatomy.disputes,
        restarts=restarts_since(sights, begin_ns, end_ns),
        ready_throughout=_ready(history.gaps, mark.pod, Window(begin_ns, end_ns), ready_throughout(sights, begin_ns, end_ns)),
    )
    return shown, told


def _unlogged(log: Joined, tries: pl.DataFrame, failures: Failures, user_port: int) -> int:
    """How many tries reached queue-proxy, by their answer, and are not in its request log, or with another status."""
    through = (pl.col("outcome") == Outcome.OK.value) & ~pl.col("lane").is_in(LANES_TO_PODS)
    good = tries.select(through.alias("through"))["through"].to_numpy()
    bad = failures.which(lambda kind: is_of_queue_proxy(kind, user_port))
    return int((log.line_of[good] < 0).sum() + (log.line_of[failures.row[bad]] < 0).sum())


def _voided(mark: CycleMark) -> str:
    if mark.given_up:
        return f"given up: {mark.given_up}"
    return "" if mark.recovered_ns and mark.ended_ns else "the run ended in it"


def _logs_liveness(service: ServiceSpec, told: Iterable[AppEvent]) -> bool:
    """Whether the app can tell of its liveness probes: not of a TCP one. Of a user's own manifest only what it told is known."""
    asked = service.liveness is not None and service.liveness.handler is not Handler.TCP
    return asked or any(one.event == Event.PROBE and one.more.get("which") == "liveness" for one in told)


def _ended_before(history: History, mark: CycleMark) -> int:
    """When the cycle before this one ended; 0: there was none, or nobody knows."""
    return max((one.ended_ns for one in history.cycles if one.index < mark.index), default=0)


def _served(answers: pl.DataFrame) -> frozenset[str]:
    """The pods that named themselves in an answer."""
    named = (json.loads(headers).get(POD_HEADER) for headers in answers["headers"])
    return frozenset(str(pod) for pod in named if pod)


def _answered(requests: pl.DataFrame, answers: pl.DataFrame, pod: str = "") -> dict[str, int]:
    """When the last good answer of each boot came. pod: of this pod's boots alone, "" of all."""
    good = requests.filter(pl.col("outcome") == Outcome.OK.value).group_by("answer").agg(pl.col("done_ns").max())
    last = dict(good.iter_rows())
    found: dict[str, int] = {}
    for index, headers in answers.select("index", "headers").iter_rows():
        named = json.loads(headers)
        if index in last and (boot := named.get(BOOT_HEADER)) and pod in {"", named.get(POD_HEADER)}:
            found[str(boot)] = max(found.get(str(boot), 0), last[index])
    return found


def _by_outcome(requests: pl.DataFrame) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for outcome, status, count in requests.group_by("outcome", "status").len().iter_rows():
        counts[f"http-{status}" if outcome == Outcome.HTTP_ERROR.value else outcome] += count
    return dict(sorted(counts.items()))


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part)
    return dict(sorted(counts.items()))


def _refused_window(failures: Failures, user_port: int) -> tuple[int, int] | None:
    """From the sending of the first to the answer of the last request that the port refused.

    The answer says so where queue-proxy was asked; on a route straight to the pods the client saw it by itself.
    """
    seen = failures.which(lambda kind: kind.straight and kind.outcome is Outcome.REFUSED)
    return _span(failures, _refused(failures, user_port) | seen)


def _span(failures: Failures, which: Flags) -> tuple[int, int] | None:
    return (int(failures.sent_ns[which].min()), int(failures.done_ns[which].max())) if which.any() else None


def _windows_agree(failures: Failures, queue_proxy_window: tuple[int, int] | None, rate_rps: float, user_port: int) -> str:
    refused = _refused(failures, user_port)
    inner = (int(failures.done_ns[refused].min()), int(failures.sent_ns[refused].max())) if refused.any() else None
    return agree(_span(failures, refused), queue_proxy_window, round(1e9 / rate_rps), inner_window=inner)


def _refused(failures: Failures, user_port: int) -> Flags:
    return failures.which(lambda kind: kind.status == 502 and kind.body == refused_text(user_port))


def _ready(gaps: Sequence[Gap], pod: str, watched: Window, seen: bool | None) -> bool | None:  # noqa: FBT001 - a reading, not a switch
    """Never seen False counts only if nothing was missed: with a gap in the pods' stream, True becomes unknown."""
    missed = any(gap.stream is Stream.PODS and gap.pod in {"", pod} and watched.overlaps(gap.from_ns, gap.until_ns) for gap in gaps)
    return None if seen and missed else seen
