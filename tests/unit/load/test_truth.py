"""What the generator measured against what a misbehaving server knows it did: kinds, counts and edges, for each lane.

One run meets every kind of fault one after the other. A run whose own pacing was late does not count (it is then this machine that
is measured); there are three tries at most, and all of them are told when none counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.load.process import Seen, start
from harness.load.records import RecordReader
from harness.model import GeneratorReport, Lane, Outcome
from tests.unit.load.held import spec_for, truth_server
from tests.unit.load.truth import Truth, Window

TRIES = 3
STEP_S = 0.3
"""Each fault lasts so long, and so long it is quiet before it."""

KINDS = {
    "refuse": Outcome.REFUSED,
    "reset": Outcome.RESET,
    "close": Outcome.CLOSED,
    "502": Outcome.HTTP_ERROR,
    "truncate": Outcome.TRUNCATED,
    "malformed": Outcome.MALFORMED,
    "stall": Outcome.TIMEOUT,
}
PLANNED = tuple((kind, STEP_S * (2 * n + 1), STEP_S * (2 * n + 2)) for n, kind in enumerate(KINDS))
ENDS_S = STEP_S * (2 * len(KINDS) + 1)
NEAR_NS = 100_000_000
DEADLINE_S = STEP_S * 1.5


@dataclass(frozen=True)
class Try:
    """One run: both sides of it."""

    requests: tuple[Seen, ...]
    truth: Truth
    report: GeneratorReport

    def of(self, lane: Lane) -> tuple[Seen, ...]:
        """One lane's requests, by number."""
        return tuple(one for one in self.requests if one.lane is lane)

    def period_ns(self, lane: Lane) -> int:
        """The time between two requests of a lane."""
        due = [one.intended_ns for one in self.of(lane)]
        return max(later - earlier for earlier, later in pairwise(due))

    def delays_ns(self) -> dict[int, int]:
        """By number: how long after its intended time a request arrived at the server, or was sent if it never did."""
        arrived = {int(one.rid.rpartition("-")[2]): one.at_ns for one in self.truth.served}
        return {one.seq: arrived.get(one.seq, one.sent_ns) - one.intended_ns for one in self.requests}

    def allowance_ns(self, edge_ns: int) -> int:
        """What scheduling may have moved this edge by: the worst delay of any request due near it."""
        delays = self.delays_ns()
        return max(delays[one.seq] for one in self.requests if abs(one.intended_ns - edge_ns) <= NEAR_NS)

    def late(self) -> str:
        """Why this run does not count, "" if it does: much later, and one fault's requests would meet the next."""
        delays = sorted(self.delays_ns().values())
        p99, worst, period = delays[int(len(delays) * 0.99)], delays[-1], self.period_ns(Lane.GET_NEW)
        limit = int(STEP_S * 1e9 / 3)
        return f"delay p99 {p99 / 1e6:.1f} ms, max {worst / 1e6:.1f} ms" if p99 > 2 * period or worst > limit else ""


def run_once(folder: Path, *, kill_second: bool, ends_s: float, deadline_s: float) -> Try:
    """Meet the faults (or the killer of second requests) once."""
    log = folder / "truth.json"
    with truth_server(log, faults=() if kill_second else PLANNED, kill_second=kill_second) as port:
        spec = spec_for(port, deadline_s=deadline_s, max_s=ends_s, drain_s=deadline_s)
        with start(spec, folder) as generator:
            generator.wait_ended(ends_s + deadline_s + 20)
            report = generator.stop()
    return Try(tuple(RecordReader(folder).all()), Truth.read(log), report)


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> Try:
    """A run through all faults: the first whose pacing was in time; fails with all of them if there is none."""
    told = []
    for number in range(TRIES):
        folder = tmp_path_factory.mktemp("faults")
        done = run_once(folder, kill_second=False, ends_s=ENDS_S, deadline_s=DEADLINE_S)
        told.append(done.late() or "in time")
        print(f"try {number + 1} of at most {TRIES}: {told[-1]}; generator's own p99 {done.report.pacing_p99_us:g} us")
        if not done.late():
            return done
    pytest.fail(f"no try was in time, so nothing was measured: {told}")


def window_of(met: Try, kind: str) -> Window:
    """The server's account of one fault."""
    (window,) = [one for one in met.truth.windows if one.fault == kind]
    return window


def failures(met: Try, lane: Lane, window: Window) -> list[Seen]:
    """A lane's failed requests in and around a fault."""
    around = int(STEP_S * 1e9 / 2)
    lo, hi = window.on_ns - around, window.off_done_ns + around
    return [one for one in met.of(lane) if one.outcome is not Outcome.OK and lo <= one.intended_ns <= hi]


