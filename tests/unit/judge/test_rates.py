"""Claims about a share: decided by an interval over cycles, never by a single number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.checks import Check
from harness.judge.claims import decide
from harness.model import ClaimResult, Observed, Rate, RateOf, Reading
from tests.unit.judge.cases import claim, cycle

H, B, U = Observed.HOLDS, Observed.BROKEN, Observed.UNDECIDED


def shown(rate: Rate, seen: list[Observed], values: list[int] | None = None) -> ClaimResult:
    """What a claim about this rate comes to over these cycles of 100 requests."""
    numbers = values or [0] * len(seen)
    check = Check(frozenset(), lambda one: Reading(seen[one.index], "why", numbers[one.index], "requests"))
    asked = replace(claim("race"), rate=rate)
    return decide(asked, [cycle(index) for index in range(len(seen))], {"race": check})


def test_a_share_of_cycles_is_decided_by_its_exact_interval() -> None:
    """10 of 20 are [0.272, 0.728]: within a wide claim, outside of a narrow one far away, and else open."""
    half = [B, H] * 10
    result = shown(Rate(RateOf.CYCLES, 0.2, 0.8), half)
    assert result.observed is H
    assert result.share is not None
    assert (result.share.lo, result.share.hi) == pytest.approx((0.2720, 0.7280), abs=1e-4)
    assert shown(Rate(RateOf.CYCLES, 0.0, 0.1), half).observed is B
    open_yet = shown(Rate(RateOf.CYCLES, 0.4, 0.6), half)
    assert open_yet.observed is U
    assert "more cycles are needed" in open_yet.why


def test_never_in_a_few_cycles_is_not_never() -> None:
    """0 of 5 has an upper bound of 0.52: that a race is rarer than one in ten takes more cycles."""
    assert shown(Rate(RateOf.CYCLES, 0.0, 0.1), [H] * 5).observed is U
    assert shown(Rate(RateOf.CYCLES, 0.0, 0.1), [H] * 40).observed is H


def test_a_share_of_requests_varies_from_cycle_to_cycle() -> None:
    """The interval is over the cycles' shares: 500 requests of 5 cycles are 5 observations."""
    result = shown(Rate(RateOf.REQUESTS, 0.2, 0.5), [B] * 5, [30, 35, 33, 31, 36])
    assert result.observed is H
    assert result.share is not None
    assert result.share.value == pytest.approx(0.33)
    assert shown(Rate(RateOf.REQUESTS, 0.2, 0.34), [B] * 5, [30, 35, 33, 31, 36]).observed is U
    assert shown(Rate(RateOf.REQUESTS, 0.9, 1.0), [B] * 5, [30, 35, 33, 31, 36]).observed is B


@pytest.mark.parametrize("seen", [[B, H], [B, H, U]], ids=["too few cycles", "an undecided one"])
def test_what_cannot_be_told_is_undecided(seen: list[Observed]) -> None:
    """A cycle that is undecided may be either."""
    result = shown(Rate(RateOf.CYCLES, 0.0, 0.9), seen)
    assert (result.observed, result.share) == (U, None)


@pytest.mark.parametrize("seen", [[0, 0, 0], [30, 30, 30, 30]])
def test_cycles_that_do_not_vary_say_nothing_of_how_they_vary(seen: list[int]) -> None:
    """An interval without a width would hold after three cycles in which a race was never lost."""
    result = shown(Rate(RateOf.REQUESTS, 0.0, 0.4), [B] * len(seen), seen)
    assert (result.observed, result.share) == (U, None)


def test_restarts_are_no_share_of_the_requests() -> None:
    """One restart in 100 requests is not a hundredth of anything."""
    check = Check(frozenset(), lambda one: Reading(B, "why", one.index, "restarts"))
    asked = replace(claim("race"), rate=Rate(RateOf.REQUESTS, 0.0, 0.1))
    assert decide(asked, [cycle(index) for index in range(4)], {"race": check}).observed is U


def test_a_share_that_every_outcome_has_is_refused() -> None:
    """Such a claim says nothing."""
    with pytest.raises(ValueError, match="every outcome"):
        Rate(RateOf.CYCLES, 0.0, 1.0)


@pytest.mark.parametrize(("lo", "hi"), [(-0.1, 0.5), (0.5, 0.4), (0.0, 1.1)])
def test_a_share_that_cannot_be_is_refused(lo: float, hi: float) -> None:
    """When it is written down."""
    with pytest.raises(ValueError, match="no part of"):
        Rate(RateOf.CYCLES, lo, hi)
