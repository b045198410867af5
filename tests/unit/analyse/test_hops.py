"""The latency of a request, split by hop, on literal numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse import analyse
from harness.analyse.hops import NO_ACTIVATOR, NO_ANSWER, NO_QUEUE_PROXY, NOT_KNOWN, split
from harness.judge.numbers import NUMBERS
from harness.model import Bounds, Gap, Hops, Lane, Observed, Outcome, Stream
from tests.unit.analyse.story import MS, S, Story, at, calm
from tests.unit.analyse.test_exact import logged

GET, POD, QP = Lane.GET_KEEPALIVE, Lane.GET_POD, Lane.GET_QUEUE_PROXY


def tries(*rows: tuple[int, int, int], outcome: Outcome = Outcome.OK, lane: Lane = GET, superseded: bool = False) -> pl.DataFrame:
    """Requests by (intended, sent, done) in ns."""
    return pl.DataFrame(
        [
            {"lane": lane.value, "outcome": outcome.value, "superseded": superseded}
            | dict(zip(("intended_ns", "sent_ns", "done_ns"), row, strict=True))
            for row in rows
        ]
    )


def split_of(
    seen: pl.DataFrame, ingress: Sequence[int], activator: Sequence[int], queue_proxy: Sequence[int], app: Sequence[int] = ()
) -> Hops:
    """Split by these durations in ns."""
    took = {"ingress_ns": ingress, "activator_ns": activator, "queue_proxy_ns": queue_proxy}
    took["app_ns"] = app or [NOT_KNOWN] * len(ingress)
    return split(seen, **{name: np.array(value, dtype=np.int64) for name, value in took.items()})


def totals(hops: Hops) -> dict[str, float]:
    """The sum of each part, in seconds."""
    return {part.name: part.total_s for part in hops.parts}


def test_each_part_is_a_difference_of_two_durations() -> None:
    """One request of 7.31 s, held for 7.3 s by the activator."""
    hops = split_of(tries((S, S + 50_000, S + 7_310 * MS)), [7_308 * MS], [7_306 * MS], [6 * MS], [2 * MS])
    assert totals(hops) == {
        "generator": 0.000_05,
        "client": pytest.approx(0.001_95),
        "ingress": 0.002,
        "activator": 7.3,
        "queue-proxy": 0.004,
        "app": 0.002,
    }
    assert hops.slowest == totals(hops)
    assert hops.latency is not None
    assert (hops.latency.total_s, hops.latency.requests, hops.not_split) == (7.31, 1, {})


def test_without_a_line_of_the_ingress_client_and_ingress_are_one_part() -> None:
    """Two requests, of which the ingress has written one line: both are split, each as far as it can be."""
    hops = split_of(tries((S, S, S + 10 * MS), (S, S, S + 20 * MS)), [9 * MS, NOT_KNOWN], [8 * MS, 8 * MS], [MS, MS])
    assert totals(hops) == {
        "generator": 0.0,
        "client": 0.001,
        "ingress": 0.001,
        "client-and-ingress": 0.012,
        "activator": 0.014,
        "queue-proxy-and-app": 0.002,
    }
    assert [part.requests for part in hops.parts] == [2, 1, 1, 1, 2, 2]


def test_a_part_below_zero_is_shown() -> None:
    """The ingress cuts its duration to milliseconds; nothing is made 0 that was not."""
    hops = split_of(tries((S, S, S + 3 * MS)), [2 * MS], [2 * MS + 700_000], [MS])
    part = hops.part("ingress")
    assert part is not None
    assert part.least_s == -0.000_7


@pytest.mark.parametrize(
    ("seen", "activator", "queue_proxy", "why"),
    [
        (tries((S, S, 2 * S), outcome=Outcome.TIMEOUT), 5, 1, NO_ANSWER),
        (tries((S, S, 2 * S), outcome=Outcome.CLOSED), 5, 1, NO_ANSWER),
        (tries((S, S, 2 * S), outcome=Outcome.HTTP_ERROR), NOT_KNOWN, 1, NO_ACTIVATOR),
        (tries((S, S, 2 * S)), NOT_KNOWN, NOT_KNOWN, NO_ACTIVATOR),
        (tries((S, S, 2 * S), outcome=Outcome.HTTP_ERROR), 5, NOT_KNOWN, NO_QUEUE_PROXY),
    ],
)
def test_why_a_request_is_not_split(seen: pl.DataFrame, activator: int, queue_proxy: int, why: str) -> None:
    """The first thing that is missing, on the way of the request."""
    hops = split_of(seen, [NOT_KNOWN], [activator], [queue_proxy])
    assert hops == Hops(None, (), {}, {why: 1})


@pytest.mark.parametrize(
    "other",
    [
        tries((S, S, 2 * S), lane=POD),
        tries((S, S, 2 * S), lane=QP),
        tries((S, 0, 2 * S), outcome=Outcome.NOT_SENT),
        tries((S, S, 2 * S), superseded=True),
    ],
)
def test_whose_requests_are_split(other: pl.DataFrame) -> None:
    """Those of users that were sent, each of its last attempt. Others are not counted as not split either."""
    assert split_of(other, [4], [3], [2]) == Hops(None, (), {}, {})


def test_a_failed_request_is_split_too() -> None:
    """An app that is not ready has answered."""
    hops = split_of(tries((S, S, S + 10 * MS), outcome=Outcome.HTTP_ERROR), [9 * MS], [8 * MS], [MS])
    assert totals(hops)["activator"] == 0.007


TOOK = st.integers(0, 10 * S)
NONE = st.just(NOT_KNOWN)


@given(st.lists(st.tuples(TOOK, TOOK, TOOK, TOOK | NONE, TOOK, TOOK, TOOK | NONE), min_size=1, max_size=20))
def test_the_parts_add_up_to_the_latency(rows: list[tuple[int, int, int, int, int, int, int]]) -> None:
    """Whatever the logs say, and of the slowest request by itself."""
    seen = tries(*((S + a, S + a + b, S + a + b + c) for a, b, c, *_ in rows))
    hops = split_of(seen, *([row[at] for row in rows] for at in (3, 4, 5, 6)))
    assert hops.latency is not None
    assert sum(totals(hops).values()) == pytest.approx(hops.latency.total_s, abs=1e-6)
    assert sum(hops.slowest.values()) == pytest.approx(hops.latency.most_s, abs=1e-6)


# --- from a history -----------------------------------------------------------------------------------------------------


def activator_line(story: Story, seq: int, latency_s: float, *, cycle: int = 0, status: int = 200, run: str = "id") -> None:
    """A line of the activator's request log."""
    line = {
        "log": "knative-chaos-request",
        "rid": f"{run}-{cycle}-{seq}",
        "attempt": "",
        "method": "GET",
        "agent": "knative-chaos",
        "status": status,
        "size": 61,
        "latency_s": latency_s,
    }
    story.see(Stream.ACTIVATOR, "activator-x", at(cycle, 1), json.dumps(line, separators=(",", ":")))


