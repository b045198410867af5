"""The exact distribution of a difference of means under every arrangement of the arms, within strata.

If head differed from base by a constant shift d and by nothing else, then after the subtraction of d from head's values each
arrangement of the labels "base" and "head" within a stratum would be equally likely. The p-value of a shift d is the share of
arrangements whose difference of means is at least as large as the measured one. It needs no normal distribution and no equal
variances in different strata. Source: Fisher, The Design of Experiments (1935), chapter 3; the interval by inversion of the test:
Garthwaite, Confidence intervals from randomization tests, Biometrics 52 (1996).

scipy enumerates the arrangements of each stratum (`scipy.stats.permutation_test`); strata are independent, so that their
differences add. The difference of an arrangement is linear in d. Each arrangement therefore becomes at least as extreme as the
measured one at one value of d, and every p-value and every bound is a count of these values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]

MOST = 250_000
"""Arrangements that are enumerated; of more, DRAWS are drawn."""

DRAWS = 99_999
"""The measured arrangement is counted beside them, so that no p-value is zero (Phipson and Smyth 2010)."""

SEED = 14980


@dataclass(frozen=True, slots=True)
class Stratum:
    """The values of both arms within which labels may be exchanged. Neither is empty."""

    base: tuple[float, ...]
    head: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Arrangements:
    """value: the measured difference, head minus base, over all strata.

    shifts: for each arrangement but the measured one, the shift from which on it is at least as extreme; in ascending order.
    null: the difference in each arrangement, centred: how far the measured difference may lie from the true one.
    count: arrangements, the measured one (and its repetitions, if they are drawn) included.
    """

    value: float
    shifts: Numbers
    null: Numbers
    count: int
    tolerance: float

    def p_above(self, shift: float) -> float:
        """The p-value of "the difference is `shift` or less" against "it is more"."""
        extreme = int(np.searchsorted(self.shifts, shift + self.tolerance, side="right"))
        return (self.count - len(self.shifts) + extreme) / self.count

    def p_below(self, shift: float) -> float:
        """The p-value of "the difference is `shift` or more" against "it is less"."""
        extreme = len(self.shifts) - int(np.searchsorted(self.shifts, shift - self.tolerance, side="left"))
        return (self.count - len(self.shifts) + extreme) / self.count

    def lower(self, level: float) -> float | None:
        """The lower bound of a one-sided interval with this error probability; None: there are too few arrangements for it."""
        place = self._place(level)
        return None if place is None else float(self.shifts[place])

    def upper(self, level: float) -> float | None:
        """The upper bound likewise."""
        place = self._place(level)
        return None if place is None else float(self.shifts[-1 - place])

    def _place(self, level: float) -> int | None:
        """The bound is the first shift that is not rejected: those before it, and the measured arrangement, are at most `level`."""
        allowed = int(np.floor(level * self.count * (1 + 1e-12))) - (self.count - len(self.shifts))
        return allowed if 0 <= allowed < len(self.shifts) else None

    def noise(self, share: float) -> float:
        """The quantile of the centred difference."""
        return float(np.quantile(self.null, share))


def arrangements(strata: Sequence[Stratum]) -> Arrangements:
    """Of these strata. A stratum weighs as in the least-squares estimate: n·m/(n+m) for n and m cycles.

    More than MOST arrangements are drawn with a fixed seed. Raises ValueError for no stratum or an empty arm.
    """
    if not strata or any(not one.base or not one.head for one in strata):
        raise ValueError("each stratum needs a cycle of either arm")
    weights = np.array([len(one.base) * len(one.head) / (len(one.base) + len(one.head)) for one in strata])
    weights = weights / weights.sum()
    every = [_of_stratum(one) * weight for one, weight in zip(strata, weights, strict=True)]
    value = sum(float(weight * (np.mean(one.head) - np.mean(one.base))) for one, weight in zip(strata, weights, strict=True))
    lines = _joined(every, value)
    differences, moved = lines[:, 0], lines[:, 1]
    other = moved < 1 - 1e-9
    shifts = np.sort((value - differences[other]) / (1 - moved[other]))
    largest = max(abs(number) for one in strata for number in (*one.base, *one.head))
    return Arrangements(value, shifts, differences - value * moved, len(lines), 1e-9 * max(1.0, largest))


def _joined(strata: Sequence[Numbers], value: float) -> Numbers:
    """The sums over strata: all of them, or drawn ones with the measured arrangement first."""
    count = 1
    for one in strata:
        count *= len(one)
    if count <= MOST:
        joined = strata[0]
        for one in strata[1:]:
            joined = (joined[:, None, :] + one[None, :, :]).reshape(-1, 2)
        return joined
    random = np.random.default_rng(SEED)
    drawn = sum(one[random.integers(len(one), size=DRAWS)] for one in strata)
    return np.vstack([[(value, 1.0)], drawn])


@lru_cache(maxsize=4096)
def _of_stratum(one: Stratum) -> Numbers:
    """For each arrangement of the labels: the difference of means, and by how much it moves if head's values move by 1."""
    from scipy.stats import permutation_test  # noqa: PLC0415 - half a second that only a comparison pays for

    head = np.array([one.head, np.ones(len(one.head))])
    base = np.array([one.base, np.zeros(len(one.base))])
    done = permutation_test(
        (head, base),
        lambda left, right, axis: left.mean(axis=axis) - right.mean(axis=axis),
        permutation_type="independent",
        vectorized=True,
        axis=-1,
        n_resamples=MOST,
        rng=np.random.default_rng(SEED),
    )
    made = np.asarray(done.null_distribution, dtype=np.float64).reshape(-1, 2)
    made.flags.writeable = False
    return made
