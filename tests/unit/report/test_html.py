"""The page: complete, self-contained, harmless."""

from __future__ import annotations

import base64
import hashlib
import html as escape
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from harness.report import html as page
from harness.report.page_data import embedded
from harness.report.summary import summary, text
from tests.unit.report.figures import agrees

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and complains of tags that do not match."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed at once."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """It must close the last one opened."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.text.append(data)


PAGES: dict[int, tuple[object, str]] = {}
"""Of each case, by its id; with the case itself, so that no other one gets the id."""


def made(case: Any) -> str:
    """The page of a case, which is written once."""
    if id(case) not in PAGES:
        PAGES[id(case)] = case, anew(case)
    return PAGES[id(case)][1]


def anew(case: Any) -> str:
    """The page of a case."""
    return page.html(case.history, case.findings, summed(case))


def summed(case: Any) -> Any:
    """Its summary."""
    return summary(case.history, case.findings, case.verdict, artifacts={"report": "report.html", "raw": "raw/"})


def read(case: Any) -> Reader:
    """The page as a browser would take it apart."""
    reader = Reader()
    reader.feed(made(case))
    reader.close()
    assert reader.open == []
    return reader


def words_of(reader: Reader) -> str:
    """All text of the page, white space folded."""
    return " ".join(" ".join(reader.text).split())


@pytest.mark.parametrize("name", ["s1", "n1", "troubled"])
def test_the_page_is_whole_and_needs_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    """Every tag is closed, nothing is loaded, nothing but our own script runs, no style stands in an attribute, and it is small."""
    case = request.getfixturevalue(name)
    reader = read(case)
    assert not reader.tags & {"img", "iframe", "link", "object", "embed", "base", "form"}
    asked = {"href", "src", "srcset", "data", "style", "action"}
    assert not [(key, value) for key, value in reader.attributes if key in asked or key.startswith("on")]
    shown = made(case)
    assert not re.findall(r"url\((?!#p-)|@import|https?://(?!www\.w3\.org/2000/svg)", shown)
    assert len(shown.encode()) < 700_000


def test_only_our_own_script_and_style_are_admitted(troubled: Any) -> None:
    """Both by the hash of what stands in the page; a data block is not run, and there is no other script."""
    shown = made(troubled)
    (style,) = re.findall(r"<style>(.*?)</style>", shown, re.DOTALL)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", shown, re.DOTALL)
    assert [attributes for attributes, _ in scripts] == [' type="application/json" id="run"', ""]
    (policy,) = [value for key, value in read(troubled).attributes if key == "content" and "default-src" in value]
    for kind, admitted in (("style", style), ("script", scripts[1][1])):
        digest = base64.b64encode(hashlib.sha256(admitted.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_the_data_cannot_end_its_element() -> None:
    """A tag, a line separator, a lone surrogate and an entity come back as they were, and none is there as such."""
    bad = {"a": "</script><script>alert(1)</script><!--", "b": "\u2028\u2029\udc80&amp;\x00"}
    shown = embedded(bad)
    assert not set("<>&\u2028\u2029\x00") & set(shown)
    assert shown.isascii()
    assert json.loads(shown) == bad


def figures_of(shown: str) -> list[tuple[str, str, str]]:
    """(path, part, text) of every figure of a page."""
    found = re.findall(r'<(?:data|tspan|text)[^>]*data-figure="([^"]*)"(?: data-part="([^"]*)")?[^>]*>([^<]*)<', shown)
    return [(path, part, escape.unescape(text)) for path, part, text in found]


@pytest.mark.parametrize("name", ["s1", "n1", "troubled"])
def test_every_figure_is_the_one_of_the_summary(name: str, request: pytest.FixtureRequest) -> None:
    """Each is read back from the page and compared, to the digits that are shown, with what its path says."""
    case = request.getfixturevalue(name)
    found, figures = json.loads(text(summed(case))), figures_of(made(case))
    assert len(figures) > 50
    assert [one for one in figures if not agrees(found, *one)] == []


def test_a_figure_that_differs_is_noticed(s1: Any) -> None:
    """The comparison can say no: for each kind of figure one that is wrong by its last digit."""
    found = json.loads(text(summed(s1)))
    for path, part, shown in figures_of(made(s1)):
        digits = [place for place, char in enumerate(shown) if char.isdigit()]
        if path.startswith(("ledger", "requests", "cycles", "derived", "generator", "phases")) and digits:
            last = digits[-1]
            wrong = shown[:last] + str((int(shown[last]) + 5) % 10) + shown[last + 1 :]
            assert not agrees(found, path, part, wrong), (path, shown, wrong)


def test_the_right_cells_of_the_tables_are_figures(s1: Any) -> None:
    """No number column holds a number that nobody compares."""
    cells = re.findall(r'<td class="n">(.*?)</td>', made(s1))
    assert len(cells) > 100
    assert [cell for cell in cells if "data-figure" not in cell] == []


def test_hostile_text_is_shown_and_not_obeyed(troubled: Any) -> None:
    """A tag from a log is text, in the body, the title, a drawing and a tooltip."""
    shown = made(troubled)
    assert shown.count("<script") == 2
    assert not any(char in shown for char in "\x00\x1b\u202e\udc80")
    assert '<script>alert("x")</script>' in words_of(read(troubled))


def test_the_verdict_comes_first(s1: Any) -> None:
    """Headline and ruling stand before any table."""
    text = words_of(read(s1))
    assert text.index("REPRODUCED knative/serving #14980 in 5 of 5 cycles") < text.index("Verdict: pass") < text.index("Claims")


def test_both_columns_of_the_ledger_are_there(s1: Any) -> None:
    """Causes and totals on one side, lines on the other."""
    text = words_of(read(s1))
    assert "refused: the container's port was closed 1 385 connection to the container lost in flight 5" in text
    assert "in flight 5 attributed by evidence 1 390" in text
    assert "= failed requests 1 390" in text
    assert "= refused lines in the log 1 385" in text
    assert "does not add up" not in text


def test_a_ledger_that_does_not_add_up_is_marked(s1: Any) -> None:
    """In red, in words."""
    wrong = replace(s1.findings, ledger=replace(s1.findings.ledger, unmatched=2))
    text = words_of(read(replace(s1, findings=wrong)))
    assert "does not add up matched + unmatched = 1387, but refused lines = 1385" in text


def test_each_cycle_has_its_timeline_and_evidence(s1: Any) -> None:
    """Five drawings beside the one of all, each with its marks and the proof that the fault landed."""
    reader = read(s1)
    labels = [value for key, value in reader.attributes if key == "aria-label"]
    assert sum(label.startswith("Cycle ") for label in labels) == 5
    text = words_of(reader)
    assert text.count("seen the container was restarted restartCount 0 -> 1") == 5
    assert "app stops listening" in text


def test_a_voided_cycle_and_one_given_up_say_why(troubled: Any) -> None:
    """Also the one that has no picture."""
    text = words_of(read(troubled))
    assert "does not count: pacing p99 912000 us" in text
    assert f"4 + 1 voided, {troubled.history.meta.spec.replacements} may be replaced + 1 given up cycles counted" in text
    assert "no, voided" in text
    assert "no, given up" in text
    assert "given up: no pod" in text
    assert "replaces 1" in text
    assert "Ignored while reading: a torn line" in text
    assert "plus the lines of 2 cycles not counted" in text


def test_many_cycles_do_not_swell_the_page(s1: Any) -> None:
    """Past the limit the pictures stop, the table goes on, and the page says so."""
    one = s1.findings.cycles[0]
    mark, fault = s1.history.cycles[0], s1.history.faults[0]
    rows = s1.history.requests
    first = rows.filter(rows["cycle"] == 0)
    many = [first.with_columns(cycle=pl.lit(n, pl.Int32)) for n in range(60)]
    history = replace(
        s1.history,
        requests=pl.concat(many),
        cycles=tuple(replace(mark, index=n) for n in range(60)),
        faults=tuple(replace(fault, cycle=n) for n in range(60)),
    )
    case = replace(s1, history=history, findings=replace(s1.findings, cycles=tuple(replace(one, index=n) for n in range(60))))
    shown = made(case)
    assert len(shown.encode()) < 5 * 2**20
    assert "timelines of the last 36 cycles are left out" in shown


def test_a_run_without_a_cycle_is_a_page(s1: Any) -> None:
    """Interrupted before the first one."""
    history = replace(s1.history, cycles=(), faults=(), requests=s1.history.requests.clear(), phases=())
    findings = replace(s1.findings, cycles=())
    text = words_of(read(replace(s1, history=history, findings=findings, verdict=replace(s1.verdict, claims=()))))
    assert "No cycle was finished." in text
    assert "No request was recorded." in text
    assert "No claim was judged." in text


def test_the_grep_of_the_page_counts_requests_and_not_probes(s1: Any, tmp_path: Path) -> None:
    """The command a sceptic pastes, run on a log with two refused requests (one copied twice), a probe and another error."""
    refused = '{"logger":"queueproxy","error":"dial tcp 127.0.0.1:8080: connect: connection refused","n":%d}'
    log = tmp_path / "raw" / "pod" / "queue-proxy.0.log"
    log.parent.mkdir(parents=True)
    lines = [
        refused % 1,
        refused % 2,
        refused % 2,
        "aggressive probe error (failed 3 times): dial tcp 127.0.0.1:8080: connect: connection refused",
        '{"logger":"queueproxy","error":"context canceled"}',
    ]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = next(part for part in re.findall(r"<pre>(.*?)</pre>", made(s1), re.DOTALL) if "grep" in part)
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run([shell, "-c", escape.unescape(command)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


def test_the_same_run_gives_the_same_page(s1: Any) -> None:
    """To the byte."""
    assert anew(s1) == anew(s1)
