"""The judge of slots: equal arms are equivalent, a difference as large as the margin is not, and few cycles show nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.model import CycleFindings, History, Stream
from tests.bench.equivalence import ENOUGH, Sample, equivalence, log_refused, window_s
from tests.bench.slots import judged, order, samples_of
from tests.unit.analyse.story import BAD, OK, restarts

CALM = [0.26 + 0.01 * (number % 5) for number in range(ENOUGH)]


def of(*, by_s: float = 0.0, cycles: int = ENOUGH, voided: int = 0) -> tuple[list[str], int]:
    """S2 alone and in three slots, whose window is longer by so much."""
    several = Sample([value + by_s for value in CALM[:cycles]], ["late"] * voided)
    return judged({("S2", 1): Sample(list(CALM)), ("S2", 3): several})


def test_equal_arms_are_equivalent() -> None:
    """Also where one is a little longer."""
    for by_s in (0.0, 0.05, -0.05):
        (line,), code = of(by_s=by_s)
        assert code == 0
        assert line.endswith("EQUIVALENT")
        assert f"difference {by_s:+.4g}" in line or by_s == 0.0


@pytest.mark.parametrize("by_s", [0.2, -0.2, 1.0])
def test_a_difference_as_large_as_the_margin_is_not(by_s: float) -> None:
    """In either direction."""
    (line,), code = of(by_s=by_s)
    assert code == 1
    assert line.endswith("NOT SHOWN")


def test_more_voided_cycles_are_not_equivalent() -> None:
    """However equal those are that count."""
    assert of(voided=1)[1] == 0
    lines, code = of(voided=2)
    assert code == 1
    assert lines[1:] == ["  voided: late"] * 2


def test_few_cycles_show_nothing() -> None:
    """Neither does a comparison of which one arm is missing."""
    assert of(cycles=ENOUGH - 1)[1] == 2
    assert judged({("S2", 3): Sample(list(CALM))})[1] == 2
    assert judged({}) == (["nothing was measured in slots"], 2)


def test_the_interval_is_that_of_the_difference() -> None:
    """90 %, and the two tests agree with it about the margin."""
    found = equivalence(CALM, [value + 0.05 for value in CALM], 0.2)
    lo, hi = found.interval
    assert lo < found.difference < hi
    assert found.difference == pytest.approx(0.05)
    assert equivalence(CALM, [value + 0.05 for value in CALM], hi - 0.001).shown is False
    assert equivalence(CALM, [value + 0.05 for value in CALM], hi + 0.001).shown is True


def test_the_cycles_of_a_history_are_those_that_count() -> None:
    """By scenario and slots; a voided one says why."""
    story = restarts(cycles=2)
    story.generators[1] = replace(story.generators[1], steal=0.5)
    story.spec(cycles=1)
    sample = samples_of([story.history()])["S1", 1]
    assert len(sample.values) == 1
    assert sample.voided == ["steal 50.0% > 5%"]
    assert (sample.doubted, sample.nothing) == ([], [])


def test_a_run_with_a_doubt_is_not_taken() -> None:
    """Interrupted, too few cycles, a fault that did not land; its voided cycles count as voided all the same."""
    story = restarts(cycles=2)
    story.generators[1] = replace(story.generators[1], steal=0.5)
    interrupted = restarts(cycles=1)
    interrupted.meta = replace(interrupted.meta, interrupted="Ctrl-C")
    not_landed = restarts(cycles=1)
    not_landed.drop(
        lambda one: "received exit event" in one.payload or '"boot": "new0"' in one.payload or '"ok": false' in one.payload
    )
    sample = samples_of([one.history() for one in (story, interrupted, not_landed)])["S1", 1]
    assert sample.values == []
    assert sample.voided == ["steal 50.0% > 5%"]
    for why, said in zip(sample.doubted, ("1 of 2 cycles count", "interrupted: Ctrl-C", "not proved to have landed"), strict=True):
        assert said in why
    lines, code = judged({("S1", 1): Sample(list(CALM)), ("S1", 3): sample})
    assert code == 2
    assert lines[0].endswith("TOO FEW, 12 of each are needed")
    assert lines[1:] == [f"  not taken: {why}" for why in sample.doubted]


@pytest.mark.parametrize("measure", [log_refused, window_s])
def test_cycles_without_a_refused_request_show_no_equivalence(measure: Callable[[History, CycleFindings], float | None]) -> None:
    """Two arms in which nothing happens are the same, whatever a slot does. One such cycle is enough to refuse."""
    calm = restarts(cycles=1)
    for row in calm.requests:
        row.update(outcome="ok", status=200, answer=OK if row["answer"] == BAD else row["answer"])
    calm.drop(lambda one: one.stream is Stream.QUEUE_PROXY and "error reverse proxying" in one.payload)
    found = analyse(calm.history())
    assert found.doubts == ()
    assert measure(calm.history(), found.cycles[0]) is None
    sample = Sample(list(CALM))
    sample.add(calm.history(), measure)
    lines, code = judged({("S1", 1): Sample(list(CALM)), ("S1", 3): sample})
    assert code == 2
    assert lines[0].endswith("REFUSED, no request was refused in: id: cycle 0")


def test_both_arms_are_measured_in_turn() -> None:
    """A B B A, each half of its cycles at a time."""
    assert order(3, 12) == [(1, 6), (3, 6), (3, 6), (1, 6)]
    assert order(3, 13) == [(1, 7), (3, 7), (3, 6), (1, 6)]


def test_values_that_are_all_the_same_are_tested_by_their_difference() -> None:
    """Counts can be: 261 in each cycle. Without a variance there is no t-test."""
    assert equivalence([5.0] * ENOUGH, [5.1] * ENOUGH, 0.2).shown is True
    assert equivalence([5.0] * ENOUGH, [5.3] * ENOUGH, 0.2).shown is False
    assert equivalence([5.0] * ENOUGH, [5.0, 5.1] * (ENOUGH // 2), 0.2).shown is True
