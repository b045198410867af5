"""The layout of a cycle's picture: requests over time, the lanes, the edges of the restart. No markup.

           |  bars: requests by outcome, one bar a bin
           |______________________________________________
    lane   |=======|xxx|========    spans, marks and densities, one row a lane
    edge   |        [-]             one row an edge: a bracket [lo, hi], a diamond where that is too narrow to see
           |-2   0   2   4          seconds since the fault

Coordinates are units of the picture's own grid (its width is `WIDTH`), rounded so that the same run draws the same bytes. Edges and
windows come from the summary, what lies in the lanes from `lanes`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.report import words
from harness.report.lanes import CycleLanes, Lanes
from harness.report.shape import CycleShape, EdgeShape, Summary
from harness.report.tracks import Track
from harness.report.traffic import BINS_S, ORDER, group

WIDTH = 960.0
LEFT, RIGHT = 214.0, 14.0
TOP, CHART = 24.0, 96.0
LANE, ROW = 24.0, 18.0
MAX_BINS = 120
TICKS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
MOST_MARKS = 150
"""Of one lane that are drawn; the page's script draws all."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The requests of one bin, by label, in the order in which they stand on the base line."""

    x: float
    width: float
    counts: tuple[tuple[str, int], ...]

    @property
    def share_failed(self) -> float:
        """0 to 1, to three places."""
        fine = sum(number for label, number in self.counts if group(label) in {"ok", "slow"})
        return round(1 - fine / sum(number for _, number in self.counts), 3)


