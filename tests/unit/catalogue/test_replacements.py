"""How many voided cycles may be replaced: fixed before the run, and a share of the cycles asked for."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import pytest

from harness.catalogue import S1, is_catalogued, resolve
from harness.history.codec import decode, encode
from harness.model import KnativeVersion, RunSpec


@pytest.mark.parametrize(("cycles", "allowed"), [(1, 3), (5, 3), (6, 3), (7, 4), (10, 5), (20, 10), (101, 51)])
def test_the_allowance_grows_with_the_cycles_asked_for(cycles: int, allowed: int) -> None:
    """S1 with 10 cycles, of which 4 were voided, had to end inconclusive while 3 was the number whatever was asked for."""
    assert replace(S1, cycles=cycles).replacements == allowed
    assert is_catalogued(replace(S1, cycles=cycles))


def test_a_number_that_is_asked_for_or_recorded_stands() -> None:
    """A recording of before has 3 in it and reads as it did, however many cycles it asked for."""
    spec = resolve(replace(S1, cycles=20, max_replacements=3), KnativeVersion.parse("1.23"))
    recorded = encode(spec)
    assert isinstance(recorded, dict)
    assert recorded["max_replacements"] == 3
    assert decode(RunSpec, recorded).replacements == 3
    assert replace(S1, cycles=20, max_replacements=0).replacements == 0


def test_a_run_of_any_length_gets_its_cycles_where_every_fifth_is_voided() -> None:
    """Nine times in ten; the number of before fell to three in four at 10 cycles and to three in ten at 20."""

    def chance(cycles: int, allowed: int, voided: float = 0.2) -> float:
        tries = cycles + allowed
        return sum(comb(tries, k) * voided**k * (1 - voided) ** (tries - k) for k in range(allowed + 1))

    assert min(chance(n, replace(S1, cycles=n).replacements) for n in range(1, 101)) > 0.9
    assert chance(10, 3) < 0.75
    assert chance(20, 3) < 0.3