def disagreements(met: Try, lane: Lane, kind: str) -> list[str]:
    """In what the generator's account of one fault on one lane differs from the server's by more than it may; empty: they agree.

    count: within 1 of what the server did; of a refusal, which it does not see, of the requests sent while the fault was on.
    edges: the first failure was sent within one period after the fault came on, the last within one period before it went off,
    give or take the allowance. kind: all of the one outcome, but for those that were under way when a server closed everything:
    one, and as many as the allowance makes possible.
    """
    window = window_of(met, kind)
    failed = failures(met, lane, window)
    found = []
    period, on, off = met.period_ns(lane), met.allowance_ns(window.on_ns), met.allowance_ns(window.off_ns)
    done_to = {one.rid for one in met.truth.served if one.did == kind}
    if kind == "refuse":
        expected = sum(window.on_ns <= one.sent_ns <= window.off_ns for one in met.of(lane))
    else:
        expected = sum(f"run-3-{one.seq}" in done_to for one in met.of(lane))
    if abs(len(failed) - expected) > 1:
        found.append(f"count: {len(failed)} failed, {expected} should have")
    others = [one.outcome for one in failed if one.outcome is not KINDS[kind]]
    under_way = kind == "refuse" and len(others) <= 1 + on // period and set(others) <= {Outcome.RESET, Outcome.CLOSED}
    if others and not under_way:
        found.append(f"kind: {others}")
    if failed:
        first, last = failed[0].sent_ns, failed[-1].sent_ns
        if not window.on_ns - on <= first <= window.on_done_ns + period + on:
            found.append(f"first edge: {(first - window.on_ns) / 1e6:.2f} ms off, allowed {on / 1e6:.2f} and a period")
        if not window.off_ns - period - off <= last <= window.off_done_ns + off:
            found.append(f"last edge: {(last - window.off_ns) / 1e6:.2f} ms off, allowed {off / 1e6:.2f} and a period")
    return found


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_measured_as_it_was(met: Try, kind: str, lane: Lane) -> None:
    """Count, edges and kind, on each lane."""
    assert failures(met, lane, window_of(met, kind))
    assert disagreements(met, lane, kind) == []


def _hide(met: Try) -> Try:
    """Two failures in the middle of the resets look like successes, as with a client that tries again."""
    hidden = {one.seq for one in failures(met, Lane.GET_NEW, window_of(met, "reset"))[5:7]}
    return replace(met, requests=tuple(replace(o, outcome=Outcome.OK) if o.seq in hidden else o for o in met.requests))


def _shift(met: Try) -> Try:
    """Everything is sent later than it says by more than scheduling explains, as with a client that queues."""
    window = window_of(met, "reset")
    by = 2 * met.period_ns(Lane.GET_NEW) + met.allowance_ns(window.on_ns) + met.allowance_ns(window.off_ns)
    return replace(met, requests=tuple(replace(o, sent_ns=o.sent_ns - by) for o in met.requests))


def _confuse(met: Try) -> Try:
    """Resets are taken for closes."""
    swap = {Outcome.RESET: Outcome.CLOSED}
    return replace(met, requests=tuple(replace(o, outcome=swap.get(o.outcome, o.outcome)) for o in met.requests))


@pytest.mark.parametrize(("plant", "says"), [(_hide, "count"), (_shift, "edge"), (_confuse, "kind")])
def test_a_generator_that_were_wrong_would_be_caught(met: Try, plant: Callable[[Try], Try], says: str) -> None:
    """The comparison itself can fail: on a hidden failure, a moved edge, a wrong kind."""
    found = disagreements(plant(met), Lane.GET_NEW, "reset")
    assert any(says in one for one in found), found


def test_nothing_fails_outside_the_faults(met: Try) -> None:
    """Between the faults every request is answered, and none is left without an outcome."""
    belongs = {one.seq for kind in KINDS for lane in Lane for one in failures(met, lane, window_of(met, kind))}
    stray = [one for one in met.requests if one.outcome is not Outcome.OK and one.seq not in belongs]
    assert stray == []
    assert met.report.not_sent == 0


def test_what_the_server_saw_is_what_was_recorded(met: Try) -> None:
    """By request id: each request the server got came to the outcome the server gave it; it got none twice."""
    mine = {f"run-3-{one.seq}": one.outcome for one in met.requests}
    ids = [one.rid for one in met.truth.served]
    assert len(set(ids)) == len(ids)
    wrong = [one for one in met.truth.served if mine[one.rid] is not KINDS.get(one.did, Outcome.OK)]
    # A server that closes everything may take with it what it had answered a moment ago.
    assert len(wrong) <= 1 and all(mine[one.rid] in (Outcome.RESET, Outcome.CLOSED) for one in wrong)


def test_failures_carry_their_evidence(met: Try) -> None:
    """Status and body of a 502 and the beginning of a truncated answer are kept; a reset has none."""
    by_outcome = {one.outcome: one for one in met.requests}
    bad = by_outcome[Outcome.HTTP_ERROR].answer
    half = by_outcome[Outcome.TRUNCATED].answer
    odd = by_outcome[Outcome.MALFORMED].answer
    assert bad is not None and (bad.status, bad.body) == (502, "dial tcp: connection refused\n")
    assert half is not None and (half.status, half.body) == (200, "half")
    assert odd is not None and (odd.status, odd.body) == (0, "this is not HTTP\r\n\r\n")
    assert by_outcome[Outcome.RESET].answer is None


def test_timeouts_count_from_the_intended_time(met: Try) -> None:
    """A stalled request is given up one deadline after it was due, not after it was sent, and never before."""
    deadline = int(DEADLINE_S * 1e9)
    gone = [one.done_ns - one.intended_ns for one in met.requests if one.outcome is Outcome.TIMEOUT]
    assert min(gone) >= deadline


def test_no_failure_is_hidden_by_a_retry(tmp_path: Path) -> None:
    """A server that kills the second request of every connection is seen to do so each time, however late anybody was."""
    done = run_once(tmp_path, kill_second=True, ends_s=1.0, deadline_s=20)
    killed = {int(one.rid.rpartition("-")[2]) for one in done.truth.served if one.did == "kill"}
    failed = {one.seq for one in done.requests if one.outcome is not Outcome.OK}
    assert failed == killed
    assert {one.lane for one in done.requests if one.seq in killed} == {Lane.GET_KEEPALIVE, Lane.POST_KEEPALIVE}
    assert {one.outcome for one in done.requests if one.seq in killed} <= {Outcome.CLOSED, Outcome.RESET}
    assert all(one.reused for one in done.requests if one.seq in killed)
