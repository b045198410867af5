"""What the comparison of two builds says of cycles written by hand and of simulated ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from harness.compare import ComparedCycle, arrangements, compared
from harness.compare.correction import holm
from harness.model import BASE, HEAD, RULINGS, Change, Comparison, Difference, Planned, Ruling
from tests.unit.compare.kit import BROKEN, FAILED, SLOWEST, WINDOW, cycles, design

CALM = (5.16, 5.22, 5.20, 5.16, 5.26, 5.19, 5.23, 5.17)
"""Refused windows as in the recording of S1."""


def of(done: Comparison, reading: str) -> Difference:
    """The one of that name."""
    (found,) = (one for one in done.differences if one.planned.reading == reading)
    return found


def window(base: tuple[float, ...], head: tuple[float, ...], planned: Planned = WINDOW) -> Difference:
    """The reading of these cycles, alone."""
    done = compared(design(planned), cycles({planned.reading: base}, {planned.reading: head}), 1)
    (found,) = done.differences
    assert done.change is found.change
    return found


def shifted(by: float) -> tuple[float, ...]:
    """Each window longer, the cycles in another order."""
    return tuple(value + by for value in CALM[3:] + CALM[:3])


@pytest.mark.parametrize(
    ("by", "change"),
    [
        (0.0, Change.SAME),
        (0.3, Change.SAME),
        (-0.3, Change.SAME),
        (0.5, Change.INCONCLUSIVE),
        (-0.5, Change.INCONCLUSIVE),
        (1.0, Change.WORSE),
        (-1.0, Change.BETTER),
    ],
)
def test_a_difference_is_held_against_its_margin(by: float, change: Change) -> None:
    """Of half a second; a planted second is found, half of it is called neither better nor worse."""
    found = window(CALM, shifted(by))
    assert found.change is change
    assert found.value == pytest.approx(by)
    assert found.interval is not None
    assert found.interval.confidence == 0.995
    assert found.detectable is not None
    assert 0.5 < found.detectable < 1.0


def test_where_more_is_better_the_words_turn() -> None:
    """The direction is part of the plan."""
    planned = replace(WINDOW, less_is_better=False)
    assert [window(CALM, shifted(by), planned).not_worse for by in (-0.5, 0.5)] == [False, True]
    assert [window(CALM, shifted(by)).not_worse for by in (-0.5, 0.5)] == [True, False]
    assert "not worse by more than the margin" in window(CALM, shifted(-0.5)).why
    assert window(CALM, shifted(1.0), planned).change is Change.BETTER
    assert window(CALM, shifted(-1.0), planned).change is Change.WORSE


def test_a_wide_spread_leaves_it_open() -> None:
    """Neither shown nor excluded, and what could be found is far above the margin."""
    wide = (1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0)
    found = window(wide, wide[::-1])
    assert found.change is Change.INCONCLUSIVE
    assert "neither shown nor excluded" in found.why
    assert found.detectable is not None
    assert found.detectable > 3


@pytest.mark.parametrize(
    ("base", "head", "change"),
    [
        (0, 8, Change.WORSE),
        (8, 0, Change.BETTER),
        (0, 0, Change.SAME),
        (8, 8, Change.SAME),
        (0, 1, Change.INCONCLUSIVE),
        (3, 5, Change.INCONCLUSIVE),
    ],
)
def test_a_claim_is_compared_by_its_share_of_cycles(base: int, head: int, change: Change) -> None:
    """One that flips in every cycle is found; one that flips in one leaves it open."""
    one, other = ((1.0,) * broken + (0.0,) * (8 - broken) for broken in (base, head))
    found = window(one, other, BROKEN)
    assert found.change is change
    assert found.value == pytest.approx((head - base) / 8)


def test_the_interval_of_a_claim_is_made_of_exact_ones() -> None:
    """None in eight, and none in eight: 95 % each, for two one-sided tests at 5 %."""
    found = window((0.0,) * 8, (0.0,) * 8, BROKEN)
    assert found.within is not None
    assert found.within.confidence == 0.9
    highest = binomtest(0, 8).proportion_ci(0.95).high
    assert (found.within.lo, found.within.hi) == pytest.approx((-highest, highest))
    # Of six, evenly spread, (5 / 70) squared of the arrangements are as extreme: 2 * 0.0051 is not below 0.005.
    assert found.detectable == pytest.approx(7 / 8)


def test_the_power_stated_is_reached_and_the_levels_are_kept() -> None:
    """On simulated cycles: a difference that is called detectable is found nine times in ten; one of the margin hardly ever."""
    rng = np.random.default_rng(4)
    found, false, sizes = 0, 0, []
    for _ in range(150):
        base, head = rng.normal(5, 0.2, 8), rng.normal(5, 0.2, 8)
        at_margin = window(tuple(base), tuple(head + WINDOW.margin))
        false += at_margin.change is not Change.INCONCLUSIVE
        assert at_margin.detectable is not None
        sizes.append(at_margin.detectable)
    size = float(np.median(sizes))
    for _ in range(150):
        base, head = rng.normal(5, 0.2, 8), rng.normal(5 + size, 0.2, 8)
        found += window(tuple(base), tuple(head)).change is Change.WORSE
    assert binomtest(found, 150).proportion_ci(0.99).high >= 0.9
    assert found >= 0.8 * 150
    # At the margin itself: worse at 0.25 %, the same at 5 %.
    assert binomtest(false, 150).proportion_ci(0.99).low <= 0.0525


def test_half_of_what_is_detectable_is_called_neither_better_nor_worse() -> None:
    """An improvement of half of it, 200 times."""
    rng = np.random.default_rng(5)
    half = (window(CALM, CALM).detectable or 0) / 2
    called = [window(tuple(rng.normal(5, 0.04, 8)), tuple(rng.normal(5 - half, 0.04, 8))).change for _ in range(100)]
    assert Change.BETTER not in called
    assert Change.WORSE not in called


def test_several_readings_are_corrected() -> None:
    """One of twelve is found at p 1/2450 (twelve times that is below 0.5 %); of thirteen it is not. Scenarios count, too."""
    twelve = [replace(WINDOW, scenario=f"S{n}") for n in range(12)]
    for planned, change in ((twelve, Change.WORSE), ([*twelve, replace(WINDOW, scenario="S12")], Change.INCONCLUSIVE)):
        seen: list[ComparedCycle] = []
        for one in planned:
            by = 1.0 if one.scenario == "S0" else 0.0
            seen += cycles({WINDOW.reading: CALM}, {WINDOW.reading: shifted(by)}, scenario=one.scenario)
        done = compared(design(*planned), seen, 1)
        assert done.differences[0].change is change
        assert {one.change for one in done.differences[1:]} == {Change.SAME}
        assert done.differences[0].corrected == pytest.approx(len(planned) * 2 / 4900)


def test_holm_as_in_the_textbook() -> None:
    """Ordered, each times the number of hypotheses left, never falling; those without a p-value count."""
    assert holm([0.01, 0.04, 0.03], tests=3) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.01, 0.04, 0.03], tests=5) == pytest.approx((0.05, 0.12, 0.12))
    assert holm([0.9, 0.5], tests=2) == (1.0, 1.0)
    assert holm([], tests=3) == ()
    with pytest.raises(ValueError, match="2 p-values of 1"):
        holm([0.1, 0.2], tests=1)


def test_holm_is_the_closure_of_bonferroni() -> None:
    """A hypothesis is rejected if every set of hypotheses that contains it is, by Bonferroni's test of the set."""
    rng = np.random.default_rng(6)
    for _ in range(30):
        p_values = rng.beta(0.3, 1, 4).tolist()
        sets = [[n for n in range(4) if mask >> n & 1] for mask in range(1, 16)]
        closed = [max(min(1, len(one) * min(p_values[n] for n in one)) for one in sets if place in one) for place in range(4)]
        assert holm(p_values, tests=4) == pytest.approx(closed)


