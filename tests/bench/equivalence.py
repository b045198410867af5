"""Equivalence of two arms of a measurement: two one-sided tests (TOST), both of Welch's t-test by scipy; the larger p-value counts.

Each value of an arm is that of one counted cycle. The arms are equivalent if both tests reject, at ALPHA, that the difference of
their means is as large as the margin, and if the second arm has not many more voided cycles than the first.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl
from scipy import stats

from harness.analyse import analyse
from harness.model import CycleFindings, History, Outcome

ALPHA = 0.05
ENOUGH = 12
"""Counted cycles of each arm."""

MORE_VOIDED = 0.10
"""So much higher may the share of voided cycles be in the second arm."""


def window_s(_history: History, cycle: CycleFindings) -> float | None:
    """From the first to the last refused request; None without one."""
    if cycle.refused_window is None:
        return None
    first_ns, last_ns = cycle.refused_window
    return (last_ns - first_ns) / 1e9


def log_refused(_history: History, cycle: CycleFindings) -> float | None:
    """Logarithm of the number of refused requests; None without one."""
    refused = cycle.by_cause.get("refused-dial", 0)
    return math.log(refused) if refused else None


def p99_ms(history: History, cycle: CycleFindings) -> float:
    """99th percentile of the latency of good answers, from the intended time."""
    good = history.requests.filter((pl.col("cycle") == cycle.index) & (pl.col("outcome") == Outcome.OK.value))
    return float(good.select(((pl.col("done_ns") - pl.col("intended_ns")) / 1e6).quantile(0.99)).item())


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared in one scenario. margin: of the difference of the means of `of`. of: None for a cycle without a value."""

    words: str
    of: Callable[[History, CycleFindings], float | None]
    margin: float


@dataclass
class Sample:
    """The cycles of one arm. values: of those that count. doubted: runs whose counted cycles were not taken, with their doubts.

    nothing: counted cycles in which there was nothing to measure. Two arms in which the fault has no effect show no equivalence.
    """

    values: list[float] = field(default_factory=list)
    voided: list[str] = field(default_factory=list)
    doubted: list[str] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)

    def add(self, history: History, of: Callable[[History, CycleFindings], float | None]) -> None:
        """The cycles of a run: of one with a doubt, such as a fault that did not land, only the voided ones."""
        findings, run_id = analyse(history), history.meta.run_id
        self.voided += [str(cycle.voided) for cycle in findings.cycles if cycle.voided]
        if findings.doubts:
            self.doubted.append(f"{run_id}: {'; '.join(map(str, findings.doubts))}")
            return
        for cycle in findings.cycles:
            if cycle.voided:
                continue
            value = of(history, cycle)
            if value is None:
                self.nothing.append(f"{run_id}: cycle {cycle.index}")
            else:
                self.values.append(value)

    @property
    def share_voided(self) -> float:
        """Of all its cycles."""
        return len(self.voided) / max(len(self.voided) + len(self.values), 1)


@dataclass(frozen=True, slots=True)
class Equivalence:
    """difference: the second arm minus the first one, of the means, with its interval at 1 - 2 ALPHA. p: the larger of the two."""

    difference: float
    interval: tuple[float, float]
    p: float

    @property
    def shown(self) -> bool:
        """Whether both tests reject that the difference is as large as the margin."""
        return self.p < ALPHA


def equivalence(first: Sequence[float], second: Sequence[float], margin: float) -> Equivalence:
    """TOST by Welch's t-test: the difference is shown to be above -margin, and to be below margin."""
    difference = float(stats.tmean(second) - stats.tmean(first))
    if len(set(first)) == len(set(second)) == 1:  # scipy has no variance to test with
        return Equivalence(difference, (difference, difference), 0.0 if abs(difference) < margin else 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of one arm whose values are all the same, which is no fault of the data
        above = stats.ttest_ind([value + margin for value in second], first, equal_var=False, alternative="greater")
        below = stats.ttest_ind([value - margin for value in second], first, equal_var=False, alternative="less")
        lo, hi = stats.ttest_ind(second, first, equal_var=False).confidence_interval(1 - 2 * ALPHA)
    return Equivalence(difference, (float(lo), float(hi)), float(max(above.pvalue, below.pvalue)))


def verdict_lines(head: str, measure: Measure, first: Sample, second: Sample) -> tuple[list[str], int]:
    """The lines to print, and the exit code: 0 equivalent, 1 not shown, 2 too few cycles, or one without a value.

    head: names the two arms.
    """
    counts = f"{len(first.values)} and {len(second.values)} cycles"
    head = f"{head}, {measure.words}: {counts}; voided {first.share_voided:.0%} and {second.share_voided:.0%}"
    left_out = [f"  not taken: {why}" for why in (*first.doubted, *second.doubted)]
    if nothing := [*first.nothing, *second.nothing]:
        return [f"{head}: REFUSED, no request was refused in: {', '.join(nothing)}", *left_out], 2
    if min(len(first.values), len(second.values)) < ENOUGH:
        return [f"{head}: TOO FEW, {ENOUGH} of each are needed", *left_out], 2
    found = equivalence(first.values, second.values, measure.margin)
    fine = found.shown and second.share_voided - first.share_voided <= MORE_VOIDED
    lo, hi = found.interval
    means = f"means {stats.tmean(first.values):.4g} and {stats.tmean(second.values):.4g}"
    tested = f"difference {found.difference:+.4g} [{lo:+.4g}, {hi:+.4g}], margin {measure.margin:.4g}, p {found.p:.3g}"
    voided = [*(f"  voided: {why}" for why in (*first.voided, *second.voided)), *left_out]
    return [f"{head}: {means}, {tested}: {'EQUIVALENT' if fine else 'NOT SHOWN'}", *voided], 0 if fine else 1
