"""The schedule: exact, without drift, in order whatever its form, and every lane gets its share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.schedule import SECOND_NS, Constant, capacity, highest_rate, in_flight_cap, lane_cycle, schedule_of
from harness.model import LANES, Arrivals, Lane, LoadPlan
from tests.unit.load.held import PATIENT

RATES = st.floats(min_value=0.01, max_value=100_000)
OVERS = st.floats(min_value=0.001, max_value=10_000)


FIXED = tuple(arrivals for arrivals in Arrivals if arrivals is not Arrivals.POISSON)
"""Arrivals that leave nothing to chance."""


@st.composite
def plans(draw: st.DrawFn, forms: Sequence[Arrivals] = tuple(Arrivals), rates: st.SearchStrategy[float] = RATES) -> LoadPlan:
    """Plans of these forms of arrivals."""
    arrivals = draw(st.sampled_from(forms))
    if arrivals in (Arrivals.RAMP, Arrivals.STEP):
        return LoadPlan(draw(rates), arrivals=arrivals, to_rate_rps=draw(rates), over_s=draw(OVERS))
    return LoadPlan(draw(rates), arrivals=arrivals, seed=draw(st.integers(0, 2**64)))


def integral(plan: LoadPlan, elapsed_ns: int) -> Fraction:
    """How many requests a plan with fixed rates means by then, without rounding: the area under its rate."""
    first, then, at = Fraction(plan.rate_rps), Fraction(plan.to_rate_rps), Fraction(elapsed_ns, SECOND_NS)
    if plan.arrivals is Arrivals.CONSTANT:
        return first * at
    over = Fraction(round(plan.over_s * SECOND_NS), SECOND_NS)
    within, behind = min(at, over), max(Fraction(0), at - over)
    mean = first + (then - first) * within / over / 2 if plan.arrivals is Arrivals.RAMP else first
    return mean * within + then * behind


@PATIENT
@given(rate=RATES, k=st.integers(0, 10_000_000))
def test_due_is_the_inverse_of_offset(rate: float, k: int) -> None:
    """At the moment request k is due, k + 1 requests are due; a nanosecond earlier, k at most."""
    schedule = Constant.of(rate)
    at = schedule.offset_ns(k)
    assert schedule.due(at) >= k + 1
    assert schedule.offset_ns(schedule.due(at)) > at
    assert schedule.due(at - 1) <= k


@PATIENT
@given(plan=plans(), k=st.integers(0, 300))
def test_due_is_the_inverse_of_offset_whatever_the_form(plan: LoadPlan, k: int) -> None:
    """The same for ramps, steps and chance, early in the schedule, where they bend."""
    schedule = schedule_of(plan)
    at = schedule.offset_ns(k)
    assert schedule.due(at) >= k + 1
    assert schedule.offset_ns(schedule.due(at)) > at
    assert schedule.due(at - 1) <= k


@PATIENT
@given(plan=plans())
def test_times_are_in_order_and_the_same_again(plan: LoadPlan) -> None:
    """None is before the one before it, none before the start; asked for once more, in any order, they are the same."""
    schedule = schedule_of(plan)
    times = [schedule.offset_ns(k) for k in range(200)]
    assert times[0] >= 0
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert [schedule.offset_ns(k) for k in reversed(range(200))] == times[::-1]
    assert [schedule_of(plan).offset_ns(k) for k in range(200)] == times


@PATIENT
@given(plan=plans(FIXED), share=st.floats(0, 3))
def test_counts_are_the_area_under_the_rate(plan: LoadPlan, share: float) -> None:
    """Within one, at any time, before the bend and behind it: what makes a rate a rate."""
    elapsed_ns = int((plan.over_s or 1) * share * SECOND_NS)
    meant = integral(plan, elapsed_ns)
    # Rates are exact to a millionth of a request per second, times to a nanosecond.
    slack = Fraction(elapsed_ns, SECOND_NS) / 1_000_000 + Fraction(max(plan.rate_rps, plan.to_rate_rps)) * 4 / SECOND_NS
    assert abs(schedule_of(plan).due(elapsed_ns) - meant) <= 1 + slack


def test_a_ramp_bends_where_it_was_told() -> None:
    """10 to 30 per second within 2 s are 40 requests, of which the first second has 15; then they come every 1/30 s."""
    schedule = schedule_of(LoadPlan(10, arrivals=Arrivals.RAMP, to_rate_rps=30, over_s=2))
    assert [schedule.due(at * SECOND_NS - 1) for at in (1, 2, 3)] == [15, 40, 70]
    assert schedule.offset_ns(40) == 2 * SECOND_NS
    assert schedule.offset_ns(41) - schedule.offset_ns(40) == SECOND_NS // 30


def test_a_step_is_one() -> None:
    """10 per second for 2 s, then 100: the twentieth is due at the step, the next a hundredth later."""
    schedule = schedule_of(LoadPlan(10, arrivals=Arrivals.STEP, to_rate_rps=100, over_s=2))
    assert [schedule.offset_ns(k) / SECOND_NS for k in (19, 20, 21)] == [1.9, 2.0, 2.01]


def test_neither_drifts_behind_its_bend() -> None:
    """A year after the bend a rate of 3 per second is exact again at each whole second."""
    year_s = 365 * 24 * 3600
    for arrivals in (Arrivals.RAMP, Arrivals.STEP):
        schedule = schedule_of(LoadPlan(1, arrivals=arrivals, to_rate_rps=3, over_s=10))
        head = 20 if arrivals is Arrivals.RAMP else 10
        assert schedule.offset_ns(head + 3 * year_s) == (10 + year_s) * SECOND_NS


@pytest.mark.parametrize("seed", [0, 1, 20_261_123])
def test_chance_is_poisson(seed: int) -> None:
    """Mean and deviation of 20,000 intervals are the exponential's within 4 standard errors, and so is the share above the mean."""
    mean_ns, count = SECOND_NS / 200, 20_000
    schedule = schedule_of(LoadPlan(200, arrivals=Arrivals.POISSON, seed=seed))
    times = [schedule.offset_ns(k) for k in range(count + 1)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(gaps) / count
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / count)
    above = sum(gap > mean_ns for gap in gaps) / count
    assert abs(mean / mean_ns - 1) < 4 / math.sqrt(count)
    assert abs(deviation / mean_ns - 1) < 4 * math.sqrt(2 / count)  # the exponential's fourth moment makes it sqrt(8 / 4n)
    assert abs(above - math.exp(-1)) < 4 * math.sqrt(math.exp(-1) * (1 - math.exp(-1)) / count)


