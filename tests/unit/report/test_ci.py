"""The page beside the CI's log."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HistoryError
from harness.model import ArmResult, Experiment, Stack
from harness.report import ci, experiment_lines
from harness.report.summary import summary


def made(case: Any) -> Any:
    """The summary of a case."""
    return summary(case.history, case.findings, case.verdict, artifacts={})


def test_a_row_a_run(s1: Any, n1: Any) -> None:
    """The table comes first; runs that passed are folded away."""
    shown = ci.markdown([made(s1), made(n1)])
    rows = [line for line in shown.splitlines() if "| **pass** |" in line]
    assert [row.split("|")[3].strip() for row in rows] == [
        "REPRODUCED knative/serving &#35;14980 in 5 of 5 cycles",
        "HOLDS in 2 of 2 cycles",
    ]
    assert [row.split("|")[6].strip() for row in rows] == ["1390", "0"]
    assert "<details open>" not in shown


def test_a_run_that_did_not_pass_is_open(troubled: Any) -> None:
    """What one came to read needs no click."""
    assert "<details open>" in ci.markdown([made(troubled)])


def test_hostile_text_cannot_leave_its_cell(troubled: Any, hostile: str) -> None:
    """Each row of a table keeps its number of columns, and no tag, code span or mention is alive."""
    shown = ci.markdown([made(troubled)])
    claims = shown.split("| claim |")[1].split("\n\n")[0].splitlines()[2:]
    assert [line.count("|") for line in claims] == [6, 6, 6]
    assert "<script" not in shown
    assert not any(char in shown for char in "`@\x1b\x00")
    assert not any(char in ci.escaped(hostile) for char in "|<`@[\n")


def test_it_is_appended_to_what_is_there(s1: Any, tmp_path: Path) -> None:
    """Earlier steps have written to the same file."""
    page = tmp_path / "summary.md"
    page.write_text("before\n", encoding="utf-8")
    assert ci.step_summary(made(s1), env={"GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_text(encoding="utf-8") == "before\n" + ci.markdown([made(s1)])


def test_the_environment_of_the_process_is_the_default(s1: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command inside a CI need not pass it on."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    assert ci.step_summary(made(s1))
    assert (tmp_path / "page.md").exists()


def test_outside_a_ci_nothing_is_written(s1: Any) -> None:
    """No variable, no file."""
    assert not ci.step_summary(made(s1), env={})


def test_a_page_that_cannot_be_written_is_one_clear_error(s1: Any, tmp_path: Path) -> None:
    """The reader learns which file and which variable."""
    with pytest.raises(HistoryError, match="GITHUB_STEP_SUMMARY"):
        ci.step_summary(made(s1), env={"GITHUB_STEP_SUMMARY": str(tmp_path / "none" / "x.md")})


def test_an_experiment_is_shown_as_the_terminal_shows_it(tmp_path: Path, hostile: str) -> None:
    """A comparison in a CI has its result on the page, too; no text of it is alive."""
    stack = Stack("1.23.0", "module", "v1.34.4", "kourier", "go1.26", (), ())
    experiment = Experiment("ab12", "S1-compare", hostile, 1, 2, (ArmResult("a", "id", "S1", stack, reasons=(hostile,)),), ())
    page = tmp_path / "page.md"
    page.write_text("before\n", encoding="utf-8")
    assert ci.experiment_step_summary(experiment, env={"GITHUB_STEP_SUMMARY": str(page)})
    shown = page.read_text(encoding="utf-8").removeprefix("before\n## knative-chaos\n\n<pre>\n").removesuffix("\n</pre>\n")
    assert html.unescape(shown).splitlines() == experiment_lines(experiment)
    assert not any(char in shown for char in "<`@\x1b\x00")
    assert not ci.experiment_step_summary(experiment, env={})
