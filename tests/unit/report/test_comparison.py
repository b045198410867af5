"""The page of a comparison of two builds."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.compare import compared
from harness.model import BASE, HEAD, ArmResult, Block, Design, Experiment, RefusedTrace, Stack
from harness.report import write_comparison
from harness.report.comparison import FOREST_LEFT, FOREST_RIGHT, chart, forest, page
from tests.unit.compare.kit import BROKEN, FAILED, SLOWEST, WINDOW, cycles, design

CALM = (5.16, 5.22, 5.20, 5.16, 5.26, 5.19, 5.23, 5.17)
HOSTILE = "</style><script>alert(1)</script><img src=x onerror='x'>\x1b[31m\u202e&lt;"
STACK = Stack("1.23.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.25", (), ())
TRACES = tuple(
    RefusedTrace("S1", arm, f"s1-{arm}-1", cycle, tuple(start + n / 50 for n in range(250)))
    for arm, start in ((BASE, 3.2), (HEAD, 3.9))
    for cycle in range(2)
)


def experiment(plan: Design | None = None, **reasons: tuple[str, ...]) -> Experiment:
    """Head refuses for a second longer, its slowest answer does not decide."""
    plan = plan or design(WINDOW, BROKEN, FAILED, SLOWEST)
    base = {"refused-window": CALM, BROKEN.reading: (1.0,) * 8, "failed-requests": CALM, "slowest-answer": CALM}
    head = {**base, "refused-window": [one + 1 for one in CALM], "failed-requests": [one + 50 for one in CALM]}
    done = compared(plan, cycles(base, head), 1, **reasons)
    arms = tuple(ArmResult(f"s1-{arm}", "id", "S1", STACK) for arm in (BASE, HEAD))
    blocks = (Block("s1-base", 1, 2, 7, run="s1-base-1", look=1, placement=1, cluster="diff-1"),)
    return Experiment("0a1b2c3d", "S1-diff", "title", 1, 42, arms, blocks, design=plan, comparisons=(done,))


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element; no attribute of it may be a program."""
        self.found.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        """The text between."""
        self.said += data


def test_the_page_says_what_head_is_and_shows_every_reading() -> None:
    """With base, head, difference and margin; which do not decide; the blocks with links to their reports."""
    text = page(experiment(), TRACES)
    said = Elements(text).said
    assert "WORSE: Knative 1.23 compared with 1.16: S1 refused-window; S1 failed-requests" in said
    assert "8 cycles of each arm and scenario; look 1 of 1" in said
    for reading in (WINDOW, BROKEN, FAILED, SLOWEST):
        assert reading.reading in said
    assert "does not decide" in said
    assert "+0.5" in said or "0.5" in said
    assert 'href="s1-base-1/report.html"' in text
    assert "99.5 % interval" in said
    assert "90 % interval" in said


def test_text_of_others_is_escaped_and_nothing_runs() -> None:
    """From a build's name, a reason, a run, a stack: no element and no attribute of the page comes from it."""
    plain = Elements(page(experiment(), TRACES))
    plan = replace(design(WINDOW, BROKEN, FAILED, SLOWEST), base=HOSTILE, head=HOSTILE)
    made = experiment(plan, reasons=(HOSTILE,))
    made = replace(
        made,
        name=HOSTILE,
        arms=tuple(replace(arm, label=HOSTILE, stack=replace(STACK, knative=HOSTILE)) for arm in made.arms),
        blocks=tuple(replace(block, run=HOSTILE, ended=HOSTILE, cluster=HOSTILE) for block in made.blocks),
    )
    text = page(made, [replace(one, run=HOSTILE) for one in TRACES])
    hostile = Elements(text)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "script" not in hostile.found
    assert "img" not in hostile.found
    assert sorted(set(hostile.found)) == sorted({*plain.found, "ul", "li", "b"})
    assert "<script>alert(1)" in hostile.said


def test_the_page_may_load_nothing_and_run_nothing() -> None:
    """Its policy, and no address but of the runs beside it."""
    text = page(experiment(), TRACES)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src &#39;none&#39;" in policy
    assert "script-src" not in policy
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert not re.findall(r"style=|url\(http", text)


def test_pictures_are_well_formed() -> None:
    """Each can be read as XML."""
    for picture in re.findall(r"<svg.*?</svg>", page(experiment(), TRACES), re.DOTALL):
        ET.fromstring(picture)  # noqa: S314 - made here


def test_a_cycle_is_one_line_that_ends_at_its_number_of_refused_requests() -> None:
    """Both arms on the same axes; it rises and never falls."""
    found = chart(TRACES)
    assert found is not None
    assert (found.base, found.head, [line.arm for line in found.lines]) == (2, 2, [BASE, BASE, HEAD, HEAD])
    for line in found.lines:
        points = [tuple(map(float, point.split(","))) for point in line.points.split()]
        heights = [height for _, height in points]
        assert heights == sorted(heights, reverse=True)
        assert heights[0] == found.bottom
        top = next(tick.at for tick in found.y_ticks if tick.text == "250")
        assert heights[-1] == pytest.approx(top, abs=0.2)
        assert all(found.left <= at <= found.right for at, _ in points)
    starts = {line.arm: next(at for at, height in points_of(line.points) if height < found.bottom) for line in found.lines}
    assert starts[BASE] < starts[HEAD]


def points_of(text: str) -> list[tuple[float, float]]:
    """Of a polyline."""
    return [(float(at), float(height)) for at, height in (point.split(",") for point in text.split())]


@pytest.mark.parametrize("traces", [(), (RefusedTrace("S1", BASE, "r", 0, ()),)])
def test_without_a_refused_request_there_is_no_chart(traces: tuple[RefusedTrace, ...]) -> None:
    """The page says so."""
    assert chart(traces) is None
    assert "No request was refused" in page(experiment(), traces)


def test_one_refused_request_can_be_drawn() -> None:
    """At the moment of the fault, or before it."""
    for offset in (0.0, -0.2, 0.004):
        found = chart([RefusedTrace("S1", HEAD, "r", 0, (offset,))])
        assert found is not None
        assert found.y_ticks[-1].text == "1"


def test_an_interval_is_drawn_in_margins() -> None:
    """A second is two margins of half a second; what lies beyond three is cut off, with an arrow."""
    made = experiment()
    (one,) = (each for each in made.comparisons[0].differences if each.planned == WINDOW)
    (row,) = forest([one])["rows"]
    scale = (FOREST_RIGHT - FOREST_LEFT) / 6
    assert row["point"] == pytest.approx(FOREST_LEFT + 5 * scale, abs=0.1)
    assert row["wide"][0] < row["narrow"][0] < row["point"] < row["narrow"][1] < row["wide"][1]
    assert row["arrows"] == []
    assert one.interval is not None
    far = replace(one, value=9.0, interval=replace(one.interval, lo=None, hi=12.0))
    (row,) = forest([far])["rows"]
    assert (row["point"], len(row["arrows"])) == (FOREST_RIGHT, 2)


def test_an_experiment_without_a_comparison_yet_has_a_page(tmp_path: Path) -> None:
    """It is inconclusive; one that compares no builds has none."""
    made = replace(experiment(), comparisons=())
    path = write_comparison(tmp_path, made, ())
    assert path.name == "report.html"
    assert "INCONCLUSIVE" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="compares no builds"):
        page(replace(made, design=None), ())
