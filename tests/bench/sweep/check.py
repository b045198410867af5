"""Whether the fitted model holds on the held-back part, start-up times included. Pure.

Three limits, fixed before the measurement: COVERED of the measured windows lie in their predicted intervals; the median width of
these intervals is at most WIDTH of that of the reference's formula; and of any two configurations whose measured intervals do not
overlap the one that is predicted longer is longer. A part of the configurations or of their cycles decides none of them, and fewer
than PAIRS such pairs say nothing about the order. Beside the first limit stand the cycles in which something was refused, and those
whose interval could have been wrong: where a window of 0, or any window, was predicted, little was at stake.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy import stats

from harness.advise.data import Model
from harness.advise.spans import Span
from tests.bench.page import table
from tests.bench.restarts.costs import Cost
from tests.bench.restarts.intervals import CONFIDENCE, Interval, by_name, cell, interval
from tests.bench.sweep.fit import longest_s, mean_s, predicted
from tests.bench.sweep.reference import by_the_formula
from tests.bench.sweep.setting import Setting
from tests.bench.sweep.table import short

COVERED, WIDTH = 0.9, 0.5

PAIRS = 10
"""Of the 28 that eight configurations have."""

EQUAL_S = 0.02
"""Two means that are closer are predicted as equal: the load has a request every 20 ms, so a window is known no better."""


@dataclass(frozen=True, slots=True)
class Held:
    """One configuration of the held-back part: what was predicted, and the windows of its cycles. mean_s: gives the order.

    longest_s: no window can be longer, whatever the probes do.
    """

    name: str
    setting: Setting
    model: Span
    mean_s: float
    longest_s: float
    formula: tuple[float, float]
    windows_s: tuple[float, ...]

    @property
    def measured(self) -> Interval:
        """The mean window."""
        return interval(self.windows_s)

    def apart(self, other: Held) -> bool:
        """Whether their measured intervals do not overlap. One cycle has no interval."""
        return min(len(self.windows_s), len(other.windows_s)) > 1 and self.measured.apart(other.measured)

    @property
    def inside(self) -> int:
        """How many cycles lie in the interval of the model."""
        return sum(self.model.lo <= one <= self.model.hi for one in self.windows_s)

    @property
    def sharp(self) -> bool:
        """Whether the interval excludes at least half of what is possible; one that excludes nothing is right in any case."""
        return self.model.hi - self.model.lo <= self.longest_s / 2

    @property
    def in_formula(self) -> int:
        """How many lie in that of the formula."""
        return sum(self.formula[0] <= one <= self.formula[1] for one in self.windows_s)


@dataclass(frozen=True, slots=True)
class Checked:
    """The held-back part. wrong, tied: pairs that are apart, and predicted the other way round or as equal. lacking: configurations
    with fewer cycles than the design has.
    """

    held: tuple[Held, ...]
    apart: int
    wrong: tuple[tuple[str, str], ...]
    tied: tuple[tuple[str, str], ...]
    lacking: tuple[str, ...]

    @property
    def cycles(self) -> int:
        """Of all configurations."""
        return sum(len(one.windows_s) for one in self.held)

    @property
    def covered(self) -> float:
        """The share of the cycles in the intervals of the model."""
        return sum(one.inside for one in self.held) / self.cycles

    @property
    def refusing(self) -> tuple[int, int]:
        """(how many of the cycles in which requests were refused are in the intervals, how many of these there are)."""
        windows = [(one.model, window_s) for one in self.held for window_s in one.windows_s if window_s]
        return sum(model.lo <= window_s <= model.hi for model, window_s in windows), len(windows)

    @property
    def sharp(self) -> tuple[int, int]:
        """(how many of the cycles whose interval is sharp lie in it, how many of these there are)."""
        found = [one for one in self.held if one.sharp]
        return sum(one.inside for one in found), sum(len(one.windows_s) for one in found)

    @property
    def width(self) -> float:
        """The median width of the model's intervals over that of the formula's."""
        ours = statistics.median(one.model.hi - one.model.lo for one in self.held)
        return ours / statistics.median(hi - lo for lo, hi in (one.formula for one in self.held))

    @property
    def holds(self) -> bool:
        """Whether all three limits are kept, by all cycles of the design."""
        return self.covered >= COVERED and self.width <= WIDTH and self.in_order and not self.lacking

    @property
    def in_order(self) -> bool:
        """Whether every pair that is apart is predicted in its order, and there are enough of them."""
        return self.apart >= PAIRS and not self.wrong and not self.tied


def checked(settings: Mapping[str, Setting], cycles: Mapping[str, int], costs: Iterable[Cost], model: Model) -> Checked:
    """settings, cycles: of the held-back configurations, by name, and how many cycles each shall have.

    Cycles of others are left out. Raises ValueError if none is left.
    """
    found = by_name(costs)
    held = tuple(
        Held(
            name=name,
            setting=settings[name],
            model=predicted(settings[name], model),
            mean_s=mean_s(settings[name], model),
            longest_s=longest_s(settings[name], model),
            formula=by_the_formula(settings[name]),
            windows_s=tuple(one.refused_s for one in of_name),
        )
        for name, of_name in sorted(found.items())
        if name in settings
    )
    if not held:
        raise ValueError("no configuration of the held-back part was measured")
    lacking = sorted(name for name in settings if len(found.get(name, ())) < cycles[name])
    return Checked(held, *_order(held), tuple(lacking))


Pairs = tuple[tuple[str, str], ...]


def _order(held: Sequence[Held]) -> tuple[int, Pairs, Pairs]:
    pairs = [(one, other) for one, other in combinations(held, 2) if one.apart(other)]
    wrong: list[tuple[str, str]] = []
    tied: list[tuple[str, str]] = []
    for one, other in pairs:
        if abs(one.mean_s - other.mean_s) < EQUAL_S:
            tied.append((one.name, other.name))
        elif (one.mean_s < other.mean_s) != (one.measured.mean < other.measured.mean):
            wrong.append((one.name, other.name))
    return len(pairs), tuple(wrong), tuple(tied)


def markdown(found: Checked) -> str:
    """The three limits, what lacks, and a row for each configuration."""
    rows = [
        (
            short(one.name),
            one.setting.words,
            f"{one.model.lo:.2f} to {one.model.hi:.2f}, mean {one.mean_s:.2f}",
            f"{one.formula[0]:.2f} to {one.formula[1]:.2f}",
            cell(one.measured, 2),
            f"{one.inside} of {len(one.windows_s)}",
            f"{one.in_formula} of {len(one.windows_s)}",
        )
        for one in found.held
    ]
    head = ("held back", "probes", "model, s", "formula, s", "measured, s", "in the model", "in the formula")
    pairs = ", ".join(f"{short(one)} and {short(other)}" for one, other in (*found.wrong, *found.tied))
    inside = sum(one.inside for one in found.held)
    sure = stats.binomtest(inside, found.cycles).proportion_ci(CONFIDENCE)
    (of_refusing, refusing), (of_sharp, sharp) = found.refusing, found.sharp
    share = f"{inside} of {found.cycles} cycles ({found.covered:.0%} [{sure.low:.0%}, {sure.high:.0%}]) in the predicted interval"
    beside = (
        f"Of the {refusing} cycles in which requests were refused, {of_refusing}; of the {sharp} whose interval excludes at least "
        f"half of what is possible, {of_sharp}"
    )
    order = f"{len(found.wrong)} are in the wrong order and {len(found.tied)} predicted as equal{f' ({pairs})' if pairs else ''}"
    limits = (
        (f"{share}; at least {COVERED:.0%}. {beside}", found.covered >= COVERED),
        (f"Median width {found.width:.2f} of the formula's; at most {WIDTH:g}", found.width <= WIDTH),
        (f"Of {found.apart} pairs that do not overlap (at least {PAIRS}), {order}", found.in_order),
    )
    said = [f"- {text}: {_verdict(well, found.lacking)}." for text, well in limits]
    if found.lacking:
        said.append(f"- Cycles lack of: {', '.join(map(short, found.lacking))}.")
    return "\n".join([*said, "", table(head, rows)])


def _verdict(well: bool, lacking: tuple[str, ...]) -> str:
    return "NOT KEPT" if not well else "not decided yet" if lacking else "kept"
