"""History -> Findings, top to bottom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from harness.analyse.anatomy import anatomy
from harness.analyse.doubts import Cycle, doubts
from harness.analyse.evidence import Failure, failures_of, refused_text
from harness.analyse.landed import landed
from harness.analyse.ledger import Account, account, may_be_sampled, total
from harness.analyse.lines import AppEvent, ErrorLine, app_events, forwarding_errors
from harness.analyse.outage import outside
from harness.analyse.pods import ready_throughout, restarts_since, rows_to_observations, states
from harness.analyse.voiding import pacing, void_reason
from harness.analyse.windows import Window, of_cycle, requests_of
from harness.model import (
    CycleFindings,
    CycleMark,
    FaultKind,
    Findings,
    Gap,
    Handler,
    History,
    Observation,
    Outcome,
    ServiceSpec,
    Stream,
)


def analyse(history: History) -> Findings:
    """Everything the history says; the same history gives the same findings.

    Totals (sent, ok, by_outcome, pacing, ledger) are over the cycles that count; a voided cycle keeps its own findings.
    Raises nothing for a history that `harness.history` could read: what is missing becomes a doubt.
    """
    errors = {stream: forwarding_errors(history.observations, stream) for stream in (Stream.QUEUE_PROXY, Stream.ACTIVATOR)}
    seen = [_cycle(history, mark, errors) for mark in history.cycles]
    cycles = [one.cycle for one in seen]
    kept = [one for one in seen if not one.cycle.findings.voided]
    ledger = total(one.account for one in kept)
    counted = [one.cycle.findings for one in kept]
    indices = [one.index for one in counted]
    late = pacing(history.requests.filter(pl.col("cycle").is_in(indices)))
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
class _Seen:
    cycle: Cycle
    account: Account


def _cycle(history: History, mark: CycleMark, errors: Mapping[Stream, Sequence[ErrorLine]]) -> _Seen:
    spec = history.meta.spec
    tolerance_ns = int(spec.match_tolerance_s * 1e9)
    requests = requests_of(history.requests, mark.index)
    answers = requests_of(history.answers, mark.index)
    report = history.generators.get(mark.index)
    window = of_cycle(mark, requests, report)
    pods = _pods(mark, answers)
    failures = failures_of(requests, answers)
    # A line may be written a little after its answer was: the window is as tolerant as the matching.
    lines_window = Window(window.from_ns - tolerance_ns, window.until_ns + tolerance_ns)
    books = account(
        failures,
        [line for line in errors[Stream.QUEUE_PROXY] if lines_window.holds(line.at_ns)],
        [line for line in errors[Stream.ACTIVATOR] if lines_window.holds(line.at_ns)],
        pods={mark.pod} if spec.service.max_scale == 1 else pods,
        user_port=history.meta.user_port,
        tolerance_ns=tolerance_ns,
        sampled=may_be_sampled(history.meta.changes),
    )
    end_ns = mark.ended_ns or window.until_ns
    of_pod = _until(end_ns, _observations(history.observations, mark.pod))
    done = (fault for fault in reversed(history.faults) if fault.cycle == mark.index and fault.kind is not FaultKind.NONE)
    event = next(done, None)
    sights = states(of_pod, mark.pod)
    begin_ns = mark.fault_ns or mark.load_started_ns
    outcomes = _by_outcome(requests)
    late = pacing(requests)
    told = app_events(of_pod)
    edges = anatomy(mark, event, of_pod, requests, answers)
    found = CycleFindings(
        index=mark.index,
        pod=mark.pod,
        voided=_voided(mark) or void_reason(spec, requests, report, mark.recovered_ns),
        landed=landed(spec.fault, event, of_pod, event.sent_ns if event else begin_ns),
        anatomy=edges,
        sent=int((requests["sent_ns"] > 0).sum()),
        ok=outcomes.get(Outcome.OK.value, 0),
        by_outcome=outcomes,
        by_cause=books.by_cause,
        refused_window=_refused_window(failures, history.meta.user_port),
        ready_throughout=_ready(history.gaps, mark.pod, Window(begin_ns, end_ns), ready_throughout(sights, begin_ns, end_ns)),
        restarts=restarts_since(sights, begin_ns, end_ns),
        outside_window=outside(failures, told, begin_ns, window.until_ns, tolerance_ns),
        pacing_p50_us=late.p50_us,
        pacing_p99_us=late.p99_us,
        pacing_max_us=late.max_us,
        steal=report.steal if report else 0.0,
        probed_again="first-good-probe" in edges if _logs_liveness(spec.service, told) else None,
    )
    return _Seen(Cycle(mark, window, found, pods), books)


def _voided(mark: CycleMark) -> str:
    if mark.given_up:
        return f"given up: {mark.given_up}"
    return "" if mark.recovered_ns and mark.ended_ns else "the run ended in it"


def _logs_liveness(service: ServiceSpec, told: Iterable[AppEvent]) -> bool:
    """Whether the app can tell of its liveness probes: not of a TCP one. Of a user's own manifest only what it told is known."""
    asked = service.liveness is not None and service.liveness.handler is not Handler.TCP
    return asked or any(one.event == "probe" and one.more.get("which") == "liveness" for one in told)


def _pods(mark: CycleMark, answers: pl.DataFrame) -> frozenset[str]:
    served = (json.loads(headers).get("x-toggle-pod") for headers in answers["headers"])
    return frozenset({mark.pod, *(str(pod) for pod in served if pod)})


def _observations(rows: pl.DataFrame, pod: str) -> list[Observation]:
    """What was seen of this pod, of the slices that list it, and of the node. The proxies' logs have been read by then."""
    logs = pl.col("stream").is_in([Stream.QUEUE_PROXY.value, Stream.ACTIVATOR.value])
    shared = pl.col("stream").is_in([Stream.ENDPOINTS.value, Stream.KUBELET.value, Stream.CONTAINERD.value])
    return rows_to_observations(rows.filter(~logs & ((pl.col("pod") == pod) | shared)))


def _until(end_ns: int, seen: Sequence[Observation]) -> list[Observation]:
    """Without what came after the cycle, when its pod is taken away: states by when they were seen, lines by their own time."""
    states_of = {Stream.PODS, Stream.ENDPOINTS}
    return [one for one in seen if (one.seen_ns if one.stream in states_of else one.at_ns) <= end_ns]


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


def _refused_window(failures: Sequence[Failure], user_port: int) -> tuple[int, int] | None:
    """From the sending of the first to the answer of the last request that was told the port refused: the answer itself says so."""
    refused = [one for one in failures if one.status == 502 and one.body == refused_text(user_port)]
    return (min(one.sent_ns for one in refused), max(one.done_ns for one in refused)) if refused else None


def _ready(gaps: Sequence[Gap], pod: str, watched: Window, seen: bool | None) -> bool | None:  # noqa: FBT001 - a reading, not a switch
    """Never seen False counts only if nothing was missed: with a gap in the pods' stream, True becomes unknown."""
    missed = any(gap.stream is Stream.PODS and gap.pod in {"", pod} and watched.overlaps(gap.from_ns, gap.until_ns) for gap in gaps)
    return None if seen and missed else seen
