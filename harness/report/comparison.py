"""The page of a comparison of two builds: one file that needs nothing else and runs no script.

Both arms over each other, each cycle a line; every reading as a forest plot in units of its margin, and as a table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Any

from markupsafe import Markup

from harness.model import BASE, HEAD, Difference, Experiment, Interval, RefusedTrace
from harness.report.differences import change_line, cycles_line, interval, level, mean
from harness.report.html import asset, environment, page_style, still_policy

WIDTH, LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 1000, 52, 990, 8, 232, 270
STEPS = 240
"""Points of a line."""

FOREST_LEFT, FOREST_RIGHT, ROW = 260, 800, 26
MOST_MARGINS = 3.0
"""A difference of more margins is drawn at the edge, as an arrow."""


@dataclass(frozen=True, slots=True)
class Tick:
    """at: in the drawing. text: beside it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One cycle. points: as SVG has them."""

    arm: str
    points: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Requests refused until each moment. base, head: number of cycles."""

    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    base: int
    head: int
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


def page(experiment: Experiment, traces: Sequence[RefusedTrace]) -> str:
    """The page of this experiment, which compares builds. traces: of the counted cycles. Raises ValueError without a design."""
    design = experiment.design
    if design is None:
        raise ValueError(f"{experiment.name} compares no builds")
    seen = experiment.comparisons[-1] if experiment.comparisons else None
    differences = seen.differences if seen else ()
    style = page_style() + asset("comparison.css")
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            policy=still_policy(style),
            style=Markup(style),  # noqa: S704 - files of ours
            headline=change_line(experiment),
            ruling=experiment.ruling.value,
            cycles=cycles_line(experiment) or "Nothing was compared",
            name=experiment.name,
            design=design,
            reasons=seen.reasons if seen else (),
            parts=[
                _part(
                    scenario,
                    [one for one in differences if one.planned.scenario == scenario],
                    [one for one in traces if one.scenario == scenario],
                )
                for scenario in design.scenarios
            ],
            blocks=experiment.blocks,
            arms=experiment.arms,
            seed=experiment.seed,
        )
    )


def _part(scenario: str, differences: Sequence[Difference], traces: Sequence[RefusedTrace]) -> dict[str, Any]:
    wide = next((one.interval for one in differences if one.interval), None)
    narrow = next((one.within for one in differences if one.within), None)
    return {
        "scenario": scenario,
        "confidence": level(wide),
        "narrow": level(narrow),
        "forest": forest(differences),
        "chart": chart(traces),
        "rows": [_row(one) for one in differences],
    }


def _row(one: Difference) -> dict[str, str]:
    return {
        "reading": one.planned.reading,
        "unit": one.planned.unit,
        "change": one.change.value,
        "why": one.why,
        "base": mean(one.base),
        "head": mean(one.head),
        "value": "unknown" if one.value is None else f"{one.value:+.3g}",
        "interval": interval(one.interval),
        "within": interval(one.within),
        "margin": f"{one.planned.margin:g}",
        "p": "unknown" if one.p is None else f"{one.p:.2g}",
        "corrected": "unknown" if one.corrected is None else f"{one.corrected:.2g}",
        "detectable": "none" if one.detectable is None else f"{one.detectable:.3g}",
        "base_values": _values(one.base),
        "head_values": _values(one.head),
    }


def _values(values: Sequence[float | None]) -> str:
    return ", ".join("unknown" if value is None else f"{value:.4g}" for value in values) or "none"