def test_another_seed_is_another_run() -> None:
    """And the seed alone decides."""
    first, other = (schedule_of(LoadPlan(50, arrivals=Arrivals.POISSON, seed=seed)) for seed in (1, 2))
    assert [first.offset_ns(k) for k in range(9)] != [other.offset_ns(k) for k in range(9)]


def test_thirds_do_not_drift() -> None:
    """A period that is no whole number of ns is exact again at each whole second, also after a year."""
    year_s = 365 * 24 * 3600
    assert Constant.of(3).offset_ns(3 * year_s) == year_s * SECOND_NS


@PATIENT
@given(plan=plans())
def test_nothing_is_due_before_the_start(plan: LoadPlan) -> None:
    """The first request of a rate is due at the start, none before; chance may take its time."""
    assert schedule_of(plan).due(-1) == 0
    assert plan.arrivals is Arrivals.POISSON or schedule_of(plan).due(0) >= 1


@PATIENT
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


def test_the_cap_follows_the_highest_rate() -> None:
    """Up or down: what a deadline can hold at the worst moment. Chance gets room for what it may bring together."""
    up = LoadPlan(50, deadline_s=40, arrivals=Arrivals.RAMP, to_rate_rps=80, over_s=1)
    assert in_flight_cap(up) == in_flight_cap(replace(up, rate_rps=80, to_rate_rps=50, arrivals=Arrivals.STEP)) == 3200
    assert highest_rate(up) == 80
    assert in_flight_cap(LoadPlan(50, deadline_s=40, arrivals=Arrivals.POISSON)) > 2000 + 6 * math.sqrt(2000)


@pytest.mark.parametrize(("rate", "max_s", "requests"), [(10, 1, 10), (10, 0.05, 1), (3, 1, 3), (0.01, 1, 1)])
def test_capacity_counts_what_is_due_before_the_end(rate: float, max_s: float, requests: int) -> None:
    """The request due exactly at max_s is not sent any more."""
    assert capacity(LoadPlan(rate), max_s) == requests


@PATIENT
@given(plan=plans(rates=st.floats(0.01, 2000)), max_s=st.floats(0.01, 1))
def test_capacity_has_room_for_every_request(plan: LoadPlan, max_s: float) -> None:
    """Whatever the form: the request after the last that has room is due at the end or later."""
    assert schedule_of(plan).offset_ns(capacity(plan, max_s)) >= int(max_s * SECOND_NS) - 1
