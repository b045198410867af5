"""How often a difference is found where there is none, on simulated blocks and on values of a recorded run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from harness.analyse import analyse
from harness.compare import ComparedCycle, p_values
from harness.compare.relabelled import relabelled
from harness.history import read
from harness.judge.numbers import NUMBERS
from harness.model import BASE, HEAD, Change, Design, Planned
from tests import relabel

RECORDING = Path(__file__).parents[2] / "data" / "s1-knative-1.23"
LEVEL = 0.05
EXPERIMENTS = 25


def blocks(values: list[list[float]], reading: str = "refused-window") -> list[ComparedCycle]:
    """Two strata of A B B A, each block with these values."""
    arms = (BASE, HEAD, HEAD, BASE) * 2
    return [
        ComparedCycle("S1", arm, 1, place // 4, {reading: value}, {}, block=f"{arm}-{place}")
        for place, (arm, own) in enumerate(zip(arms, values, strict=True))
        for value in own
    ]


def rate(experiments: Iterable[NDArray[np.float64]]) -> tuple[int, int]:
    """(rejections at LEVEL, labellings) of these values, (8, 2) each; of mirrored labellings one is counted."""
    found: list[float] = []
    for values in experiments:
        every = p_values(blocks(values.tolist()), "refused-window")
        found += every[: len(every) // 2]
    return sum(value <= LEVEL for value in found), len(found)


def test_every_labelling_keeps_the_number_of_blocks() -> None:
    """Six of each stratum; the measured one is among them; blocks stay whole."""
    made = blocks([[float(place), place + 0.5] for place in range(8)])
    every = list(relabelled(made, "refused-window"))
    assert len(every) == 36
    assert {len(side) for strata in every for one in strata for side in (one.base, one.head)} == {4}
    assert ((0.0, 0.5, 3.0, 3.5), (1.0, 1.5, 2.0, 2.5)) in [(strata[0].base, strata[0].head) for strata in every]
    with pytest.raises(ValueError, match="not known"):
        list(relabelled([ComparedCycle("S1", BASE, 1, 0, {"x": None}, {})], "x"))


def test_equal_blocks_are_rejected_as_often_as_the_level_says() -> None:
    """On simulated cycles that do not depend on their block."""
    rng = np.random.default_rng(11)
    count, of = rate(rng.normal(5.2, 0.05, (EXPERIMENTS, 8, 2)))
    interval = binomtest(count, of).proportion_ci(0.99)
    assert interval.low <= LEVEL <= interval.high


def test_cycles_of_a_recorded_run_are_rejected_as_often_as_the_level_says() -> None:
    """Their refused windows, in an order that was drawn: real values, with their ties and their tails."""
    history = read(RECORDING)
    windows = [NUMBERS["refused-window"].read(cycle).value for cycle in analyse(history).cycles]
    assert len(set(windows)) >= 4
    rng = np.random.default_rng(12)
    count, of = rate(rng.choice(np.array(windows, dtype=float), (EXPERIMENTS, 8, 2)))
    interval = binomtest(count, of).proportion_ci(0.99)
    assert interval.low <= LEVEL
    assert count > 0


def test_an_effect_of_the_block_is_seen() -> None:
    """The check can fail: where a block shifts all of its cycles, the test rejects far more often than its level."""
    rng = np.random.default_rng(13)
    count, of = rate(rng.normal(5.2, 0.05, (EXPERIMENTS, 8, 2)) + rng.normal(0, 0.3, (EXPERIMENTS, 8, 1)))
    assert binomtest(count, of).proportion_ci(0.99).low > LEVEL


def test_the_report_fails_where_a_level_lies_below_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten rejections of 18 at 0.05 are too many, one is not."""
    assert relabel.said("p <= 0.05", 1, 18, 0.05)
    assert not relabel.said("p <= 0.05", 10, 18, 0.05)
    assert capsys.readouterr().out.splitlines()[1] == "p <= 0.05: 10 of 18, 0.5556, 95 % interval [0.3076, 0.7847]  ABOVE 0.05"
    assert relabel.main([]) == 3


def test_the_whole_comparison_is_made_of_each_labelling() -> None:
    """The check can fail: with a margin of nothing, cycles of equal blocks that differ by a second are called worse or better."""
    apart = [[5.0, 5.01], [6.0, 6.01], [6.0, 6.01], [5.0, 5.01]] * 2
    window = Planned("S1", "refused-window", "s", 0.001)
    design = Design("1.23", "1.23", ("S1",), 8, 1, (window,))
    called = relabel.changes(design, "S1", blocks(apart))
    assert len(called) == 18
    assert set(called) & {Change.WORSE, Change.BETTER}
    calm = replace(design, planned=(replace(window, margin=2.0),))
    assert set(relabel.changes(calm, "S1", blocks(apart))) == {Change.SAME}
