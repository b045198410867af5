"""One reading in both arms: the difference with its intervals, its p-value, and what can be detected.

A number is better or worse if its difference is shown to be larger than the margin: the test is against the margin and not against
zero, so that a real but small difference is not called a regression. It is the same if the difference is shown to be smaller than
the margin in both directions (two one-sided tests; Schuirmann 1987). A claim has the values 0 and 1, which no shift describes. Its
test is the exact one against "no difference" (Fisher's, within strata), and its interval is made of the exact intervals of Clopper
and Pearson of the two shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.compare.arrangements import Arrangements, Stratum, arrangements
from harness.model import Change, Interval, Planned

Bounds: TypeAlias = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Levels:
    """The error probabilities of one look. tests: how many readings were planned."""

    alpha: float
    alpha_same: float
    power: float
    tests: int


@dataclass(frozen=True, slots=True)
class Tested:
    """p: of the two-sided test for better or worse, uncorrected. more: head's mean is the larger one. not_above, not_below: the
    difference is shown to be less than the margin, more than minus the margin. Rest as in `Difference`.
    """

    value: float
    interval: Interval
    within: Interval
    p: float
    more: bool
    not_above: bool
    not_below: bool
    detectable: float | None


def tested(planned: Planned, strata: Sequence[Stratum], levels: Levels) -> Tested:
    """This reading. strata: none without a value of either arm."""
    return _share(planned, strata, levels) if planned.share else _number(planned, strata, levels)


def change_of(planned: Planned, done: Tested, corrected: float, alpha: float) -> Change:
    """What the reading says. corrected: its p-value, corrected for all planned readings. alpha: of this look."""
    large = not planned.share or abs(done.value) > planned.margin
    if corrected <= alpha and large:
        return Change.WORSE if done.more is planned.less_is_better else Change.BETTER
    return Change.SAME if done.not_above and done.not_below else Change.INCONCLUSIVE


def is_not_worse(planned: Planned, done: Tested) -> bool:
    """Whether head is shown not to be worse by more than the margin; it may be better."""
    return done.not_above if planned.less_is_better else done.not_below


def _number(planned: Planned, strata: Sequence[Stratum], levels: Levels) -> Tested:
    found, margin = arrangements(strata), planned.margin
    above, below = found.p_above(margin), found.p_below(-margin)
    within = (found.lower(levels.alpha_same), found.upper(levels.alpha_same))
    return Tested(
        value=round(found.value, 9),  # of a mean of numbers that are known to three digits
        interval=_interval(1 - levels.alpha, (found.lower(levels.alpha / 2), found.upper(levels.alpha / 2))),
        within=_interval(1 - 2 * levels.alpha_same, within),
        p=min(1.0, 2 * min(above, below)),
        more=above < below,
        not_above=found.p_below(margin) <= levels.alpha_same,
        not_below=found.p_above(-margin) <= levels.alpha_same,
        detectable=_detectable(found, margin, levels),
    )


def _detectable(found: Arrangements, margin: float, levels: Levels) -> float | None:
    """A true difference of this size lies above the margin by the half-width of the interval at the corrected level, and by as
    much as the estimate falls short with the probability 1 - power. Both are read from the arrangements.
    """
    level = levels.alpha / (2 * levels.tests)
    lower, upper = found.lower(level), found.upper(level)
    if lower is None or upper is None:
        return None
    return margin + max(found.value - lower, upper - found.value) + max(0.0, found.noise(levels.power))


def _share(planned: Planned, strata: Sequence[Stratum], levels: Levels) -> Tested:
    found = arrangements(strata)
    above, below = found.p_above(0.0), found.p_below(0.0)
    base = [value for one in strata for value in one.base]
    head = [value for one in strata for value in one.head]
    lo, hi = _of_shares(base, head, 1 - levels.alpha_same)
    return Tested(
        value=round(found.value, 9),  # of a mean of numbers that are known to three digits
        interval=_interval(1 - levels.alpha, _of_shares(base, head, 1 - levels.alpha / 2)),
        within=_interval(1 - 2 * levels.alpha_same, (lo, hi)),
        p=min(1.0, 2 * min(above, below)),
        more=above < below,
        not_above=hi < planned.margin,
        not_below=-planned.margin < lo,
        detectable=_detectable_share(strata, levels),
    )


def _of_shares(base: Sequence[float], head: Sequence[float], confidence: float) -> tuple[float, float]:
    """Bounds of head's share minus base's. Each share lies in its interval with this confidence, half of the rest on either side;
    the difference then lies above the lower bound with at least this confidence, and below the upper one likewise (Bonferroni).
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that only a comparison pays for

    one, other = (binomtest(round(sum(values)), len(values)).proportion_ci(confidence, method="exact") for values in (base, head))
    return float(other.low) - float(one.high), float(other.high) - float(one.low)


def _detectable_share(strata: Sequence[Stratum], levels: Levels) -> float | None:
    """The smallest share of head's cycles, evenly spread over the strata, that is called worse than a base without any."""
    cycles = sum(len(one.head) for one in strata)
    for broken in range(1, cycles + 1):
        tried, before = [], 0
        for one in strata:
            after = before + len(one.head)
            number = broken * after // cycles - broken * before // cycles
            tried.append(Stratum((0.0,) * len(one.base), (1.0,) * number + (0.0,) * (len(one.head) - number)))
            before = after
        if levels.tests * 2 * arrangements(tried).p_above(0.0) <= levels.alpha:
            return broken / cycles
    return None


def _interval(confidence: float, bounds: Bounds) -> Interval:
    return Interval(round(confidence, 12), *bounds)