@pytest.mark.parametrize(
    ("changes", "overall"),
    [
        ((0.0, 0.0), Change.SAME),
        ((-1.0, 0.0), Change.BETTER),
        ((1.0, 0.0), Change.WORSE),
        ((1.0, -1.0), Change.WORSE),
        ((-1.0, 0.5), Change.INCONCLUSIVE),
        ((-1.0, -0.5), Change.BETTER),
        ((0.0, -0.5), Change.INCONCLUSIVE),
        ((1.0, 0.5), Change.WORSE),
    ],
)
def test_the_comparison_as_a_whole(changes: tuple[float, float], overall: Change) -> None:
    """One that is worse decides. One that is better does, unless another one may be worse: half a second less may be better or
    the same, half a second more may be worse.
    """
    other = replace(WINDOW, reading="other")
    base, head = ({"refused-window": one, "other": two} for one, two in ((CALM, CALM), [shifted(by) for by in changes]))
    assert compared(design(WINDOW, other), cycles(base, head), 1).change is overall


def test_the_ruling_is_that_of_a_run() -> None:
    """Worse is a regression; better and same pass; open is inconclusive."""
    assert RULINGS == {
        Change.WORSE: Ruling.REGRESSION,
        Change.BETTER: Ruling.PASS,
        Change.SAME: Ruling.PASS,
        Change.INCONCLUSIVE: Ruling.INCONCLUSIVE,
    }


