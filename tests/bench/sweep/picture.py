"""The picture of the sweep: for each configuration its refused requests and its added latency, with intervals. Pure.

    F02  readiness same 1/1, ...    |o                |        ---o---
    F10  readiness other 5/3, ...   |   --x--         |o
                                    0   50   100      0   100   200

Rows stand in the order of the table. The shape of the mark says the kind of readiness, the colour only repeats it. Colours of both
schemes, no script, no font, no link. Same numbers, same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.report.html import asset, environment
from tests.bench.restarts.intervals import Interval, Summed
from tests.bench.sweep.design import Configuration
from tests.bench.sweep.table import ranked, readiness, short

TEMPLATE = Path(__file__).with_name("picture.svg.j2")
WIDTH, TOP, ROW = 1120.0, 70.0, 20.0
PANELS = ((430.0, 750.0), (790.0, 1110.0))
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Between the numbers of an axis."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mean with its interval. kind: of readiness, which gives the mark its shape."""

    kind: str
    x: float
    lo: float
    hi: float
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration. marks: one a panel."""

    y: float
    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """What one column shows. ticks: (x, label)."""

    title: str
    left: float
    right: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class _Of:
    title: str
    unit: str
    value: Callable[[Summed], Interval]


SHOWN = (
    _Of("refused requests per restart", "requests", lambda one: one.refused),
    _Of("added latency per restart, seconds over all requests", "s", lambda one: one.waited_sum_s),
)


def svg(configurations: Iterable[Configuration], found: Mapping[str, Summed]) -> str:
    """Of what was measured. Raises ValueError where nothing was."""
    order = ranked(configurations, found)
    if not order:
        raise ValueError("no configuration was measured: there is nothing to draw")
    panels, scales = zip(
        *(_panel(of, ends, [found[one.name] for one in order]) for of, ends in zip(SHOWN, PANELS, strict=True)), strict=True
    )
    rows = [_row(place, one, found[one.name], scales) for place, one in enumerate(order)]
    text = TEMPLATE.read_text(encoding="utf-8")
    return (
        environment()
        .from_string(text)
        .render(
            rows=rows,
            panels=panels,
            width=WIDTH,
            top=TOP,
            bottom=TOP + ROW * len(rows),
            row=ROW,
            kinds=("none", "same", "other"),
            light=asset("light.css"),
            dark=asset("dark.css"),
            style=asset("drawing.css"),
        )
    )


def _panel(of: _Of, ends: tuple[float, float], shown: Sequence[Summed]) -> tuple[Panel, Callable[[float], float]]:
    left, right = ends
    most = max(1.0, *(of.value(one).hi for one in shown))

    def x(value: float) -> float:
        return round(left + (right - left) * min(value, most) / most, 1)

    step = next((size for size in STEPS if most / size <= 6), STEPS[-1])
    ticks = tuple((x(number), f"{number:,}") for number in range(0, int(most) + 1, step))
    return Panel(of.title, left, right, ticks), x


def _row(place: int, one: Configuration, costs: Summed, scales: Sequence[Callable[[float], float]]) -> Row:
    marks = []
    for of, x in zip(SHOWN, scales, strict=True):
        value = of.value(costs)
        said = f"{value.mean:.4g} {of.unit} [{value.lo:.4g}, {value.hi:.4g}], {costs.cycles} cycles"
        title = f"{short(one.name)}: {said}; {one.setting.words}"
        marks.append(Mark(one.setting.readiness, x(value.mean), x(value.lo), x(value.hi), title))
    return Row(TOP + ROW * place, _label(one), tuple(marks))


def _label(one: Configuration) -> str:
    setting = one.setting
    parts = [
        f"{short(one.name)}  readiness {readiness(setting)}",
        f"liveness {setting.liveness_period_s}/{setting.liveness_threshold}",
        f"D {setting.boot_s:g}",
        *([setting.sigterm] if setting.ignores_sigterm else []),
        *(["startup"] if setting.startup else []),
        *([f"{setting.pods} pods"] if setting.pods > 1 else []),
    ]
    return ", ".join(parts)
