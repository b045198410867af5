"""Where things stand in the picture of a cycle: requests over time, above the edges of the restart. Geometry only, no markup.

           |  bars: requests by outcome, one bar a bin
           |______________________________________________
    label  |        <>            one row an edge: a bar [lo, hi], a mark where that is too narrow to see
           |-2   0   2   4        seconds since the fault

Coordinates are units of the picture's own grid (its width is `WIDTH`), rounded so that the same run draws the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from harness.model import Bracket, CycleFindings, FaultEvent, History
from harness.report import words
from harness.report.summary import origin_ns

WIDTH = 960.0
LEFT, RIGHT = 210.0, 14.0
TOP, CHART = 24.0, 96.0
ROW = 19.0
SLOW_NS = 1_000_000_000
"""An answer later than this after its intended time is drawn as slow: people call a page that takes a second slow."""
MAX_BINS = 120
BINS_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
TICKS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)

GROUPS: Mapping[str, str] = {
    "ok": "ok",
    "slow": "slow",
    "refused": "refused",
    "reset": "cut",
    "closed": "cut",
    "truncated": "cut",
    "malformed": "cut",
    "timeout": "late",
    "unanswered": "late",
    "not-sent": "unsent",
}
"""Outcome as drawn -> colour group; "http-..." is of the group "http", what is not named here as well."""
ORDER = ("http", "refused", "cut", "late", "unsent", "slow", "ok")
"""From the base line upwards: what failed stands on the line, where heights can be compared."""

KINDS: Mapping[str, str] = {
    "fault": "fault",
    "first-failed-probe": "probe",
    "first-good-probe": "probe",
    "first-good-liveness-probe": "probe",
    "first-good-readiness-probe": "probe",
    "first-good-startup-probe": "probe",
    "killing": "kill",
    "sigterm": "kill",
    "listener-closed": "kill",
    "process-gone": "kill",
    "container-created": "listen",
    "container-started": "listen",
    "listening": "listen",
    "first-ok": "listen",
}
"""Edge -> colour; readiness and whatever comes later is neutral."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a bar, in one colour."""

    group: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """The requests of one bin. share_failed: 0 to 1."""

    x: float
    width: float
    title: str
    share_failed: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """One edge of the restart. kind: fault, probe, kill, listen or other; anchor: which side of x_text the text stands on."""

    kind: str
    label: str
    text: str
    title: str
    x: float
    width: float
    point: bool
    y: float
    x_text: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Band:
    """The window in which requests were refused."""

    x: float
    width: float
    label: str
    x_text: float