def access_line(story: Story, seq: int, ms: int, *, cycle: int = 0, status: int = 200, run: str = "id", at_s: float = 5) -> None:
    """A line of the access log of the ingress, which comes late."""
    line = f'[2026-11-28T12:00:00.123Z] "GET /?rid={run}-{cycle}-{seq} HTTP/1.1" {status} - 0 61 {ms} {ms} "x" "y" "z" "h" "u"'
    story.see(Stream.INGRESS, "gateway-x", at(cycle, at_s), line)


def app_line(story: Story, seq: int, took_ns: int, *, cycle: int = 0) -> None:
    """A line of an app that logs requests."""
    more = {"rid": f"id-{cycle}-{seq}", "attempt": "", "status": 200, "took_ns": took_ns}
    line = {"t_ns": at(cycle, 1), "event": "request", "pod": "pod-0", "boot": "old0", "pid": 1, **more}
    story.see(Stream.APP, "pod-0", at(cycle, 1), json.dumps(line, separators=(",", ":")))


def whole(story: Story) -> Story:
    """Each request took 3 ms by the client, 2 by the activator, 1 by queue-proxy. The ingress has lines of two of them with 2 ms,
    the app of three with 0.4 ms.
    """
    logged(story)
    for row in story.requests:
        activator_line(story, row["seq"], 0.002, cycle=row["cycle"])
    access_line(story, 0, 2)
    access_line(story, 1, 2)
    for seq in range(3):
        app_line(story, seq, 400_000)
    return story


def hops_of(story: Story) -> Hops:
    """Of the first cycle."""
    hops = analyse(story.history()).cycles[0].hops
    assert hops is not None
    return hops