def chart(traces: Sequence[RefusedTrace]) -> Chart | None:
    """The lines of these cycles on common axes; None without a refused request."""
    last = max((one.offsets_s[-1] for one in traces if one.offsets_s), default=None)
    if last is None:
        return None
    first = min(0.0, *(one.offsets_s[0] for one in traces if one.offsets_s))
    most = max(len(one.offsets_s) for one in traces)
    x_step, y_step = _step(last - first, 8), max(1.0, _step(most, 5))
    right, high = ceil(last / x_step + 1e-9) * x_step, ceil(most / y_step) * y_step

    def x(seconds: float) -> float:
        return round(LEFT + (seconds - first) / (right - first) * (RIGHT - LEFT), 1)

    def y(number: float) -> float:
        return round(BOTTOM - number / high * (BOTTOM - TOP), 1)

    moments = [first + (right - first) * place / STEPS for place in range(STEPS + 1)]
    lines = [
        Line(
            one.arm,
            " ".join(f"{x(at):g},{y(bisect_right(one.offsets_s, at)):g}" for at in moments),
            f"{one.arm}, {one.run}, cycle {one.cycle}: {len(one.offsets_s)} refused",
        )
        for one in traces
    ]
    return Chart(
        lines=tuple(lines),
        x_ticks=tuple(Tick(x(n * x_step), f"{n * x_step:g}") for n in range(round(right / x_step) + 1)),
        y_ticks=tuple(Tick(y(n * y_step), f"{n * y_step:g}") for n in range(round(high / y_step) + 1)),
        base=sum(one.arm == BASE for one in traces),
        head=sum(one.arm == HEAD for one in traces),
    )


def _step(length: float, parts: int) -> float:
    """1, 2 or 5 times a power of ten, so that at most about this many parts make the length."""
    rough = max(length, 1e-3) / parts
    power = 10.0 ** ceil(log10(rough) - 1)
    return next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)


def forest(differences: Sequence[Difference]) -> dict[str, Any]:
    """A row for each reading; its axis is the difference in margins, from -MOST_MARGINS to MOST_MARGINS."""
    bottom = ROW * len(differences) + 6

    def x(margins: float) -> float:
        shown = max(-MOST_MARGINS, min(MOST_MARGINS, margins))
        return round(FOREST_LEFT + (shown + MOST_MARGINS) / (2 * MOST_MARGINS) * (FOREST_RIGHT - FOREST_LEFT), 1)

    rows = []
    for place, one in enumerate(differences):
        y, margin = ROW * place + ROW // 2 + 3, one.planned.margin
        wide, narrow = (_in_margins(each, margin) for each in (one.interval, one.within))
        rows.append(
            {
                "label": one.planned.reading,
                "y": y,
                "change": one.change.value,
                "aside": not one.decides,
                "wide": (x(wide[0]), x(wide[1])) if wide else None,
                "narrow": (x(narrow[0]), x(narrow[1])) if narrow else None,
                "point": None if one.value is None else x(one.value / margin),
                "arrows": _arrows(wide, y),
            }
        )
    marks = (-MOST_MARGINS, -2.0, -1.0, 0.0, 1.0, 2.0, MOST_MARGINS)
    styles = {-1.0: "edge", 1.0: "edge", 0.0: "axis"}
    return {
        "width": WIDTH,
        "height": bottom + 22,
        "bottom": bottom,
        "inside": (x(-1), round(x(1) - x(-1), 1)),
        "words": FOREST_RIGHT + 20,
        "rows": rows,
        "ticks": [{"x": x(mark), "text": f"{mark:+g}" if mark else "0", "style": styles.get(mark, "grid")} for mark in marks],
    }


def _in_margins(one: Interval | None, margin: float) -> tuple[float, float] | None:
    """Without a bound: far away."""
    if one is None:
        return None
    far = 1e9
    return (-far if one.lo is None else one.lo / margin, far if one.hi is None else one.hi / margin)


def _arrows(wide: tuple[float, float] | None, y: int) -> list[str]:
    """Where an interval goes on beyond the axis."""
    if wide is None:
        return []
    found = [f"M {FOREST_LEFT - 8} {y} l 9 -5 v 10 z"] if wide[0] < -MOST_MARGINS else []
    return found + ([f"M {FOREST_RIGHT + 8} {y} l -9 -5 v 10 z"] if wide[1] > MOST_MARGINS else [])
