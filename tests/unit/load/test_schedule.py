"""The schedule: exact, without drift, and every lane gets its share."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.schedule import SECOND_NS, Schedule, capacity, in_flight_cap, lane_cycle
from harness.model import LANES, Lane, LoadPlan

RATES = st.floats(min_value=0.01, max_value=100_000)


@given(rate=RATES, k=st.integers(0, 10_000_000))
def test_due_is_the_inverse_of_offset(rate: float, k: int) -> None:
    """At the moment request k is due, k + 1 requests are due; a nanosecond earlier, k at most."""
    schedule = Schedule.of(rate)
    at = schedule.offset_ns(k)
    assert schedule.due(at) >= k + 1
    assert schedule.offset_ns(schedule.due(at)) > at
    assert schedule.due(at - 1) <= k


def test_thirds_do_not_drift() -> None:
    """A period that is no whole number of ns is exact again at each whole second, also after a year."""
    year_s = 365 * 24 * 3600
    assert Schedule.of(3).offset_ns(3 * year_s) == year_s * SECOND_NS


def test_nothing_is_due_before_the_start() -> None:
    """The first request is due at the start, none before."""
    assert Schedule.of(100).due(-1) == 0
    assert Schedule.of(100).due(0) == 1


@given(weights=st.lists(st.integers(0, 9), min_size=len(LANES), max_size=len(LANES)).filter(any))
def test_each_lane_gets_its_share_of_a_turn(weights: list[int]) -> None:
    """Within one turn each lane occurs exactly weight / gcd times."""
    turn = Counter(lane_cycle(list(zip(LANES, weights, strict=True))))
    common = math.gcd(*weights)
    assert {code: turn[code] for code in range(len(LANES))} == {code: weight // common for code, weight in enumerate(weights)}


def test_the_default_turn_is_spread() -> None:
    """3:1:1 is not sent as three in a row: the other lanes lie between."""
    assert lane_cycle(LoadPlan().lanes) == (0, 1, 0, 2, 0)


def test_a_lane_left_out_gets_nothing() -> None:
    """A plan of one lane sends on that lane only."""
    assert lane_cycle([(Lane.GET_NEW, 7)]) == (LANES.index(Lane.GET_NEW),)


@pytest.mark.parametrize(("asked", "cap"), [(0, 2000), (7, 7)])
def test_the_cap_defaults_to_what_one_deadline_can_hold(asked: int, cap: int) -> None:
    """0 means rate * deadline; anything else is taken as it is."""
    assert in_flight_cap(LoadPlan(rate_rps=50, deadline_s=40, in_flight_cap=asked)) == cap


@pytest.mark.parametrize(("rate", "max_s", "requests"), [(10, 1, 10), (10, 0.05, 1), (3, 1, 3), (0.01, 1, 1)])
def test_capacity_counts_what_is_due_before_the_end(rate: float, max_s: float, requests: int) -> None:
    """The request due exactly at max_s is not sent any more."""
    assert capacity(rate, max_s) == requests
