"""Bounds, each from both sides: when a cycle is voided, when a pod stayed Ready, when nobody listened."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from harness.analyse import void_reason
from harness.analyse.lines import AppEvent
from harness.analyse.outage import closed_windows
from harness.analyse.pods import PodState, ready_throughout, restarts_since
from harness.analyse.voiding import pacing
from harness.model import GeneratorReport
from tests.unit.analyse.story import calm, report


def late(*late_us: int) -> pl.DataFrame:
    """Requests sent so much after they were due."""
    rows = [{"seq": seq, "intended_ns": 10**9, "sent_ns": 10**9 + one * 1_000, "outcome": "ok"} for seq, one in enumerate(late_us)]
    return pl.DataFrame(rows, schema={"seq": pl.Int64, "intended_ns": pl.Int64, "sent_ns": pl.Int64, "outcome": pl.String})


GOOD = report(0, 1, 50.0)
MANY = report(0, 1_001, 50.0)


@pytest.mark.parametrize(
    ("requests", "told", "reason"),
    [
        (late(5_000), GOOD, ""),
        (late(5_001), GOOD, "pacing p99 5001 us > 5000 us"),
        (late(*[0] * 1_000, 250_000), MANY, ""),
        (late(*[0] * 1_000, 250_001), MANY, "pacing max 250001 us > 250000 us"),
        (late(0), replace(GOOD, steal=0.05), ""),
        (late(0), replace(GOOD, steal=0.051), "steal 5.1% > 5%"),
        (late(0), replace(GOOD, not_sent=1), "1 requests were not sent: the cap of requests in flight was reached"),
        (late(0), replace(GOOD, ended_by="running"), "the generator left no final report"),
        (late(0), None, "the generator left no final report"),
        (late(), GOOD, "the generator sent nothing"),
        (late(0, 0), GOOD, "the generator planned 1 requests and left 2 records"),
        (late(0), replace(GOOD, planned=2), "the generator planned 2 requests and left 1 records"),
        (late(0, 0, 0)[1:], replace(GOOD, planned=2), "the generator's record of request 0 is missing"),
        (late(0, 0, 0)[[0, 2]], replace(GOOD, planned=2), "the generator's record of request 1 is missing"),
        (late(0, 0)[[0, 0]], replace(GOOD, planned=2), "the generator's record of request 1 is missing"),
        (late(0, 0)[[1, 0]], replace(GOOD, planned=2), ""),
    ],
)
def test_void_reason(requests: pl.DataFrame, told: GeneratorReport | None, reason: str) -> None:
    """At the limit a cycle counts, past it it does not."""
    assert void_reason(calm().meta.spec, requests, told) == reason


@pytest.mark.parametrize("ended_by", ["max_s", "eof", "sigterm", "parent", "stopp", ""])
def test_only_a_generator_that_was_told_to_stop_counts(ended_by: str) -> None:
    """Whatever else ended it did so at a time nobody chose, and may have hidden failures."""
    reason = void_reason(calm().meta.spec, late(0), replace(GOOD, ended_by=ended_by))
    assert reason == f"the generator was not told to stop: it was ended by {ended_by}"


@pytest.mark.parametrize(
    ("after_ms", "reason"), [(-1, ""), (0, ""), (270, ""), (271, "the load ended 0.27 s before the cycle did")]
)
def test_the_load_covers_the_cycle(after_ms: int, reason: str) -> None:
    """At 50 a second the last request is due at most 20 ms and the permitted lateness before the end; without an end: not asked."""
    spec = calm().meta.spec
    assert void_reason(spec, late(0), GOOD, until_ns=10**9 + after_ms * 10**6) == reason
    assert void_reason(spec, late(0), GOOD) == ""


def test_pacing_of_nothing() -> None:
    """No request sent: zeros, no crash."""
    assert pacing(late()) == pacing(late(0))


def sight(seen_ns: int, *, ready: bool | None = True, restarts: int | None = 0) -> PodState:
    """A pod as seen then."""
    return PodState(seen_ns, ready, restarts, "id", None, 1)


@pytest.mark.parametrize(
    ("sights", "stayed"),
    [
        ([], None),
        ([sight(1)], True),
        ([sight(1), sight(15)], True),
        ([sight(1), sight(15, ready=False), sight(16)], False),
        ([sight(1, ready=False)], False),
        ([sight(1, ready=False), sight(15)], False),
        ([sight(15)], None),
        ([sight(1, ready=None)], None),
        ([sight(1), sight(15, ready=None)], None),
        ([sight(1), sight(21, ready=False)], True),
        ([sight(1), sight(20, ready=False)], False),
    ],
)
def test_ready_throughout(sights: list[PodState], stayed: bool | None) -> None:
    """From 10 to 20: Ready before, and never seen otherwise."""
    assert ready_throughout(sights, 10, 20) is stayed


@pytest.mark.parametrize(
    ("sights", "grown"),
    [
        ([], None),
        ([sight(1)], 0),
        ([sight(1), sight(15, restarts=1)], 1),
        ([sight(1, restarts=3), sight(15, restarts=5)], 2),
        ([sight(15, restarts=1)], None),
        ([sight(1), sight(15, restarts=None)], 0),
        ([sight(1), sight(21, restarts=1)], 0),
    ],
)
def test_restarts_since(sights: list[PodState], grown: int | None) -> None:
    """Between the last count by 10 and the last one by 20."""
    assert restarts_since(sights, 10, 20) == grown


def told(*events: tuple[int, str, str]) -> list[AppEvent]:
    """(time, event, boot) as the app's events."""
    return [AppEvent(event, boot, t_ns, {}) for t_ns, event, boot in events]


@pytest.mark.parametrize(
    ("events", "windows"),
    [
        ([(1, "listening", "a")], []),
        ([(1, "listening", "a"), (12, "closed", "a"), (13, "exit", "a"), (14, "boot", "b"), (15, "listening", "b")], [(12, 15)]),
        ([(1, "listening", "a"), (13, "exit", "a"), (14, "boot", "b"), (15, "listening", "b")], [(13, 15)]),
        ([(1, "listening", "a"), (12, "closed", "a")], [(12, 20)]),
        ([(1, "listening", "a"), (14, "boot", "b"), (15, "listening", "b")], None),
        ([(1, "listening", "a"), (15, "listening", "b")], None),
        ([(1, "listening", "a"), (2, "closed", "a"), (3, "listening", "b")], []),
        ([(1, "listening", "a"), (2, "closed", "a"), (13, "listening", "b")], [(2, 13)]),
        (
            [(1, "listening", "a"), (11, "closed", "a"), (12, "listening", "a"), (13, "closed", "a"), (14, "listening", "b")],
            [(11, 12), (13, 14)],
        ),
        ([(1, "listening", "a"), (21, "closed", "a")], []),
    ],
)
def test_closed_windows(events: list[tuple[int, str, str]], windows: list[tuple[int, int]] | None) -> None:
    """Between 10 and 20; None where an end was not reported."""
    got = closed_windows(told(*events), 10, 20)
    assert (None if got is None else [(one.from_ns, one.until_ns) for one in got]) == windows
