"""The cycles of each configuration put together: means with their 95 % intervals, by scipy. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from tests.bench.restarts.costs import Cost

CONFIDENCE = 0.95
LEAST = 2
"""Values that an interval needs."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over cycles, and the interval in which it lies by Student's t; of one cycle, or of equal ones, the value alone."""

    mean: float
    lo: float
    hi: float

    def apart(self, other: Interval) -> bool:
        """Whether the two do not overlap."""
        return self.hi < other.lo or other.hi < self.lo


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Of values that cannot be negative. Raises ValueError without one."""
    if not values:
        raise ValueError("no value has no interval")
    mean = float(stats.tmean(values))
    error = float(stats.sem(values)) if len(values) > 1 else 0.0
    if not error:
        return Interval(mean, mean, mean)
    lo, hi = stats.t.interval(confidence, len(values) - 1, loc=mean, scale=error)
    return Interval(mean, max(0.0, float(lo)), float(hi))


def cell(value: Interval, digits: int) -> str:
    """The mean, and the interval where it is one: "126 [120, 132]"."""
    lo, hi, mean = (f"{number:,.{digits}f}" for number in (value.lo, value.hi, value.mean))
    return mean if lo == hi else f"{mean} [{lo}, {hi}]"


def difference(values: Sequence[float], others: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """The mean of values minus that of others, with its interval by Welch's t; None without two values of each.

    Where neither varies, no interval can be computed, and the difference stands alone.
    """
    if min(len(values), len(others)) < LEAST:
        return None
    mean = float(stats.tmean(values)) - float(stats.tmean(others))
    if not stats.sem(values) and not stats.sem(others):
        return Interval(mean, mean, mean)
    lo, hi = stats.ttest_ind(values, others, equal_var=False).confidence_interval(confidence)
    return Interval(mean, float(lo), float(hi))


def share(hits: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """The share of so many cycles, with the exact interval of Clopper and Pearson. Raises ValueError without a cycle."""
    lo, hi = stats.binomtest(hits, of).proportion_ci(confidence, method="exact")
    return Interval(hits / of, float(lo), float(hi))


@dataclass(frozen=True, slots=True)
class Summed:
    """The cycles of one configuration. not_ready_s: None where it is not known of some cycle."""

    name: str
    cycles: int
    refused: Interval
    refused_s: Interval
    failed_otherwise: Interval
    waited_sum_s: Interval
    waited_max_s: Interval
    not_ready_s: Interval | None


def summed(costs: Iterable[Cost]) -> dict[str, Summed]:
    """By configuration, in the order in which they come."""
    return {name: _summed(name, cycles) for name, cycles in by_name(costs).items()}


def by_name(costs: Iterable[Cost]) -> Mapping[str, list[Cost]]:
    """The cycles of each configuration."""
    found: dict[str, list[Cost]] = {}
    for cost in costs:
        found.setdefault(cost.name, []).append(cost)
    return found


def _summed(name: str, cycles: Sequence[Cost]) -> Summed:
    def of(value: Callable[[Cost], float]) -> Interval:
        return interval([value(cost) for cost in cycles])

    known = [cost.not_ready_s for cost in cycles if cost.not_ready_s is not None]
    return Summed(
        name=name,
        cycles=len(cycles),
        refused=of(lambda cost: cost.refused),
        refused_s=of(lambda cost: cost.refused_s),
        failed_otherwise=of(lambda cost: cost.failed_otherwise),
        waited_sum_s=of(lambda cost: cost.waited_sum_s),
        waited_max_s=of(lambda cost: cost.waited_max_s),
        not_ready_s=interval(known) if len(known) == len(cycles) else None,
    )
