"""Bounds, each from both sides: when a cycle is voided, when a pod stayed Ready, when nobody listened."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import polars as pl
import pytest

from harness.analyse import void_reason
from harness.analyse.outage import closed_windows
from harness.analyse.voiding import first_sent, pacing
from harness.apps.toggle import AppEvent
from harness.history.layout import Table
from harness.history.tables import SCHEMAS, frame
from harness.knative.pods import PodState, ready_throughout, restarts_since
from harness.load.schedule import schedule_of
from harness.model import Arrivals, GeneratorReport, Lane, LoadPlan
from tests.unit.analyse.story import MS, at, calm, report

PERIOD_NS = 20 * MS
START_NS = at(0, 0) - 50_000
SPEC = replace(calm().meta.spec, load=LoadPlan(lanes=((Lane.GET_KEEPALIVE, 1),)))
"""One lane, 50 a second."""


def late(*late_us: int) -> pl.DataFrame:
    """Requests sent so much after they were due, each answered 3 ms later."""
    rows = []
    for seq, one in enumerate(late_us):
        due = START_NS + seq * PERIOD_NS
        sent = due + one * 1_000
        rows.append(
            {
                "cycle": 0,
                "seq": seq,
                "lane": "get-keepalive",
                "outcome": "ok",
                "intended_ns": due,
                "sent_ns": sent,
                "first_byte_ns": sent + 2 * MS,
                "done_ns": sent + 3 * MS,
            }
        )
    return frame(Table.REQUESTS, rows)


def good(sent: int) -> GeneratorReport:
    """A generator that sent so many, in time."""
    return report(0, sent, 50.0)


GOOD = good(1)
MANY = good(1_001)


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
        (late(0, 0)[[1, 0]], good(2), ""),
    ],
)
def test_void_reason(requests: pl.DataFrame, told: GeneratorReport | None, reason: str) -> None:
    """At the limit a cycle counts, past it it does not."""
    assert void_reason(SPEC, requests, told) == reason


def changed(seq: int, **columns: object) -> pl.DataFrame:
    """Ten good requests, one of which is changed."""
    given = {name: pl.when(pl.col("seq") == seq).then(pl.lit(value)).otherwise(name) for name, value in columns.items()}
    return late(*[0] * 10).with_columns(**given).cast(SCHEMAS[Table.REQUESTS])  # type: ignore[arg-type]


DUE_NS = START_NS + 5 * PERIOD_NS


@pytest.mark.parametrize(
    ("requests", "told", "reason"),
    [
        (changed(5), good(10), ""),
        (changed(5), replace(good(10), rate_rps=50.00001), ""),
        (changed(5), replace(good(10), rate_rps=50.001), "the generator's rate is 50.001 a second, the plan's 50"),
        (changed(5), replace(good(10), rate_rps=nan), "the generator reports rate_rps as nan"),
        (changed(5), replace(good(10), steal=nan), "the generator reports steal as nan"),
        (changed(5), replace(good(10), pacing_p99_us=inf), "the generator reports pacing_p99_us as inf"),
        (changed(5), replace(good(10), sent=9), "the generator sent 9 requests and left records of 10"),
        (changed(5, sent_ns=0), good(10), "the generator sent 10 requests and left records of 9"),
        (changed(5, intended_ns=DUE_NS - 1_000), good(10), ""),
        (
            changed(5, intended_ns=DUE_NS - 200_000),
            good(10),
            "request 5 was due 0.099800 s after the start, where the plan has request 4.99",
        ),
        (
            late(*[0] * 20).filter(pl.col("seq") % 2 == 0).with_columns(seq=pl.col("seq") // 2),
            good(10),
            "request 1 was due 0.040000 s after the start, where the plan has request 2.00",
        ),
        (changed(5, sent_ns=DUE_NS - 900), good(10), ""),
        (changed(5, sent_ns=DUE_NS - 1_100), good(10), "the times of 1 requests are out of order (first: request 5)"),
        (changed(5, first_byte_ns=DUE_NS - 1), good(10), "the times of 1 requests are out of order (first: request 5)"),
        (changed(5, done_ns=DUE_NS + MS), good(10), "the times of 1 requests are out of order (first: request 5)"),
        (changed(5, first_byte_ns=0, done_ns=DUE_NS - 1), good(10), "the times of 1 requests are out of order (first: request 5)"),
        (changed(5, first_byte_ns=0, done_ns=0, outcome="unanswered"), good(10), ""),
        (changed(5, lane="get-pod"), good(10), "requests went the way get-pod, which the plan does not have"),
    ],
)
def test_the_load_is_held_against_the_plan(requests: pl.DataFrame, told: GeneratorReport, reason: str) -> None:
    """When, how often and on which lane; in what order the times of a request lie; and every number is one."""
    assert void_reason(SPEC, requests, told) == reason


@pytest.mark.parametrize(
    ("lanes", "reason"),
    [
        ("kpkkpkk", ""),
        ("kp", ""),
        ("kkkpkkk", "3 of the first 3 requests went the way get-keepalive, 2 of 3 were planned"),
        ("pp", "2 of the first 2 requests went the way post-keepalive, 1 of 3 were planned"),
        ("kpkkkpk", "the lanes did not take turns as planned"),
        ("kpkkpkp", "the lanes did not take turns as planned"),
    ],
)
def test_lanes_take_the_turns_that_were_planned(lanes: str, reason: str) -> None:
    """Two of three with a weight of 4 and 2; the first ones alone prove nothing of the others."""
    plan = LoadPlan(lanes=((Lane.GET_KEEPALIVE, 4), (Lane.POST_KEEPALIVE, 2), (Lane.GET_NEW, 0)))
    names = ["get-keepalive" if one == "k" else "post-keepalive" for one in lanes]
    requests = late(*[0] * len(lanes)).with_columns(lane=pl.Series(names))
    assert void_reason(replace(SPEC, load=plan), requests, good(len(lanes))) == reason


RAMP = LoadPlan(rate_rps=10.0, lanes=((Lane.GET_KEEPALIVE, 1),), arrivals=Arrivals.RAMP, to_rate_rps=100.0, over_s=2.0)
PLANS = (
    SPEC.load,
    replace(SPEC.load, rate_rps=7 / 3),
    RAMP,
    replace(RAMP, rate_rps=100.0, to_rate_rps=1.0),
    replace(RAMP, arrivals=Arrivals.STEP),
    replace(RAMP, arrivals=Arrivals.POISSON, to_rate_rps=0.0, over_s=0.0),
)


@pytest.mark.parametrize("plan", PLANS)
def test_every_kind_of_arrivals_is_as_the_generator_sends_it(plan: LoadPlan) -> None:
    """Its own schedule passes, one of another rate does not; and its load covers the cycle up to the rate it has at its end."""
    number = 400
    times = [schedule_of(plan).offset_ns(k) for k in range(number)]
    intended = pl.Series(times) + START_NS
    requests = late(*[0] * number).with_columns(intended_ns=intended, sent_ns=intended, first_byte_ns=0, done_ns=intended + MS)
    requests = requests.cast(SCHEMAS[Table.REQUESTS])  # type: ignore[arg-type]
    told = report(0, number, plan.rate_rps)
    spec = replace(SPEC, load=plan)
    assert void_reason(spec, requests, told) == ""
    rate = plan.to_rate_rps or plan.rate_rps
    limit_ns = START_NS + times[-1] + round(1e9 / rate) + spec.pacing_max_limit_us * 1_000
    assert void_reason(spec, requests, told, until_ns=limit_ns - MS) == ""
    assert void_reason(spec, requests, told, until_ns=limit_ns + MS).startswith("the load ended")
    thinned = requests.filter(pl.col("seq") % 2 == 0).with_columns(seq=pl.col("seq") // 2)
    found = void_reason(spec, thinned, report(0, thinned.height, plan.rate_rps))
    assert "where the plan has" in found


RETRYING = replace(SPEC, load=replace(SPEC.load, lanes=((Lane.GET_RETRYING, 1),), retries=2))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], ""),
        ([(3, 0), (3, 1), (4, 0)], ""),
        ([(3, 0), (3, 0)], "the attempts of 1 requests are not numbered one after the other (first: 3)"),
        ([(3, 1)], "the attempts of 1 requests are not numbered one after the other (first: 3)"),
        ([(3, 0), (3, 2)], "the attempts of 1 requests are not numbered one after the other (first: 3)"),
        ([(3, 0), (3, 1), (3, 2)], "a request was tried again more often than 2 times"),
        ([(10, 0)], "1 attempts belong to no request of the retrying lane"),
    ],
)
def test_attempts_belong_to_requests_that_were_tried_again(rows: list[tuple[int, int]], reason: str) -> None:
    """Numbered, no more than planned, and each of a request that is there."""
    requests = late(*[0] * 10).with_columns(lane=pl.lit("get-retrying"))
    attempts = tried(requests, rows, "get-retrying")
    assert void_reason(RETRYING, requests, good(10), attempts=attempts) == reason


def tried(requests: pl.DataFrame, rows: list[tuple[int, int]], lane: str) -> pl.DataFrame:
    """Attempts, by request and number, each sent when the request was due."""
    of = {row["seq"]: row for row in requests.iter_rows(named=True)}
    made = [of.get(seq, of[0]) | {"seq": seq, "attempt": number, "lane": lane} for seq, number in rows]
    return frame(Table.ATTEMPTS, made)


def test_attempts_of_another_lane_hide_nothing() -> None:
    """Only the retrying lane tries again; and where it is planned, its attempts are there, if none."""
    requests = late(*[0] * 10)
    reason = void_reason(SPEC, requests, good(10), attempts=tried(requests, [(3, 0)], "get-keepalive"))
    assert reason == "1 attempts belong to no request of the retrying lane"
    requests = requests.with_columns(lane=pl.lit("get-retrying"))
    assert void_reason(RETRYING, requests, good(10)) == "the attempts of the retrying lane are missing"


def test_a_first_attempt_twice_makes_no_second_request() -> None:
    """The requests stay as many as they are."""
    requests = late(*[0] * 10).with_columns(lane=pl.lit("get-retrying"))
    assert first_sent(requests, tried(requests, [(3, 0), (3, 0)], "get-retrying")).height == 10


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"match_tolerance_s": 0.05, "pacing_p99_limit_us": 50_000, "pacing_max_limit_us": 1_000_000}, ""),
        ({"match_tolerance_s": 0.051}, "match_tolerance_s is 0.051"),
        ({"match_tolerance_s": nan}, "match_tolerance_s is nan"),
        ({"pacing_p99_limit_us": 50_001}, "pacing_p99_limit_us is 50001"),
        ({"pacing_max_limit_us": 10**9}, "pacing_max_limit_us is 1e+09"),
    ],
)
def test_limits_that_let_everything_pass_void(limits: dict[str, Any], named: str) -> None:
    """The run can be looked at, but says nothing."""
    reason = void_reason(replace(SPEC, **limits), late(0), GOOD)
    assert reason.startswith(named) and bool(reason) is bool(named)


@pytest.mark.parametrize("ended_by", ["max_s", "eof", "sigterm", "parent", "stopp", ""])
def test_only_a_generator_that_was_told_to_stop_counts(ended_by: str) -> None:
    """Whatever else ended it did so at a time nobody chose, and may have hidden failures."""
    reason = void_reason(SPEC, late(0), replace(GOOD, ended_by=ended_by))
    assert reason == f"the generator was not told to stop: it was ended by {ended_by}"


@pytest.mark.parametrize(
    ("after_ms", "reason"), [(-1, ""), (0, ""), (270, ""), (271, "the load ended 0.27 s before the cycle did")]
)
def test_the_load_covers_the_cycle(after_ms: int, reason: str) -> None:
    """At 50 a second the last request is due at most 20 ms and the permitted lateness before the end; without an end: not asked."""
    assert void_reason(SPEC, late(0), GOOD, until_ns=START_NS + after_ms * MS) == reason
    assert void_reason(SPEC, late(0), GOOD) == ""


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
