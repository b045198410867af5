"""Two scenarios of one experiment: equal ones are equivalent in both measures, and too few cycles of one show nothing."""

from __future__ import annotations

from dataclasses import replace

from harness.model import History
from tests.bench.scenarios import compared
from tests.unit.analyse.story import restarts


def named(scenario: str, cycles: int = 12) -> History:
    """The story of S1 under another name."""
    history = restarts(cycles=cycles).history()
    return replace(history, meta=replace(history.meta, spec=replace(history.meta.spec, scenario=scenario)))


def test_the_same_story_twice_is_equivalent() -> None:
    """In the window and in the number of refused requests; a run of another scenario does not count."""
    lines, code = compared("S1", "S1B", [named("S1", 7), named("S1", 6), named("S1B", 12), named("S2", 1)])
    assert [line.split(",")[0] for line in lines] == ["S1 and S1B"] * 2
    assert "13 and 12 cycles" in lines[0]
    assert all(line.endswith("EQUIVALENT") for line in lines)
    assert code == 0


def test_few_cycles_show_nothing() -> None:
    """Of either arm."""
    assert compared("S1", "S1B", [named("S1"), named("S1B", 11)])[1] == 2
    assert compared("S1", "S1B", [named("S1")])[1] == 2
