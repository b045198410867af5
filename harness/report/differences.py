"""The comparison of two builds in words: for a terminal, and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from harness.model import Change, Comparison, Difference, Experiment, Interval

CHANGES = {
    Change.WORSE: "WORSE",
    Change.BETTER: "BETTER",
    Change.SAME: "SAME within the margins",
    Change.INCONCLUSIVE: "INCONCLUSIVE",
}


def change_line(experiment: Experiment) -> str:
    """What head is, compared with base, and why it is so: the readings that decide."""
    design, change = experiment.design, experiment.change
    if design is None or not experiment.comparisons:
        return CHANGES[Change.INCONCLUSIVE]
    seen = experiment.comparisons[-1]
    why = "; ".join(_causes(seen))
    return f"{CHANGES[change]}: Knative {design.head} compared with {design.base}" + (f": {why}" if why else "")


def _causes(seen: Comparison) -> list[str]:
    if seen.reasons:
        return list(seen.reasons[:1])
    if seen.change is Change.SAME:
        return []
    return [
        f"{one.planned.scenario} {one.planned.reading}" for one in seen.differences if one.decides and one.change is seen.change
    ]


def cycles_line(experiment: Experiment) -> str:
    """How much was measured."""
    design = experiment.design
    if design is None or not experiment.comparisons:
        return ""
    look = experiment.comparisons[-1].look
    return f"{look * design.cycles} cycles of each arm and scenario; look {look} of {design.looks}"


def comparison_lines(experiment: Experiment) -> list[str]:
    """Every reading with its difference, its interval and its margin; what the evidence lacks."""
    if experiment.design is None or not experiment.comparisons:
        return []
    seen = experiment.comparisons[-1]
    lines = [cycles_line(experiment), *(f"  {reason}" for reason in seen.reasons)]
    return [*lines, *(difference_line(one) for one in seen.differences)]


def difference_line(one: Difference) -> str:
    """Such as "S1 refused-window: same; 5.2 and 5.21 s, difference +0.01, 99.5 % interval [-0.05, +0.06], 90 % interval
    [-0.02, +0.03], margin 0.5; p 1, corrected 1". The first interval is that of better and worse, at the level of this look; the
    second one must lie within the margin for "same".
    """
    head = f"{one.planned.scenario} {one.planned.reading}: {one.change}"
    if one.value is None or one.interval is None or one.p is None or one.corrected is None:
        return f"{head}; {one.why}"
    shown = f"{mean(one.base)} and {mean(one.head)} {one.planned.unit}"
    smallest = "none" if one.detectable is None else f"{one.detectable:.3g}"
    told = f"; {one.why}" if not one.decides else ""
    return (
        f"{head}; {shown}, difference {one.value:+.3g}, {level(one.interval)} {interval(one.interval)}, "
        f"{level(one.within)} {interval(one.within)}, margin {one.planned.margin:g}; "
        f"p {one.p:.2g}, corrected {one.corrected:.2g}; detectable {smallest}{told}"
    )


def mean(values: Sequence[float | None]) -> str:
    """The mean of known values."""
    known = [value for value in values if value is not None]
    return f"{fmean(known):.3g}" if known else "unknown"


def level(one: Interval | None) -> str:
    """Such as "99.5 % interval"."""
    return "interval" if one is None else f"{one.confidence * 100:.4g} % interval"


def interval(one: Interval | None) -> str:
    """Such as "[-0.05, +0.06]"; without a bound where there is none."""
    if one is None:
        return "unknown"
    lo, hi = ("unbounded" if value is None else f"{value:+.3g}" for value in (one.lo, one.hi))
    return f"[{lo}, {hi}]"
