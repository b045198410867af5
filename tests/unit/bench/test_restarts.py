"""What the benches that measure restarts share: the further costs of a cycle, differences and shares."""

from __future__ import annotations

from typing import cast

import pytest

from harness.history.codec import decode, encode
from harness.model import Outcome
from tests.bench.restarts.costs import Cost, costs_of
from tests.bench.restarts.intervals import Interval, cell, difference, share
from tests.unit.analyse.story import BAD, MS, at, calm, restarts


def test_failures_are_counted_by_method() -> None:
    """A POST that is refused is one of POST; one before the fault is none of the restart's."""
    story = restarts(cycles=1)
    refused = [row for row in story.requests if row["status"] == 502]
    for row in refused[:10]:
        row["lane"] = "post-keepalive"
    story.request(0, at(0, 2), Outcome.HTTP_ERROR, status=502, answer=BAD)
    story.refused_line("pod-0", at(0, 2) + MS)
    story.spec(steady_s=1.0)
    (cost,) = costs_of(story.history())
    assert cost.failed_by == {"GET": len(refused) - 10, "POST": 10}
    assert cost.sent_by == {"GET": 440, "POST": 10}
    assert cost.causes == {"refused-dial": len(refused)}
    assert cost.failed == cost.refused == len(refused) == 125


def test_slow_answers_and_requests_under_way_are_counted() -> None:
    """Three wait for the same moment, one of them for less than a second; a failed one is no answer, but was under way."""
    story = restarts(cycles=1)
    for sent, took_ms in ((10.5, 1500), (10.501, 1499), (11.001, 999)):
        story.request(0, at(0, sent), took_ns=took_ms * MS)
    (cost,) = costs_of(story.history())
    assert cost.slow == 2
    assert cost.most_in_flight == 4
    story.request(0, at(0, 10.6), Outcome.TIMEOUT, status=0, answer=-1, took_ns=1400 * MS)
    (cost,) = costs_of(story.history())
    assert (cost.slow, cost.most_in_flight) == (2, 5)
    assert cost.failed_max_s == pytest.approx(1.4, abs=0.001)


def test_a_request_that_ends_when_another_begins_is_not_under_way_with_it() -> None:
    """Requests every 20 ms that take 20 ms: one at a time."""
    story = restarts(cycles=1)
    for row in story.requests:
        row["done_ns"] = row["sent_ns"] + 20 * MS
    assert costs_of(story.history())[0].most_in_flight == 1


def test_attempts_that_were_followed_by_another_one_are_counted() -> None:
    """Of the cycle, from the fault on."""
    story = restarts(cycles=2)
    for row in story.requests:
        row["lane"] = "get-retrying"
    refused = [row for row in story.requests if row["status"] == 502]
    superseded = [*refused[:3], *refused[-2:]]
    story.attempts = [{**row, "attempt": 0} for row in superseded]
    for row in superseded:
        story.refused_line(f"pod-{row['cycle']}", int(row["sent_ns"]) + MS)
    first, second = costs_of(story.history())
    assert (first.repeated, second.repeated) == (3, 2)


def test_the_edges_count_from_the_fault() -> None:
    """The listener was seen closed 3.5 s after it, the next one 6 s."""
    (cost,) = costs_of(restarts(cycles=1).history())
    assert cost.edges["listener-closed"] == pytest.approx(3.5, abs=0.03)
    assert cost.edges["listening"] == pytest.approx(6.0, abs=0.03)


def test_a_cycle_without_a_fault_counts_from_its_beginning() -> None:
    """From zero a wait is the whole time."""
    story = calm(cycles=1)
    story.request(0, at(0, 0.5), took_ns=6000 * MS)
    story.request(0, at(0, 0.6), Outcome.TIMEOUT, status=0, answer=-1)
    (cost,) = costs_of(story.history())
    assert cost.waited_max_s == pytest.approx(6.0, abs=0.001)
    assert (cost.waited, cost.slow, cost.failed, cost.failed_by) == (1, 1, 1, {"GET": 1})
    assert cost.sent_by == {"GET": 652}


def test_costs_that_were_kept_before_are_read() -> None:
    """What an earlier release did not measure has its default."""
    (cost,) = costs_of(restarts(cycles=1).history())
    written = cast("dict[str, object]", encode(cost))
    for name in ("sent_by", "failed_by", "causes", "slow", "most_in_flight", "repeated", "failed_max_s", "edges", "pods"):
        del written[name]
    read = decode(Cost, written)
    assert (read.failed, read.failed_by, read.most_in_flight, read.failed_max_s, read.edges) == (cost.failed, {}, 0, 0.0, {})


def test_the_difference_of_two_means() -> None:
    """By Welch's t; a difference can be negative. Where neither side varies it stands alone."""
    found = difference([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    assert found is not None
    assert found.mean == -10.0
    assert (found.lo, found.hi) == pytest.approx((-12.267, -7.733), abs=0.001)
    assert difference([0.0, 0.0], [5.0, 5.0]) == Interval(-5.0, -5.0, -5.0)
    assert difference([0.0, 0.0], [5.0, 7.0]) is not None
    assert difference([0.0], [5.0, 7.0]) is None


def test_the_share_of_cycles_is_exact() -> None:
    """None of four says little: Clopper and Pearson."""
    found = share(0, 4)
    assert (found.mean, found.lo, found.hi) == pytest.approx((0.0, 0.0, 0.6024), abs=0.0001)
    assert share(4, 4).lo == pytest.approx(0.3976, abs=0.0001)


def test_a_cell_shows_the_interval_where_it_is_one() -> None:
    """Thousands apart."""
    assert cell(Interval(1262.4, 1250.0, 1270.2), 0) == "1,262 [1,250, 1,270]"
    assert cell(Interval(0.0, 0.0, 0.0), 2) == "0.00"
