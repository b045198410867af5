"""Where things stand in the drawn picture of a cycle."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

import polars as pl

from harness.faults import EDGES
from harness.model import Bracket
from harness.report import timeline, words
from harness.report.lanes import lanes
from harness.report.summary import summary
from harness.report.timeline import CHART, LEFT, MAX_BINS, RIGHT, TOP, WIDTH, Timeline
from harness.report.traffic import BINS_S, group


def drawn(case: Any) -> tuple[Timeline, ...]:
    """The pictures of a case."""
    found = summary(case.history, case.findings, case.verdict, artifacts={})
    return timeline.timelines(lanes(case.history, case.findings.cycles), found)


def with_requests(case: Any, rows: pl.DataFrame) -> Any:
    """The case with other requests."""
    return replace(case, history=replace(case.history, requests=rows))


def only(case: Any, **changes: Any) -> Timeline:
    """The picture of the first cycle with its findings changed."""
    cycle = replace(case.findings.cycles[0], **changes)
    return drawn(replace(case, findings=replace(case.findings, cycles=(cycle,))))[0]


def heights(picture: Timeline) -> dict[float, dict[str, float]]:
    """Place of a bar -> group -> height, read back from the paths."""
    found: dict[float, dict[str, float]] = defaultdict(dict)
    for shape in picture.shapes:
        for x, top, bottom in re.findall(r"M(\S+) (\S+)h\S+?V(\S+?)h\S+?z", shape.text):
            found[float(x)][shape.group] = round(float(bottom) - float(top), 1)
    return found


def test_each_cycle_has_a_picture_on_one_axis(s1: Any) -> None:
    """Cycles can be compared by eye."""
    pictures = drawn(s1)
    assert [picture.index for picture in pictures] == [0, 1, 2, 3, 4]
    assert len({picture.ticks for picture in pictures}) == 1
    assert len({picture.zero_x for picture in pictures}) == 1


def test_every_request_is_in_a_bar(s1: Any) -> None:
    """The numbers of the bars add up to what was sent, by outcome."""
    for picture, cycle in zip(drawn(s1), s1.findings.cycles, strict=True):
        total: dict[str, int] = defaultdict(int)
        for bar in picture.bars:
            for label, number in bar.counts:
                total[label] += number
        assert total == cycle.by_outcome


def test_bars_are_exact_at_their_edges(s1: Any) -> None:
    """Requests planned at the very edge of a bin do not wander: at 50 rps each full bin of cycle 0 holds the same number."""
    assert {sum(number for _, number in bar.counts) for bar in drawn(s1)[0].bars} == {10}
    assert {round(sum(of.values())) for of in heights(drawn(s1)[0]).values()} == {round(CHART)}


def test_failures_stand_on_the_base_line(s1: Any) -> None:
    """In a bar of both, what failed is below what was answered."""
    picture = drawn(s1)[1]
    mixed = [bar for bar in picture.bars if 0 < bar.share_failed < 1]
    assert mixed
    for bar in mixed:
        groups = [group(label) for label, _ in bar.counts]
        assert groups[0] in {"http", "cut"}
        assert groups[-1] == "ok"
        lowest = next(shape.text for shape in picture.shapes if shape.group == groups[0])
        assert re.search(rf"M{bar.x:g} \S+h\S+?V{TOP + CHART:g}h", lowest)


def test_the_band_spans_the_refused_window(s1: Any) -> None:
    """From the first to the last refused request, with its length."""
    picture = drawn(s1)[0]
    band = picture.band
    assert band is not None
    assert round(band.length_s, 6) == 5.48
    edge = next(mark for mark in picture.marks if mark.label == "app stops listening")
    assert abs(edge.x + edge.width - band.x) <= 0.11


def test_edges_stand_in_the_order_of_time(s1: Any) -> None:
    """One row each, so that no two labels collide; by the moment at which each had happened for certain."""
    marks = drawn(s1)[0].marks
    assert [mark.label for mark in marks][:3] == ["fault injected", "first failed probe", "kubelet kills the container"]
    assert [mark.y for mark in marks] == sorted({mark.y for mark in marks})


def test_a_wide_bracket_is_a_bar_and_a_narrow_one_a_point(s1: Any) -> None:
    """An event true to a second is not drawn as if one knew the moment."""
    marks = {mark.label: mark for mark in drawn(s1)[0].marks}
    assert not marks["kubelet kills the container"].point
    assert marks["kubelet kills the container"].text == "+2.00 to +3.00 s"
    assert marks["app gets SIGTERM"].point


def test_an_edge_far_away_does_not_squash_the_picture(s1: Any) -> None:
    """A clock gone wrong is drawn at the margin, with its true value."""
    cycle = s1.findings.cycles[0]
    far = {**cycle.anatomy, "odd": Bracket(0, 1, "a clock at 1970", 1)}
    picture = only(s1, anatomy=far)
    assert picture.ticks == only(s1).ticks
    odd = next(mark for mark in picture.marks if mark.label == "odd")
    assert (odd.x, odd.text[0]) == (LEFT, "-")


def test_everything_stays_inside_the_picture(s1: Any, n1: Any, troubled: Any) -> None:
    """No bar, mark, box or label reaches over the margin."""
    for case in (s1, n1, troubled):
        for picture in drawn(case):
            for bar in picture.bars:
                assert bar.x >= LEFT
                assert bar.x + bar.width <= WIDTH - RIGHT + 0.5
            for mark in picture.marks:
                assert LEFT - 9 <= mark.x <= WIDTH - RIGHT
                assert mark.y < picture.axis_y < picture.height
            for row in picture.rows:
                assert picture.base_y < row.y < picture.axis_y
                for box in (*row.boxes, *row.holes):
                    assert LEFT <= box.x <= box.x + box.width <= WIDTH - RIGHT + 2


def test_a_late_answer_is_drawn_as_slow(s1: Any) -> None:
    """Buffering is not failure, but one wants to see it."""
    rows = s1.history.requests.with_columns(
        done_ns=pl.when(pl.col("seq") < 10).then(pl.col("intended_ns") + 3_000_000_000).otherwise(pl.col("done_ns"))
    )
    picture = drawn(with_requests(s1, rows))[0]
    assert "answered after 1 s or more" in [entry.text for entry in picture.legend]
    assert sum(number for bar in picture.bars for label, number in bar.counts if label == "slow") == 10


def test_a_voided_cycle_does_not_stretch_the_common_axis(s1: Any) -> None:
    """Its picture has an axis of its own."""
    last = (pl.col("cycle") == 1) & (pl.col("seq") == 999)
    rows = s1.history.requests.with_columns(intended_ns=pl.col("intended_ns") + pl.when(last).then(10**11).otherwise(0))
    cycles = tuple(replace(cycle, voided="late" if cycle.index == 1 else "") for cycle in s1.findings.cycles)
    pictures = drawn(replace(with_requests(s1, rows), findings=replace(s1.findings, cycles=cycles)))
    assert pictures[0].ticks == drawn(s1)[0].ticks
    assert pictures[1].ticks != pictures[0].ticks


def test_a_cycle_without_requests_has_no_picture(troubled: Any) -> None:
    """Cycle 5 never came to that."""
    assert [picture.index for picture in drawn(troubled)] == [0, 1, 2, 3, 4]


def test_a_single_request_is_a_picture(s1: Any) -> None:
    """A run stopped at once divides by no zero."""
    rows = s1.history.requests.filter((pl.col("cycle") == 0) & (pl.col("seq") == 0))
    assert drawn(with_requests(s1, rows))[0].bars


def test_a_long_run_keeps_its_number_of_bars(n1: Any) -> None:
    """An hour has no more bars than a minute."""
    rows = n1.history.requests.with_columns(intended_ns=pl.col("intended_ns") + pl.col("seq") * 3_600_000_000)
    picture = drawn(with_requests(n1, rows))[0]
    assert picture.bin_s in BINS_S
    assert len(picture.bars) <= MAX_BINS + 1


def test_neighbours_of_one_share_are_one_cell(s1: Any) -> None:
    """The strip at a glance has a handful of cells, and they cover what the bars cover."""
    picture = drawn(s1)[0]
    assert 3 <= len(picture.cells) <= 8
    covered = sum(width for _, width, _ in picture.cells)
    assert abs(covered - sum(bar.width for bar in picture.bars)) < 0.2 * len(picture.bars)
    assert {share for _, _, share in picture.cells} >= {0.0, 1.0}


def test_each_edge_of_the_analysis_has_words_and_most_a_colour() -> None:
    """Both come with the edge; one of another release is shown by its name."""
    for name, edge in EDGES.items():
        assert (words.edge(name), words.edge_kind(name)) == (edge.words, edge.group)
        assert edge.group in {"fault", "probe", "kill", "listen", "other"}
    plain = {name for name, edge in EDGES.items() if edge.group == "other"}
    assert plain == {name for name in EDGES if name.endswith(("ready", "ready-again"))}
    assert (words.edge("something-new"), words.edge_kind("something-new")) == ("something new", "other")