@dataclass(frozen=True, slots=True)
class OfGroup:
    """What one colour group draws, as one SVG path, or what it stands for, in words."""

    group: str
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """A span of a lane, a gap over it, or a mark in it. word: what fits into it, or ""."""

    tone: str
    x: float
    width: float
    word: str
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """One lane. density: one path. note: what is not drawn."""

    name: str
    plain: str
    y: float
    boxes: tuple[Box, ...]
    dots: tuple[Box, ...]
    density: str
    holes: tuple[Box, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One edge of the restart. kind: fault, probe, kill, listen or other; anchor: where the text stands from x_text."""

    name: str
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
    """The window in which requests were refused. length_s: from the summary."""

    x: float
    width: float
    length_s: float
    x_text: float


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
    shapes: tuple[OfGroup, ...]
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    rate_ticks: tuple[Tick, ...]
    band: Band | None
    zero_x: float
    legend: tuple[OfGroup, ...]
    cells: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    lo_s: float
    hi_s: float

    def x(self, at_s: float) -> float:
        inside = min(max(at_s, self.lo_s), self.hi_s)
        return round(LEFT + (inside - self.lo_s) / (self.hi_s - self.lo_s) * (WIDTH - LEFT - RIGHT), 1)


def timelines(found: Lanes, summary: Summary) -> tuple[Timeline, ...]:
    """One picture a cycle of the lanes, in order. Cycles that count share one time axis, so that they can be compared by eye."""
    cycles = {cycle["index"]: cycle for cycle in summary["cycles"]}
    return tuple(_draw(one, found.labels, cycles[one.index]) for one in found.cycles)


def _draw(one: CycleLanes, labels: Sequence[str], cycle: CycleShape) -> Timeline:
    scale = _Scale(one.lo_s, one.hi_s)
    bin_us, counts = coarser(one, labels, MAX_BINS)
    peak = max((sum(of.values()) for of in counts.values()), default=1)
    bars = tuple(_bar(scale, at * bin_us / 1e6, (at + 1) * bin_us / 1e6, of) for at, of in sorted(counts.items()))
    base = TOP + CHART
    rows = tuple(_row(track, one, scale, base + 10 + LANE * place) for place, track in enumerate(one.tracks))
    below = base + 14 + LANE * len(rows)
    ordered = words.edges(cycle)
    marks = tuple(_mark(scale, name, edge, below + ROW * place) for place, (name, edge) in enumerate(ordered))
    axis = round(below + ROW * len(marks) + 2, 1)
    return Timeline(
        index=one.index,
        origin=one.origin,
        height=axis + 34,
        base_y=base,
        axis_y=axis,
        bin_s=bin_us / 1e6,
        bars=bars,
        shapes=_shapes(bars, peak),
        rows=rows,
        marks=marks,
        ticks=_ticks(scale),
        rate_ticks=(Tick(TOP, f"{peak / bin_us * 1e6:.0f}"), Tick(base, "0")),
        band=_band(cycle, scale),
        zero_x=scale.x(0.0),
        legend=_legend(counts.values()),
        cells=_cells(bars),
    )


def bin_width_us(one: CycleLanes, most: int) -> int:
    """The least width that puts the cycle's bins together into no more than `most`."""
    widths = [round(size * 1e6) for size in BINS_S if round(size * 1e6) % one.traffic.bin_us == 0]
    return next((size for size in widths if (one.hi_s - one.lo_s) * 1e6 / size <= most), widths[-1])


def coarser(one: CycleLanes, labels: Sequence[str], most: int) -> tuple[int, dict[int, dict[str, int]]]:
    """(width in us, bin -> label -> requests): the cycle's bins put together until there are no more than `most`."""
    width = bin_width_us(one, most)
    out: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for at, label, _, number in one.traffic.cells:
        out[at * one.traffic.bin_us // width][labels[label]] += number
    return width, out


def _bar(scale: _Scale, lo_s: float, hi_s: float, counts: Mapping[str, int]) -> Bar:
    x, end = scale.x(lo_s), scale.x(hi_s)
    ordered = sorted(counts.items(), key=lambda item: (ORDER.index(group(item[0])), item[0]))
    return Bar(x, round(max(end - x, 0.5), 1), tuple(ordered))


def _shapes(bars: Iterable[Bar], peak: int) -> tuple[OfGroup, ...]:
    paths: dict[str, list[str]] = defaultdict(list)
    for bar in bars:
        below = 0
        for label, number in bar.counts:
            top = round(TOP + CHART * (1 - (below + number) / peak), 1)
            bottom = round(TOP + CHART * (1 - below / peak), 1)
            paths[group(label)].append(f"M{bar.x:g} {top:g}h{bar.width:g}V{bottom:g}h{-bar.width:g}z")
            below += number
    return tuple(OfGroup(name, "".join(paths[name])) for name in ORDER if name in paths)


def _cells(bars: Iterable[Bar]) -> tuple[tuple[float, float, float], ...]:
    """(x, width, share failed) of the cycle's strip at a glance; neighbours of one share are one cell."""
    out: list[tuple[float, float, float]] = []
    for bar in bars:
        share = bar.share_failed
        if out and out[-1][2] == share and abs(out[-1][0] + out[-1][1] - bar.x) < 0.3:
            out[-1] = (out[-1][0], round(bar.x + bar.width - out[-1][0], 1), share)
        else:
            out.append((bar.x, bar.width, share))
    return tuple(out)


def _row(track: Track, one: CycleLanes, scale: _Scale, y: float) -> Row:
    boxes = []
    for span in track.spans:
        x, end = scale.x(span.from_s), scale.x(span.until_s)
        fits = end - x > 7 * len(span.word) + 8
        boxes.append(Box(span.tone.value, x, round(max(end - x, 0.7), 1), span.word if fits else "", f"{track.name}: {span.text}"))
    dots = []
    for mark in track.marks[:MOST_MARKS]:
        x, end = scale.x(mark.at_s), scale.x(mark.until_s)
        dots.append(Box(mark.tone.value, x, round(end - x, 1), "", f"{track.name}: {mark.text}"))
    over = track.left_out + max(len(track.marks) - MOST_MARKS, 0)
    holes = [
        Box("gap", scale.x(hole.from_s), round(max(scale.x(hole.until_s) - scale.x(hole.from_s), 2.0), 1), "", hole.text)
        for hole in one.holes
        if track.key in hole.tracks
    ]
    empty = not (track.spans or track.marks or track.density)
    note = f"and {words.count(over)} more" if over else "none observed" if empty else ""
    return Row(track.name, track.plain, round(y, 1), tuple(boxes), tuple(dots), _density(track, one, scale, y), tuple(holes), note)


def _density(track: Track, one: CycleLanes, scale: _Scale, y: float) -> str:
    if not track.density:
        return ""
    width = bin_width_us(one, MAX_BINS)
    counts: dict[int, int] = defaultdict(int)
    for at, number in track.density:
        counts[at * one.traffic.bin_us // width] += number
    peak = max(counts.values())
    out = []
    for at, number in sorted(counts.items()):
        x, end = scale.x(at * width / 1e6), scale.x((at + 1) * width / 1e6)
        height = round(3 + (LANE - 9) * number / peak, 1)
        out.append(f"M{x:g} {round(y + LANE - 5 - height, 1):g}h{round(end - x, 1):g}v{height:g}h{round(x - end, 1):g}z")
    return "".join(out)


def label_words(label: str) -> str:
    """An outcome as drawn, in words; "slow" is an answer later than a second."""
    return "answered after 1 s or more" if label == "slow" else words.plain(words.outcome(label))


def _legend(counts: Iterable[Mapping[str, int]]) -> tuple[OfGroup, ...]:
    present = sorted({label for of in counts for label in of})
    out = []
    for name in reversed(ORDER):
        members = [label_words(label) for label in present if group(label) == name]
        if members:
            out.append(OfGroup(name, ", ".join(members)))
    return tuple(out)


def _mark(scale: _Scale, name: str, edge: EdgeShape, y: float) -> Mark:
    lo, hi = edge["offset_s"] or [0.0, 0.0]
    x, end = scale.x(lo), scale.x(hi)
    # To the right of the bracket, else to its left, else, where it fills the picture, inside.
    if end < WIDTH - RIGHT - 150:
        x_text, anchor = end + 9, "start"
    elif x > LEFT + 150:
        x_text, anchor = x - 9, "end"
    else:
        x_text, anchor = (x + end) / 2, "middle"
    label = words.plain(words.edge(name))
    return Mark(
        name=name,
        kind=words.edge_kind(name),
        label=label,
        text=words.offset(lo, hi),
        title=f"{label}: {words.plain(edge['evidence'])} (resolution {words.resolution(edge['resolution_s'])})",
        x=x,
        width=round(end - x, 1),
        point=end - x < 4,
        y=round(y, 1),
        x_text=round(x_text, 1),
        anchor=anchor,
    )


def _band(cycle: CycleShape, scale: _Scale) -> Band | None:
    window = cycle["refused_window_s"]
    if window is None:
        return None
    x, end = scale.x(window[0]), scale.x(window[1])
    # The label stays inside the picture however narrow the window is.
    middle = min(max((x + end) / 2, LEFT + 60), WIDTH - RIGHT - 60)
    return Band(x, round(max(end - x, 1.0), 1), window[1] - window[0], round(middle, 1))


def _ticks(scale: _Scale) -> tuple[Tick, ...]:
    step = next((size for size in TICKS_S if (scale.hi_s - scale.lo_s) / size <= 14), TICKS_S[-1])
    first, last = int(-(-scale.lo_s // step)), int(scale.hi_s // step)
    digits = 1 if step < 1 else 0
    return tuple(Tick(scale.x(n * step), f"{n * step:+.{digits}f}" if n else "0") for n in range(first, last + 1))
