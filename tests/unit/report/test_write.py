"""The files of a report, and where they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HistoryError
from harness.report.write import artifacts, write, write_svg


def files(directory: Path) -> dict[str, bytes]:
    """Name -> content of all files."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_three_files_and_the_summary_are_written(s1: Any, tmp_path: Path) -> None:
    """What is returned is what lies in the file."""
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    found = write(tmp_path, s1.history, s1.findings, s1.verdict)
    assert sorted(files(tmp_path)) == ["junit.xml", "report.html", "run.json", "summary.json"]
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == found
    assert found["artifacts"]["run"] == "run.json"


def test_writing_again_changes_nothing(troubled: Any, tmp_path: Path) -> None:
    """The files of the first time do not find their way into the second; hostile text is fit for UTF-8."""
    write(tmp_path, troubled.history, troubled.findings, troubled.verdict)
    before = files(tmp_path)
    write(tmp_path, troubled.history, troubled.findings, troubled.verdict)
    assert files(tmp_path) == before


def test_the_artifacts_are_those_of_the_run(tmp_path: Path) -> None:
    """Tables once, raw logs one by one, nothing hidden, nothing linked, nothing of somebody else."""
    for name in ("run.json", "requests.jsonl", "requests.parquet", "gaps.jsonl", ".lock.json", "notes.txt"):
        (tmp_path / name).touch()
    for folder in ("raw/pod-1", "load/cycle-000", "mine"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "raw" / "pod-1" / "queue-proxy.0.log").touch()
    (tmp_path / "latest.json").symlink_to(tmp_path / "run.json")
    assert artifacts(tmp_path) == {
        "summary": "summary.json",
        "report": "report.html",
        "junit": "junit.xml",
        "run": "run.json",
        "requests": "requests.parquet",
        "gaps": "gaps.jsonl",
        "load": "load/",
        "raw": "raw/",
        "raw/pod-1/queue-proxy.0.log": "raw/pod-1/queue-proxy.0.log",
    }


def test_a_directory_that_is_not_there_is_one_clear_error(s1: Any, tmp_path: Path) -> None:
    """Nothing is made in its place."""
    with pytest.raises(HistoryError, match="no such run directory"):
        write(tmp_path / "none", s1.history, s1.findings, s1.verdict)
    assert not (tmp_path / "none").exists()


def test_a_file_that_cannot_be_written_leaves_the_old_one(s1: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole new text or the whole old one, and no temporary file."""
    (tmp_path / "summary.json").write_text("old", encoding="utf-8")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(HistoryError, match="No space left on device"):
        write(tmp_path, s1.history, s1.findings, s1.verdict)
    assert files(tmp_path) == {"summary.json": b"old"}


def test_the_picture_is_written_whole_where_one_wants_it(s1: Any, tmp_path: Path) -> None:
    """Anywhere; a directory that is not there is one clear error."""
    found = write(tmp_path, s1.history, s1.findings, s1.verdict)
    write_svg(tmp_path / "timeline.svg", s1.history, s1.findings, found)
    assert (tmp_path / "timeline.svg").read_text(encoding="utf-8").endswith("</svg>")
    with pytest.raises(HistoryError, match=r"x\.svg cannot be written"):
        write_svg(tmp_path / "none" / "x.svg", s1.history, s1.findings, found)
