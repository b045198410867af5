"""One run of the generator through one fault of the truth server, and what may be said of it.

That is: which lanes were in time, and in what the two accounts differ.

A run is short, and begins when this machine is calm; one that follows a late one waits a minute for that. If those of a lane's
requests were late that could spoil what is compared, it is judged by another run, whether the accounts agree or not, for it is
this machine that was measured; three at most.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from harness.adapters.wait import Look, wait_for
from harness.errors import WaitTimeout
from harness.load.process import Seen, start
from harness.load.records import RecordReader
from harness.model import GeneratorReport, Lane, Outcome
from tests.unit.load.held import WITHIN_S, spec_for, truth_ports
from tests.unit.load.truth import Served, Truth, Window

TRIES = 3
MS = 1_000_000

KINDS = {
    "refuse": Outcome.REFUSED,
    "reset": Outcome.RESET,
    "close": Outcome.CLOSED,
    "502": Outcome.HTTP_ERROR,
    "truncate": Outcome.TRUNCATED,
    "malformed": Outcome.MALFORMED,
    "stall": Outcome.TIMEOUT,
}
TRIED_AGAIN = ("refuse", "reset", "close", "502", "truncate")
"""Kinds that make the retrying lane try again."""

RATE_RPS = 350.0
BEGINS_S, ENDS_S, LASTS_S = 0.2, 0.45, 0.65
DEADLINE_S = 0.5
"""Of a run through a stall."""

PATIENCE_S = 60.0
"""The deadline of any other: longer than any machine takes, so that nothing in it is a matter of speed."""

EDGE_NS = MS
"""So far an edge may be off beside the period, and so late may be who is to find it."""

CALM_NS = MS // 2
CALM_WITHIN_S = (3.0, 60.0)
"""How long a first run waits for a calm moment, and how long another: that one follows because the machine was not calm."""

CALM_IN_ALL_S = 300.0
CALM_WAITS = (10, 300)
"""Waits of a millisecond in a row that must end in time: a moment's calm before a first run, half a run's before another."""

Key = tuple[int, int]
"""Number of a request, and of an attempt at it."""


@dataclass(frozen=True)
class Try:
    """One run: both sides of it. requests: last attempts. attempts: those before them."""

    kind: str
    requests: tuple[Seen, ...]
    attempts: tuple[Seen, ...]
    truth: Truth
    report: GeneratorReport

    def of(self, lane: Lane) -> list[Seen]:
        """Every attempt of a lane, in the order sent."""
        return sorted((one for one in (*self.requests, *self.attempts) if one.lane is lane), key=lambda one: one.sent_ns)

    def failures(self, lane: Lane) -> list[Seen]:
        """Those of them that failed."""
        return [one for one in self.of(lane) if one.outcome is not Outcome.OK]

    @property
    def window(self) -> Window:
        """The server's account of the fault."""
        (window,) = self.truth.windows
        return window

    @cached_property
    def served(self) -> dict[Key, Served]:
        """The server's account of each attempt it saw."""
        return {(int(one.rid.rpartition("-")[2]), one.attempt): one for one in self.truth.served}

    def period_ns(self, lane: Lane) -> int:
        """The time between two requests of a lane."""
        due = [one.intended_ns for one in self.requests if one.lane is lane]
        return max(later - earlier for earlier, later in pairwise(due))

    def delay_ns(self, one: Seen) -> int:
        """How long after it was due it arrived at the server, or was sent if it never did, or was given up if it was not sent."""
        arrived = self.served.get(key(one))
        return (arrived.at_ns if arrived else one.sent_ns or one.done_ns) - due_ns(one)

    def said_ns(self, one: Seen) -> int:
        """How long after it was due the server had done with it; 0 if it never saw it."""
        arrived = self.served.get(key(one))
        return arrived.said_ns - due_ns(one) if arrived else 0

    def late(self, lane: Lane, *, agrees: bool = False) -> str:
        """Why this run does not count for a lane, "" if it does.

        Who is to find an edge must be in time, and nobody near the fault may be so late, nor be answered so late, that he meets the
        next one. The server must have switched at once. Where the accounts agree, in time is within one period and EDGE_NS: who is
        later may have been spared an edge that was wrong.
        """
        if not self.truth.windows:
            return "the server was stopped before its fault was over"
        window, period = self.window, self.period_ns(lane)
        for took in (window.on_done_ns - window.on_looked_ns, window.off_done_ns - window.off_looked_ns):
            if took > (period + EDGE_NS if agrees else EDGE_NS):
                return f"the server took {took / MS:.1f} ms to switch"
        planned = [one.intended_ns for one in self.requests if one.lane is lane]
        if not planned[0] <= window.on_ns < window.off_ns <= planned[-1]:
            return "the server began or ended its fault when nobody was to find that"
        for one in self.of(lane):
            delay, due = self.delay_ns(one), due_ns(one)
            finds = any(abs(due - edge) <= period + EDGE_NS for edge in (window.on_ns, window.off_ns))
            near = window.on_ns - period <= due <= window.off_ns + period
            if delay > (period * 4 if not (finds or near) else period + EDGE_NS if agrees else EDGE_NS if finds else period // 2):
                return f"{lane}: {delay / MS:.1f} ms late"
            if not agrees and any(due + EDGE_NS < edge <= due + delay for edge in (window.on_ns, window.off_ns)):
                return f"{lane}: {delay / MS:.1f} ms late, over an edge"
            if (said := self.said_ns(one)) > (period // 2 if near and not agrees else period * 4):
                return f"{lane}: answered {said / MS:.1f} ms after it was due"
        return ""


def key(one: Seen) -> Key:
    """What both sides call it."""
    return one.seq, one.attempt


def due_ns(one: Seen) -> int:
    """When it was due; a further attempt is not planned beforehand, and counts from when it was sent."""
    return one.sent_ns if one.attempt else one.intended_ns


def run_once(folder: Path, kind: str) -> Try:
    """Meet one fault once."""
    log = folder / "truth.json"
    with truth_ports(log, faults=[(kind, BEGINS_S, ENDS_S)]) as (port, other):
        deadline_s = DEADLINE_S if kind == "stall" else PATIENCE_S
        spec = spec_for(port, straight=other, rate_rps=RATE_RPS, deadline_s=deadline_s, max_s=LASTS_S, drain_s=deadline_s + 1)
        with start(spec, folder) as generator:
            generator.wait_ended(LASTS_S + deadline_s + WITHIN_S)
            report = generator.stop()
    reader = RecordReader(folder)
    return Try(kind, tuple(reader.all()), tuple(reader.attempts()), Truth.read(log), report)


class Meetings:
    """Runs by kind; made when they are asked for, kept for all lanes."""

    def __init__(self, folder: Callable[[], Path], made: Mapping[str, Sequence[Try]] | None = None) -> None:
        """folder: makes a new one. made: runs there are already."""
        self._folder = folder
        self._tries = {kind: list(tries) for kind, tries in (made or {}).items()}
        self._waited_s = 0.0

    def first(self, kind: str) -> Try:
        """The first run through this fault, however late anybody was."""
        return self._try(kind, 0)

    def judged(self, kind: str, lane: Lane) -> tuple[Try, list[str], list[str]]:
        """(the run that decides, in what it differs from the server's account, what became of each try).

        It is the first in which nobody was too late. If there is none among three, that is the difference.
        """
        told: list[str] = []
        for number in range(TRIES):
            done = self._try(kind, number)
            differs = disagreements(done, lane)
            late = done.late(lane, agrees=not differs)
            words = f"{', '.join(differs) or 'agrees'}; {late or 'in time'}"
            told.append(f"try {number + 1}: {words} (generator's own p99 {done.report.pacing_p99_us:g} us)")
            if not late:
                return done, differs, told
        return done, ["no try was in time, so nothing was measured"], told

    def _try(self, kind: str, number: int) -> Try:
        tries = self._tries.setdefault(kind, [])
        if len(tries) <= number:
            self._calm_down(another=number > 0)
            tries.append(run_once(self._folder(), kind))
        return tries[number]

    def _calm_down(self, *, another: bool) -> None:
        """Wait until short waits end in time on this machine; not for ever: a run on a restless one is better than none."""
        patience = min(CALM_WITHIN_S[another], CALM_IN_ALL_S - self._waited_s)
        began = time.monotonic()
        if patience > 0:
            with suppress(WaitTimeout), first_in_line():
                wait_for("a calm moment", lambda: calm(CALM_WAITS[another]), within_s=patience, every_s=0.01)
        self._waited_s += time.monotonic() - began


@contextmanager
def first_in_line() -> Iterator[None]:
    """What is waited for in the block is measured as the generator and its server will meet it: they ask to be first, too."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    priority = os.sched_param(os.sched_get_priority_min(os.SCHED_RR))
    with suppress(OSError):  # needs a right the user may not have; neither has the generator then
        os.sched_setscheduler(0, os.SCHED_RR, priority)
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def calm(waits: int) -> Look[bool]:
    """So many waits of a millisecond: the first that takes too long tells."""
    for _ in range(waits):
        began = time.monotonic_ns()
        time.sleep(0.001)
        late = time.monotonic_ns() - began - MS
        if late >= CALM_NS:
            return Look(None, f"a wait of 1 ms took {late / MS:.1f} ms more")
    return Look(value=True, seen="calm")


def disagreements(met: Try, lane: Lane) -> list[str]:
    """In what the generator's account of the fault on one lane differs from the server's by more than it may; empty: they agree.

    count: exactly the attempts to which the server did it; of a refusal, which it does not see, those sent while it was on, but
    for one at each edge. edges: the first failure was sent within one period after the fault came on, the last within one
    period before it went off, give or take EDGE_NS. kind: all of the one outcome; only a server that closes everything may meet
    one that was under way.
    """
    if not met.truth.windows:
        return ["edge: the server was stopped before its fault was over"]
    window, period, failed = met.window, met.period_ns(lane), met.failures(lane)
    found = []
    keys = {key(one) for one in failed}
    if met.kind == "refuse":
        expected = {key(one) for one in met.of(lane) if window.on_ns <= one.sent_ns <= window.off_ns}
        off_by = abs(len(keys) - len(expected)) - 1
    else:
        mine = {one.seq for one in met.of(lane)}
        expected = {one for one, served in met.served.items() if served.did == met.kind and one[0] in mine}
        off_by = len(keys ^ expected)
    if off_by > 0:
        found.append(f"count: {len(failed)} failed, {len(expected)} should have; {sorted(keys ^ expected)}")
    others = [one.outcome for one in failed if one.outcome is not KINDS[met.kind]]
    under_way = met.kind == "refuse" and len(others) <= 1 and set(others) <= {Outcome.RESET, Outcome.CLOSED}
    if others and not under_way:
        found.append(f"kind: {others}")
    if failed:
        first, last = failed[0].sent_ns, failed[-1].sent_ns
        if not window.on_ns - EDGE_NS <= first <= window.on_done_ns + period + EDGE_NS:
            found.append(f"first edge: {(first - window.on_ns) / MS:.2f} ms off, allowed {EDGE_NS / MS:g} and {period / MS:.1f}")
        if not window.off_ns - period - EDGE_NS <= last <= window.off_done_ns + EDGE_NS:
            found.append(f"last edge: {(last - window.off_ns) / MS:.2f} ms off, allowed {EDGE_NS / MS:g} and {period / MS:.1f}")
    else:
        found.append("count: nothing failed")
    return found