@dataclass(frozen=True, slots=True)
class Legend:
    """One colour and what it stands for."""

    group: str
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The picture of one cycle. zero_x: where the fault (or the load's start) is. bin_s: seconds a bar stands for."""

    index: int
    origin: str
    height: float
    base_y: float
    axis_y: float
    bin_s: float
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    rate_ticks: tuple[Tick, ...]
    band: Band | None
    zero_x: float
    legend: tuple[Legend, ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    lo_s: float
    hi_s: float

    def x(self, at_s: float) -> float:
        inside = min(max(at_s, self.lo_s), self.hi_s)
        return round(LEFT + (inside - self.lo_s) / (self.hi_s - self.lo_s) * (WIDTH - LEFT - RIGHT), 1)


@dataclass(frozen=True, slots=True)
class _Cycle:
    findings: CycleFindings
    origin_ns: int
    origin: str
    requests: pl.DataFrame
    lo_s: float
    hi_s: float


def timelines(history: History, cycles: tuple[CycleFindings, ...]) -> tuple[Timeline, ...]:
    """One picture a cycle, in order; a cycle without any request or without an origin has none.

    Cycles that count share one time axis, so that they can be compared by eye; a voided one has its own.
    """
    faults = {event.cycle: event for event in history.faults}
    seen = [found for cycle in sorted(cycles, key=lambda c: c.index) if (found := _look(history, cycle, faults.get(cycle.index)))]
    counted = [cycle for cycle in seen if not cycle.findings.voided]
    common = _Scale(min(c.lo_s for c in counted), max(c.hi_s for c in counted)) if counted else None
    out = []
    for cycle in seen:
        own = _Scale(cycle.lo_s, cycle.hi_s)
        out.append(_draw(cycle, own if cycle.findings.voided or common is None else common))
    return tuple(out)


def _look(history: History, cycle: CycleFindings, event: FaultEvent | None) -> _Cycle | None:
    mark = next((mark for mark in history.cycles if mark.index == cycle.index), None)
    origin = origin_ns(mark, event)
    if origin is None:
        return None
    start, name = origin
    rows = history.requests.filter((pl.col("cycle") == cycle.index) & (pl.col("intended_ns") > 0))
    if rows.is_empty():
        return None
    late = (pl.col("outcome") == "ok") & (pl.col("done_ns") - pl.col("intended_ns") >= SLOW_NS)
    http = pl.col("outcome") == "http-error"
    rows = rows.select(
        at_ns=pl.col("intended_ns") - start,
        label=pl.when(late)
        .then(pl.lit("slow"))
        .when(http)
        .then(pl.format("http-{}", pl.col("status")))
        .otherwise(pl.col("outcome")),
    ).sort("at_ns")
    lo, hi = rows["at_ns"][0] / 1e9, rows["at_ns"][-1] / 1e9
    # The load decides what is shown: an edge outside it (a state last seen long before, a wrong clock) is drawn at the margin.
    if 0 < lo <= hi - lo:
        lo = 0.0
    return _Cycle(cycle, start, name, rows, lo, max(hi, lo + 0.1))


def _draw(cycle: _Cycle, scale: _Scale) -> Timeline:
    bin_s = next((size for size in BINS_S if (scale.hi_s - scale.lo_s) / size <= MAX_BINS), BINS_S[-1])
    bars, peak = _bars(cycle, scale, bin_s)
    base = TOP + CHART
    marks = _marks(cycle, scale, base)
    axis = round(base + 8 + ROW * len(marks), 1)
    return Timeline(
        index=cycle.findings.index,
        origin=cycle.origin,
        height=axis + 34,
        base_y=base,
        axis_y=axis,
        bin_s=bin_s,
        bars=bars,
        marks=marks,
        ticks=_ticks(scale),
        rate_ticks=(Tick(TOP, f"{peak / bin_s:.0f}"), Tick(base, "0")),
        band=_band(cycle, scale),
        zero_x=scale.x(0.0),
        legend=_legend(cycle.requests),
    )


def _bars(cycle: _Cycle, scale: _Scale, bin_s: float) -> tuple[tuple[Bar, ...], int]:
    counts: dict[int, dict[str, int]] = {}
    # Whole nanoseconds: a request sent at the very edge of a bin must not fall on either side by a rounding error.
    bins = cycle.requests.with_columns(bin=pl.col("at_ns") // round(bin_s * 1e9))
    grouped = bins.group_by("bin", "label").len().sort("bin", "label")
    for at, label, number in grouped.iter_rows():
        counts.setdefault(at, {})[label] = number
    peak = max(sum(labels.values()) for labels in counts.values())
    bars = []
    for at, labels in counts.items():
        x, end = scale.x(at * bin_s), scale.x((at + 1) * bin_s)
        total = sum(labels.values())
        fine = labels.get("ok", 0) + labels.get("slow", 0)
        said = ", ".join(f"{label_words(label)}: {number}" for label, number in labels.items())
        title = f"{at * bin_s:+.2f} to {(at + 1) * bin_s:+.2f} s: {said}"
        bars.append(Bar(x, round(max(end - x, 0.5), 1), title, round(1 - fine / total, 3), _segments(labels, peak)))
    return tuple(bars), peak


def _segments(labels: Mapping[str, int], peak: int) -> tuple[Segment, ...]:
    out = []
    below = 0
    for group in ORDER:
        number = sum(n for label, n in labels.items() if GROUPS.get(label, "http") == group)
        if number:
            top = round(TOP + CHART * (1 - (below + number) / peak), 1)
            bottom = round(TOP + CHART * (1 - below / peak), 1)
            out.append(Segment(group, top, round(bottom - top, 1)))
            below += number
    return tuple(out)


def label_words(label: str) -> str:
    """An outcome as drawn, in words; "slow" is an answer later than a second."""
    return "answered after 1 s or more" if label == "slow" else words.outcome(label)


def _legend(requests: pl.DataFrame) -> tuple[Legend, ...]:
    totals: dict[str, int] = dict(requests.group_by("label").len().sort("label").iter_rows())
    out = []
    for group in reversed(ORDER):
        members = {label: n for label, n in totals.items() if GROUPS.get(label, "http") == group}
        if members:
            out.append(Legend(group, ", ".join(f"{label_words(label)}: {words.count(n)}" for label, n in members.items())))
    return tuple(out)


def _marks(cycle: _Cycle, scale: _Scale, base: float) -> tuple[Mark, ...]:
    ordered = sorted(cycle.findings.anatomy.items(), key=lambda item: (item[1].lo_ns, item[1].hi_ns, item[0]))
    return tuple(_mark(cycle, scale, name, bracket, base + 8 + ROW * row) for row, (name, bracket) in enumerate(ordered))


def _mark(cycle: _Cycle, scale: _Scale, name: str, bracket: Bracket, y: float) -> Mark:
    lo, hi = (bracket.lo_ns - cycle.origin_ns) / 1e9, (bracket.hi_ns - cycle.origin_ns) / 1e9
    x, end = scale.x(lo), scale.x(hi)
    room = end < WIDTH - RIGHT - 150
    return Mark(
        kind=kind(name),
        label=words.edge(name),
        text=words.offset(lo, hi),
        title=f"{words.edge(name)}: {bracket.evidence} (clock true to {words.resolution(bracket.resolution_ns / 1e9)})",
        x=x,
        width=round(end - x, 1),
        point=end - x < 4,
        y=round(y, 1),
        x_text=round(end + 9 if room else x - 9, 1),
        anchor="start" if room else "end",
    )


def kind(name: str) -> str:
    """The colour of an edge: the fault, a probe, an end, a beginning; "other" for one that has none."""
    return KINDS.get(name, "other")


def _band(cycle: _Cycle, scale: _Scale) -> Band | None:
    window = cycle.findings.refused_window
    if window is None:
        return None
    lo, hi = (window[0] - cycle.origin_ns) / 1e9, (window[1] - cycle.origin_ns) / 1e9
    x, end = scale.x(lo), scale.x(hi)
    # The label stays inside the picture however narrow the window is.
    middle = min(max((x + end) / 2, LEFT + 60), WIDTH - RIGHT - 60)
    return Band(x, round(max(end - x, 1.0), 1), f"refused for {hi - lo:.2f} s", round(middle, 1))


def _ticks(scale: _Scale) -> tuple[Tick, ...]:
    step = next((size for size in TICKS_S if (scale.hi_s - scale.lo_s) / size <= 14), TICKS_S[-1])
    first, last = int(-(-scale.lo_s // step)), int(scale.hi_s // step)
    digits = 1 if step < 1 else 0
    return tuple(Tick(scale.x(n * step), f"{n * step:+.{digits}f}" if n else "0") for n in range(first, last + 1))
