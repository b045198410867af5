"""The moment of injection within the probe period."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.inject import random_phase


def seeded(seed: int) -> Random:
    """A generator as a scenario has one."""
    return Random(seed)  # noqa: S311 - a draw to be repeated, not a secret


@settings(deadline=None)  # how long a busy machine takes says nothing
@given(st.floats(min_value=0.001, max_value=1000), st.integers())
def test_it_lies_in_the_period_and_repeats_with_its_seed(period_s: float, seed: int) -> None:
    """In [0, period), and the same seed gives the same moment."""
    phase = random_phase(period_s, seeded(seed))
    assert 0 <= phase < period_s
    assert phase == random_phase(period_s, seeded(seed))


def test_all_of_the_period_is_met() -> None:
    """Over many cycles every tenth of the period is hit."""
    rng = seeded(1)
    assert {int(random_phase(10, rng)) for _ in range(400)} == set(range(10))


@pytest.mark.parametrize("period_s", [0, -1, float("inf"), float("nan")])
def test_a_period_without_length_is_refused(period_s: float) -> None:
    """There is no moment in it."""
    with pytest.raises(BadInput, match="has no phase"):
        random_phase(period_s, seeded(1))
