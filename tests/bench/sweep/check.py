"""Whether the fitted model holds on the held-back part, start-up times included. Pure.

Three limits, fixed before the measurement: COVERED of the measured windows lie in their predicted intervals; the median width of
these intervals is at most WIDTH of that of the reference's formula; and of any two configurations whose measured intervals do not
overlap the one that is predicted longer is longer.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.advise.data import Model
from harness.advise.spans import Span
from tests.bench.page import table
from tests.bench.sweep.costs import Cost
from tests.bench.sweep.fit import mean_s, predicted
from tests.bench.sweep.intervals import Interval, by_name, interval
from tests.bench.sweep.reference import by_the_formula
from tests.bench.sweep.setting import Setting
from tests.bench.sweep.table import cell, short

COVERED, WIDTH = 0.9, 0.5


@dataclass(frozen=True, slots=True)
class Held:
    """One configuration of the held-back part: what was predicted, and the windows of its cycles. mean_s: gives the order."""

    name: str
    setting: Setting
    model: Span
    mean_s: float
    formula: tuple[float, float]
    windows_s: tuple[float, ...]

    @property
    def measured(self) -> Interval:
        """The mean window."""
        return interval(self.windows_s)

    @property
    def inside(self) -> int:
        """How many cycles lie in the interval of the model."""
        return sum(self.model.lo <= one <= self.model.hi for one in self.windows_s)

    @property
    def in_formula(self) -> int:
        """How many lie in that of the formula."""
        return sum(self.formula[0] <= one <= self.formula[1] for one in self.windows_s)


@dataclass(frozen=True, slots=True)
class Checked:
    """The held-back part. wrong, tied: pairs that are apart, and predicted the other way round or as equal."""

    held: tuple[Held, ...]
    apart: int
    wrong: tuple[tuple[str, str], ...]
    tied: tuple[tuple[str, str], ...]

    @property
    def cycles(self) -> int:
        """Of all configurations."""
        return sum(len(one.windows_s) for one in self.held)

    @property
    def covered(self) -> float:
        """The share of the cycles in the intervals of the model."""
        return sum(one.inside for one in self.held) / self.cycles

    @property
    def width(self) -> float:
        """The median width of the model's intervals over that of the formula's."""
        ours = statistics.median(one.model.hi - one.model.lo for one in self.held)
        return ours / statistics.median(hi - lo for lo, hi in (one.formula for one in self.held))

    @property
    def holds(self) -> bool:
        """Whether all three limits are kept."""
        return self.covered >= COVERED and self.width <= WIDTH and not self.wrong and not self.tied


def checked(settings: Mapping[str, Setting], costs: Iterable[Cost], model: Model) -> Checked:
    """settings: of the held-back configurations; cycles of others are left out. Raises ValueError if no cycle is left."""
    held = tuple(
        Held(
            name=name,
            setting=settings[name],
            model=predicted(settings[name], model),
            mean_s=mean_s(settings[name], model),
            formula=by_the_formula(settings[name]),
            windows_s=tuple(one.refused_s for one in cycles),
        )
        for name, cycles in sorted(by_name(costs).items())
        if name in settings
    )
    if not held:
        raise ValueError("no configuration of the held-back part was measured")
    return Checked(held, *_order(held))


Pairs = tuple[tuple[str, str], ...]


def _order(held: Sequence[Held]) -> tuple[int, Pairs, Pairs]:
    pairs = [(one, other) for one, other in combinations(held, 2) if one.measured.apart(other.measured)]
    wrong: list[tuple[str, str]] = []
    tied: list[tuple[str, str]] = []
    for one, other in pairs:
        if one.mean_s == other.mean_s:
            tied.append((one.name, other.name))
        elif (one.mean_s < other.mean_s) != (one.measured.mean < other.measured.mean):
            wrong.append((one.name, other.name))
    return len(pairs), tuple(wrong), tuple(tied)


def markdown(found: Checked) -> str:
    """The three limits, and a row for each configuration."""
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
    order = f"{len(found.wrong)} are in the wrong order and {len(found.tied)} predicted as equal{f' ({pairs})' if pairs else ''}"
    limits = (
        (
            f"{inside} of {found.cycles} cycles ({found.covered:.0%}) in the predicted interval; at least {COVERED:.0%}",
            found.covered >= COVERED,
        ),
        (f"Median width {found.width:.2f} of the formula's; at most {WIDTH:g}", found.width <= WIDTH),
        (f"Of {found.apart} pairs that do not overlap, {order}", not found.wrong and not found.tied),
    )
    said = [f"- {text}: {'kept' if well else 'NOT KEPT'}." for text, well in limits]
    return "\n".join([*said, "", table(head, rows)])