def test_a_run_without_the_request_log_has_no_hops() -> None:
    """Whatever is in its streams."""
    story = whole(calm(1))
    story.spec(request_log=False)
    (cycle,) = analyse(story.history()).cycles
    assert cycle.hops is None
    assert "hops" not in cycle.unknown


def test_the_logs_are_joined_by_the_id() -> None:
    """The line of the ingress comes seconds later, and that is no matter."""
    hops = hops_of(whole(calm(2)))
    assert {part.name: (part.requests, part.median_s) for part in hops.parts} == {
        "generator": (650, 0.000_05),
        "client": (2, 0.001),
        "ingress": (2, 0.0),
        "client-and-ingress": (648, 0.001),
        "activator": (650, 0.001),
        "queue-proxy": (3, 0.000_6),
        "app": (3, 0.000_4),
        "queue-proxy-and-app": (647, 0.001),
    }
    assert hops.not_split == {}


def of_another_run(story: Story) -> None:
    """A number of ours under another name."""
    story.drop(lambda one: one.stream is Stream.INGRESS, 1)
    access_line(story, 0, 2, run="di")


def of_another_cycle(story: Story) -> None:
    """A request that was sent, but not then."""
    story.drop(lambda one: one.stream is Stream.INGRESS, 1)
    access_line(story, 0, 2, cycle=1)


def of_another_status(story: Story) -> None:
    """The client did not get that answer."""
    story.drop(lambda one: one.stream is Stream.INGRESS, 1)
    access_line(story, 0, 2, status=503)


def doubled(story: Story) -> None:
    """Nobody can say which of two lines is the request's."""
    access_line(story, 0, 2)


@pytest.mark.parametrize("spoil", [of_another_run, of_another_cycle, of_another_status, doubled])
def test_a_line_of_the_ingress_that_is_not_the_requests(spoil: Callable[[Story], None]) -> None:
    """It does not split the request's time outside of the activator."""
    story = whole(calm(2))
    spoil(story)
    client = hops_of(story).part("client")
    assert client is not None
    assert client.requests == 1


def test_a_lost_line_of_the_activator_leaves_its_request_whole() -> None:
    """Counted with the reason."""
    story = whole(calm(1))
    assert story.drop(lambda one: one.stream is Stream.ACTIVATOR, 3) == 3
    hops = hops_of(story)
    assert hops.not_split == {NO_ACTIVATOR: 3}
    assert hops.latency is not None
    assert hops.latency.requests == 647


def test_a_gap_in_the_activators_log_leaves_the_fact_unknown() -> None:
    """The longest wait may have been in it; other facts do not rest on this log."""
    story = whole(calm(1))
    story.gaps.append(Gap(Stream.ACTIVATOR, "activator-x", at(0, 1), at(0, 2), "cut"))
    (cycle,) = analyse(story.history()).cycles
    assert list(cycle.unknown) == ["hops"]
    assert NUMBERS["activator-wait"].within(Bounds(0, 1), cycle).observed is Observed.UNDECIDED


def test_an_activator_without_any_line_leaves_the_fact_unknown() -> None:
    """It was not on the way, or its log is lost: nobody can tell, and no request is split."""
    story = whole(calm(1))
    story.drop(lambda one: one.stream is Stream.ACTIVATOR)
    (cycle,) = analyse(story.history()).cycles
    assert hops_of(story).not_split == {NO_ACTIVATOR: 650}
    assert "not on the way" in cycle.unknown["hops"]


def test_a_gap_in_the_log_of_the_ingress_does_not() -> None:
    """It only makes the split finer."""
    story = whole(calm(1))
    story.gaps.append(Gap(Stream.INGRESS, "gateway-x", at(0, 1), at(0, 2), "cut"))
    assert analyse(story.history()).cycles[0].unknown == {}


def test_the_longest_wait_is_that_of_one_request() -> None:
    """It is the number that a claim is about."""
    story = whole(calm(1))
    story.requests[7]["done_ns"] += 700 * MS
    assert story.drop(lambda one: one.stream is Stream.ACTIVATOR and '"rid":"id-0-7"' in one.payload) == 1
    activator_line(story, 7, 0.702)
    (cycle,) = analyse(story.history()).cycles
    read = NUMBERS["activator-wait"].within(Bounds(0.5, 1), cycle)
    assert (read.observed, read.value) == (Observed.HOLDS, 0.701)
