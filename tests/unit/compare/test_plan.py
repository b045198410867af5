"""What is compared of a scenario, with which margins, and whether so few cycles can show anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.catalogue import N1, S1, SCENARIOS, resolve
from harness.compare import READINGS, least_cycles, planned, require_feasible
from harness.errors import BadInput
from harness.judge import CHECKS
from harness.judge.numbers import NUMBERS
from harness.model import KnativeVersion
from tests.unit.compare.kit import WINDOW, design

NEW = KnativeVersion.parse("1.23")


def test_each_number_that_is_compared_is_one_of_the_judge() -> None:
    """With its unit, or its margin would be of something else."""
    assert {name: one.unit for name, one in READINGS.items()} == {name: NUMBERS[name].unit for name in READINGS}


def test_claims_and_numbers_of_a_scenario_with_their_margins() -> None:
    """Half a second, or the requests of half a second; a claim about bounds is left to its number."""
    found = {one.reading: one for one in planned((resolve(S1, NEW),))}
    assert {name for name, one in found.items() if one.share} == {claim.check for claim in S1.claims} <= set(CHECKS)
    assert set(found) == {claim.id for claim in S1.claims} | set(READINGS)
    assert (found["failed-requests"].margin, found["refused-window"].margin) == (25, 0.5)
    assert found["slowest-answer"].only_if_same == "failed-requests"
    for one in SCENARIOS.values():
        spec = resolve(one, NEW)
        shares = [found for found in planned((spec,)) if found.share]
        assert len(shares) == sum(claim.bounds is None for claim in spec.claims)


def test_a_margin_of_the_users_own() -> None:
    """For this reading in every scenario."""
    found = planned((resolve(S1, NEW), resolve(N1, NEW)), {"refused-window": 0.2})
    assert [one.margin for one in found if one.reading == "refused-window"] == [0.2, 0.2]


@pytest.mark.parametrize(
    ("margins", "why"),
    [
        ({"no-such": 1.0}, "no reading 'no-such'"),
        ({"refused-window": 0.0}, "is 0"),
        ({"ready-pod-is-not-refused": 1.0}, "no shares differ by more than 1"),
    ],
)
def test_a_margin_that_means_nothing_is_refused(margins: dict[str, float], why: str) -> None:
    """With the readings there are."""
    with pytest.raises(BadInput, match=why):
        planned((resolve(S1, NEW),), margins)


@pytest.mark.parametrize("name", SCENARIOS)
def test_eight_cycles_suffice_for_any_one_scenario(name: str) -> None:
    """4,900 arrangements, and the readings of one scenario are few enough."""
    count = len(planned((resolve(SCENARIOS[name], NEW),)))
    assert least_cycles(count, 1, 0.005) == 8


def test_what_can_show_nothing_is_refused() -> None:
    """Too many readings for so few cycles, cycles that two clusters cannot share, no look."""
    many = [replace(WINDOW, scenario=f"S{n}") for n in range(13)]
    require_feasible(design(*many[:12]))
    with pytest.raises(BadInput, match="no difference could be found") as caught:
        require_feasible(design(*many))
    assert "Ask for 10 cycles" in caught.value.fix
    require_feasible(design(*many, cycles=10))
    require_feasible(design(*many, cycles=8, looks=2))
    with pytest.raises(BadInput, match="cannot be split evenly"):
        require_feasible(design(WINDOW, cycles=9))
    with pytest.raises(BadInput, match="number of looks is 0"):
        require_feasible(design(WINDOW, looks=0))