def test_times_of_answers_do_not_decide_where_another_number_failed() -> None:
    """A queue-proxy that holds requests refuses none, and its slowest answer takes longer: other requests were answered."""
    failed, none = tuple(50 * value for value in CALM), (0.0,) * 8
    base = {"failed-requests": failed, "slowest-answer": (0.05,) * 8}
    head = {"failed-requests": none, "slowest-answer": CALM}
    done = compared(design(FAILED, SLOWEST), cycles(base, head), 1)
    assert done.change is Change.BETTER
    slowest = of(done, "slowest-answer")
    assert (slowest.change, slowest.decides) == (Change.WORSE, False)
    assert "other requests were answered" in slowest.why
    alike = compared(design(FAILED, SLOWEST), cycles(base, head | {"failed-requests": failed}), 1)
    assert alike.change is Change.WORSE
    assert of(alike, "slowest-answer").decides


def test_a_value_that_is_not_known_leaves_its_reading_open() -> None:
    """With the reason; the other readings are compared."""
    base, head = {"refused-window": CALM, "failed-requests": CALM}, {"refused-window": CALM, "failed-requests": (*CALM[:7], None)}
    done = compared(design(WINDOW, FAILED), cycles(base, head), 1)
    assert done.change is Change.INCONCLUSIVE
    assert of(done, "refused-window").change is Change.SAME
    assert of(done, "failed-requests").why == "not known in 1 of 16 cycles, for example: a gap in the log"
    assert of(done, "failed-requests").value is None


def test_without_enough_evidence_nothing_is_decided() -> None:
    """A doubt, or a lost cycle; the differences are shown all the same."""
    base, head = {"refused-window": CALM}, {"refused-window": shifted(1.0)}
    doubtful = compared(design(WINDOW), cycles(base, head), 1, ["s1-head-2: the clock was set"])
    assert doubtful.change is Change.INCONCLUSIVE
    assert doubtful.reasons == ("s1-head-2: the clock was set",)
    assert of(doubtful, "refused-window").change is Change.WORSE
    lost = compared(design(WINDOW), cycles(base, {"refused-window": head["refused-window"][:7]}), 1)
    assert lost.change is Change.INCONCLUSIVE
    assert lost.reasons == ("S1, head: 7 cycles count, planned were 8",)
    alone = compared(design(WINDOW), cycles(base, {"refused-window": head["refused-window"][:4]}), 1)
    assert "S1: cycles of one arm have none of the other beside them" in alone.reasons
    assert of(alone, "refused-window").value is None
    nothing = compared(design(WINDOW), [], 1)
    assert nothing.change is Change.INCONCLUSIVE


def simulated(rng: np.random.Generator, looks: int) -> list[ComparedCycle]:
    """Cycles of two equal arms, six an arm and look."""
    base, head = (tuple(rng.normal(5, 1, 6 * looks)) for _ in range(2))
    return cycles({"refused-window": base}, {"refused-window": head}, each=3)


def test_looking_three_times_keeps_the_error_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal arms, a margin of almost nothing, alpha 20 % so that few simulations suffice.

    To look three times at the whole of alpha would exceed it.
    """
    monkeypatch.setattr(arrangements, "MOST", 1000)
    monkeypatch.setattr(arrangements, "DRAWS", 999)
    rng = np.random.default_rng(7)
    planned = replace(WINDOW, margin=1e-9)
    plan, careless = design(planned, cycles=6, looks=3, alpha=0.2), design(planned, cycles=6, looks=1, alpha=0.2)
    kept = exceeded = 0
    runs = 250
    for _ in range(runs):
        seen = simulated(rng, 3)
        calls = [compared(plan, seen, look).differences[0].change for look in (1, 2, 3)]
        kept += bool({Change.BETTER, Change.WORSE} & set(calls))
        naive = [compared(careless, seen, look).differences[0].change for look in (1, 2, 3)]
        exceeded += bool({Change.BETTER, Change.WORSE} & set(naive))
    assert binomtest(kept, runs).proportion_ci(0.99).low <= 0.2
    assert binomtest(exceeded, runs).proportion_ci(0.99).low > 0.2


def test_a_look_reads_only_the_cycles_until_then() -> None:
    """Later ones change nothing of it."""
    rng = np.random.default_rng(8)
    seen = simulated(rng, 2)
    plan = design(WINDOW, cycles=6, looks=2)
    assert compared(plan, seen, 1) == compared(plan, [one for one in seen if one.look == 1], 1)
    assert len(compared(plan, seen, 2).differences[0].base) == 12
    assert {one.arm for one in seen} == {BASE, HEAD}
