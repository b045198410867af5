"""`knative-chaos scenarios`: the list, and the page of prediction beside measurement."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from harness.catalogue import SCENARIOS
from harness.cli import app


def test_the_list_has_every_scenario() -> None:
    """By name and title."""
    ran = CliRunner().invoke(app, ["scenarios"])
    assert ran.exit_code == 0, ran.output
    assert len(ran.output.splitlines()) == len(SCENARIOS)


def test_the_page_is_written_without_a_cluster_and_keeps_what_was_written_by_hand(tmp_path: Path) -> None:
    """Nothing is stored here: every scenario stands in it, 2 before 10, as not measured. Twice is as once."""
    page = tmp_path / "scenarios.md"
    page.write_text("# By hand\n", encoding="utf-8")
    asked = ["scenarios", "--index", str(page), "--artifacts", str(tmp_path / "none")]
    ran = CliRunner().invoke(app, asked)
    assert ran.exit_code == 0, ran.output
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# By hand\n")
    rows = [line for line in text.splitlines() if line.endswith("| not measured | - | - |")]
    assert len(rows) == len(SCENARIOS)
    places = [text.index(f"| {name}: ") for name in ("S1", "S2", "S10", "S35C", "N1", "N5")]
    assert places == sorted(places)
    CliRunner().invoke(app, asked)
    assert page.read_text(encoding="utf-8") == text


def test_a_page_that_cannot_be_written_and_a_version_that_is_none_are_said(tmp_path: Path) -> None:
    """One line each."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for asked in (["--index", str(tmp_path / "file" / "page.md")], ["--index", str(tmp_path / "page.md"), "--kn-version", "new"]):
        assert CliRunner().invoke(app, ["scenarios", *asked]).exit_code != 0
