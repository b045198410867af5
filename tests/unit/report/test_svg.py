"""The timeline as one file of its own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadInput
from harness.report.summary import summary
from harness.report.svg import svg
from tests.unit.report.large import hostile, large


def made(case: Any) -> str:
    """The picture of a case."""
    return svg(case.history, case.findings, summary(case.history, case.findings, case.verdict, artifacts={}))


def test_a_picture_is_well_formed_small_and_needs_nothing(s1: Any, troubled: Any) -> None:
    """As XML, below 200 KiB, without script, link or address; whatever was in the logs."""
    for case in (s1, troubled, hostile(), large(cycles=30, requests=2_000)):
        shown = made(case)
        elements = list(ET.fromstring(shown).iter())  # noqa: S314 - made here
        tags = {element.tag.rpartition("}")[2] for element in elements}
        values = [(name, value) for element in elements for name, value in element.attrib.items()]
        style = next(element.text or "" for element in elements if element.tag.endswith("style"))
        assert tags <= {"svg", "title", "desc", "style", "defs", "pattern", "rect", "path", "text", "tspan", "line", "g"}
        assert len(shown.encode()) < 200 * 1024
        assert not [name for name, _ in values if name.startswith("on") or "href" in name or name == "style"]
        assert not re.findall(
            r"//|url\((?!#p-)|@import", " ".join([style, *(value for name, value in values if name != "data-figure")])
        )


def test_it_shows_the_typical_cycle_and_all_at_a_glance(s1: Any) -> None:
    """The one whose failures are nearest to the median, in both schemes, with the sentence."""
    shown = made(s1)
    assert ">Cycle 2</text>" in shown
    assert len(re.findall(r">cycle \d: \d+ failed</text>", shown)) == 5
    assert "prefers-color-scheme: dark" in shown
    assert "The app was made to fail its liveness probe" in shown


def test_the_same_run_gives_the_same_picture(s1: Any) -> None:
    """To the byte."""
    assert made(s1) == made(s1)


def test_nothing_to_draw_is_said(s1: Any) -> None:
    """A run without a request has no picture."""
    with pytest.raises(BadInput, match="no timeline to draw"):
        made(replace(s1, history=replace(s1.history, requests=s1.history.requests.clear())))


def test_the_picture_in_the_documents_is_one_of_these() -> None:
    """Well-formed, of a real run, and small."""
    path = Path(__file__).parents[3] / "docs" / "timeline.svg"
    shown = ET.parse(path).getroot()  # noqa: S314 - in the repository
    told = next(element.text or "" for element in shown.iter() if element.tag.endswith("desc"))
    assert "The app was made to fail its liveness probe" in told
    assert path.stat().st_size < 200 * 1024
