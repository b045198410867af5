"""The order in which arms are measured."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.run.blocks import plan

ARMS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True)


def test_two_arms_are_measured_in_one_order_and_then_in_the_other() -> None:
    """A drift of the machine then meets both alike; which is first is drawn."""
    orders = {tuple(block.arm for block in plan(["a", "b"], 5, seed)) for seed in range(20)}
    assert orders == {("a", "b", "b", "a"), ("b", "a", "a", "b")}
    assert [(block.name, block.cycles) for block in plan(["a", "b"], 5, 0) if block.arm == "a"] == [("a-1", 2), ("a-2", 3)]


@settings(deadline=None)
@given(ARMS, st.integers(1, 40), st.integers(0, 1 << 32))
def test_every_arm_gets_its_cycles_and_the_same_luck(arms: list[str], cycles: int, seed: int) -> None:
    """No block is empty, no name comes twice, blocks of a round share their phases; the same seed gives the same order."""
    blocks = plan(arms, cycles, seed)
    assert blocks == plan(arms, cycles, seed)
    total: Counter[str] = Counter()
    for block in blocks:
        total[block.arm] += block.cycles
    assert total == dict.fromkeys(arms, cycles)
    assert min(block.cycles for block in blocks) >= 1
    assert len({block.name for block in blocks}) == len(blocks)
    assert len({(block.number, block.seed) for block in blocks}) == len({block.number for block in blocks})
    places = {arm: [index for index, block in enumerate(blocks) if block.arm == arm] for arm in arms}
    if cycles > 1:
        assert len({sum(of_arm) for of_arm in places.values()}) == 1


def test_an_arm_alone_is_one_block() -> None:
    """There is nobody to take turns with."""
    assert [(block.arm, block.number, block.cycles) for block in plan(["a"], 5, 1)] == [("a", 1, 5)]


@pytest.mark.parametrize(("arms", "cycles"), [([], 5), (["a", "b"], 0)])
def test_nothing_to_measure_is_refused(arms: list[str], cycles: int) -> None:
    """An experiment that measured nothing would pass."""
    with pytest.raises(ValueError, match="needs an arm and a cycle"):
        plan(arms, cycles, 0)
