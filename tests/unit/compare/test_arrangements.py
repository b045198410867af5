"""The exact distribution of a difference under all arrangements, beside scipy's own p-values and a count by hand."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from harness.compare import arrangements as module
from harness.compare.arrangements import Stratum, arrangements

VALUES = st.lists(st.integers(-20, 20).map(float), min_size=4, max_size=4)


def by_hand(strata: list[Stratum], shift: float) -> tuple[float, float]:
    """(p above, p below) of this shift: every arrangement is built and its difference of means computed, with equal weights."""

    def difference(one: Stratum, which: tuple[int, ...]) -> float:
        every = [*one.base, *(value - shift for value in one.head)]
        chosen = [every[place] for place in which]
        other = [value for place, value in enumerate(every) if place not in which]
        return sum(chosen) / len(chosen) - sum(other) / len(other)

    sides = [
        [difference(one, which) for which in combinations(range(len(one.base) + len(one.head)), len(one.head))] for one in strata
    ]
    measured = sum(difference(one, tuple(range(len(one.base), len(one.base) + len(one.head)))) for one in strata)
    every = [sum(row) for row in product(*sides)]
    above = sum(value >= measured - 1e-9 for value in every) / len(every)
    below = sum(value <= measured + 1e-9 for value in every) / len(every)
    return above, below


def test_eight_against_eight_that_do_not_overlap() -> None:
    """In one stratum 12,870 arrangements, in two strata of four 4,900: the smallest p-values are one of them."""
    low, high = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0), (11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0)
    assert arrangements([Stratum(low, high)]).p_above(0) == pytest.approx(1 / 12_870)
    halves = [Stratum(low[:4], high[:4]), Stratum(low[4:], high[4:])]
    assert arrangements(halves).p_above(0) == pytest.approx(1 / 4_900)
    assert arrangements(halves).p_below(0) == 1.0
    assert arrangements(halves).value == pytest.approx(10)


@settings(max_examples=25, deadline=None)
@given(VALUES, VALUES, st.integers(-30, 30))
def test_p_values_are_those_counted_by_hand(one: list[float], other: list[float], shift: int) -> None:
    """Ties and shifts on a bound included, in two strata of two cycles an arm."""
    strata = [Stratum(tuple(side[:2]), tuple(side[2:])) for side in (one, other)]
    found = arrangements(strata)
    assert (found.p_above(shift / 2), found.p_below(shift / 2)) == pytest.approx(by_hand(strata, shift / 2))


def test_p_values_are_scipys() -> None:
    """For one stratum, at several shifts."""
    rng = np.random.default_rng(1)
    base, head = rng.normal(5, 1, 6), rng.normal(5.6, 1, 7)
    found = arrangements([Stratum(tuple(base), tuple(head))])
    for shift in (-0.5, 0.0, 0.4, 1.2):
        for alternative, p_value in (("greater", found.p_above(shift)), ("less", found.p_below(shift))):
            done = permutation_test(
                (head - shift, base), lambda x, y: np.mean(x) - np.mean(y), n_resamples=np.inf, alternative=alternative
            )
            assert p_value == pytest.approx(done.pvalue)


@pytest.mark.parametrize("level", [0.05, 0.0025, 1 / 4900])
def test_a_bound_is_where_the_test_begins_to_accept(level: float) -> None:
    """Below the lower bound the shift is rejected at this level, above it is not; the upper one likewise."""
    rng = np.random.default_rng(2)
    strata = [Stratum(tuple(rng.normal(5, 1, 4)), tuple(rng.normal(7, 2, 4))) for _ in range(2)]
    found = arrangements(strata)
    lower, upper = found.lower(level), found.upper(level)
    assert lower is not None
    assert upper is not None
    assert found.p_above(lower - 1e-6) <= level < found.p_above(lower + 1e-6)
    assert found.p_below(upper + 1e-6) <= level < found.p_below(upper - 1e-6)
    assert lower < found.value < upper


def test_too_few_arrangements_give_no_bound() -> None:
    """Two against two have six: at 5 % there is neither a rejection nor a bound."""
    found = arrangements([Stratum((1.0, 2.0), (30.0, 40.0))])
    assert found.p_above(0) == pytest.approx(1 / 6)
    assert found.lower(0.05) is None
    assert found.upper(0.05) is None


def test_a_drift_between_strata_is_no_difference() -> None:
    """The second half was measured on a slower machine: both arms got slower alike."""
    base, head = ((1.0, 1.1, 1.2, 1.3), (5.0, 5.1, 5.2, 5.3)), ((1.4, 1.5, 1.6, 1.7), (5.4, 5.5, 5.6, 5.7))
    found = arrangements([Stratum(*pair) for pair in zip(base, head, strict=True)])
    assert found.value == pytest.approx(0.4)
    assert found.p_above(0) == pytest.approx(1 / 4900)
    together = arrangements([Stratum(base[0] + base[1], head[0] + head[1])])
    assert together.p_above(0) > 0.2


def test_equal_values_have_a_difference_of_nothing() -> None:
    """Every arrangement looks alike."""
    found = arrangements([Stratum((1.0,) * 4, (1.0,) * 4)] * 2)
    assert (found.value, found.lower(0.05), found.upper(0.05)) == (0.0, 0.0, 0.0)
    assert found.p_above(0) == found.p_below(0) == 1.0
    assert found.p_below(0.5) == pytest.approx(1 / 4900)


def test_many_arrangements_are_drawn_and_the_measured_one_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close to the exact p-value, the same each time, and never zero."""
    rng = np.random.default_rng(3)
    strata = [Stratum(tuple(rng.normal(5, 1, 4)), tuple(rng.normal(5.8, 1, 4))) for _ in range(2)]
    exact = arrangements(strata)
    apart = [Stratum((1.0, 2.0, 3.0, 4.0), (11.0, 12.0, 13.0, 14.0))] * 2
    monkeypatch.setattr(module, "MOST", 1000)
    drawn = arrangements(strata)
    assert drawn.p_above(0) == pytest.approx(exact.p_above(0), rel=0.05)
    assert drawn.lower(0.05) == pytest.approx(exact.lower(0.05), abs=0.05)
    assert arrangements(strata).p_above(0.1) == drawn.p_above(0.1)
    assert 0 < arrangements(apart).p_above(0) < 0.001


@pytest.mark.parametrize("strata", [[], [Stratum((), (1.0,))], [Stratum((1.0,), (1.0,)), Stratum((1.0,), ())]])
def test_an_arm_without_a_cycle_is_refused(strata: list[Stratum]) -> None:
    """It would be compared with nothing."""
    with pytest.raises(ValueError, match="either arm"):
        arrangements(strata)
