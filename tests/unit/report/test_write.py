"""The files of a report, and where they go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from harness.errors import HistoryError
from harness.history import read
from harness.report import words
from harness.report.write import OWN, artifacts, write, write_svg

DATA = Path(__file__).parents[2] / "data"


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


def test_the_artifacts_are_those_of_the_layout(s1: Any) -> None:
    """Tables as Parquet of a closed run, as lines of any other; logs, load and further attempts if the history has such."""
    quiet = replace(s1.history, observations=s1.history.observations.clear(), requests=s1.history.requests.clear(), generators={})
    lines = {table: f"{table}.jsonl" for table in ("observations", "gaps", "faults", "phases", "cycles")}
    assert artifacts(quiet, closed=False) == {**OWN, "run": "run.json", **lines}
    logged = replace(s1.history, observations=pl.DataFrame({"stream": ["pods", "log:queue-proxy"]}))
    assert artifacts(logged, closed=False) == {**OWN, "run": "run.json", **lines, "load": "load/", "raw": "raw/"}
    tables = {table: f"{table}.parquet" for table in (*lines, "requests", "answers")}
    assert artifacts(quiet, closed=True) == {**OWN, "run": "run.json", "closed": "closed.json", **tables}
    retried = replace(quiet, attempts=s1.history.requests.clear())
    assert artifacts(retried, closed=True)["attempts"] == "attempts.parquet"


@pytest.mark.parametrize("recording", sorted(DATA.glob("*/run.json")), ids=lambda path: path.parent.name)
def test_they_are_there_and_named_in_words(recording: Path) -> None:
    """Of a real run, beside its own three and the logs, which a recording is without."""
    named = artifacts(read(recording.parent), closed=(recording.parent / "closed.json").is_file())
    template = (Path(words.__file__).parent / "templates" / "report.html.j2").read_text(encoding="utf-8")
    for name, path in named.items():
        assert f'    "{name}": "' in template, name
        assert name in OWN or name == "raw" or (recording.parent / path).exists(), path


def test_what_else_lies_there_changes_nothing(s1: Any, tmp_path: Path) -> None:
    """The same history gives the same bytes, wherever it lies with its logs."""
    bare, full = tmp_path / "bare", tmp_path / "full"
    (bare / "raw").mkdir(parents=True)
    (full / "raw" / "pod-1").mkdir(parents=True)
    for name in ("mine.json", "requests.jsonl", "requests.parquet", "notes.parquet", "raw/pod-1/queue-proxy.0.log"):
        (full / name).touch()
    for place in (bare, full):
        write(place, s1.history, s1.findings, s1.verdict)
    assert {name: files(bare)[name] for name in OWN.values()} == {name: files(full)[name] for name in OWN.values()}


def test_the_page_of_a_copy_without_logs_lists_none(s1: Any, tmp_path: Path) -> None:
    """The summary stays that of the history, byte for byte; the page names only files beside it."""
    line = {"stream": ["log:queue-proxy"], "pod": ["p"], "container": ["queue-proxy"], "payload": ["a line"]}
    logged = replace(s1.history, observations=pl.concat([s1.history.observations, pl.DataFrame(line)], how="diagonal_relaxed"))
    shown = {}
    for name in ("copy", "whole/raw"):
        (tmp_path / name).mkdir(parents=True)
        place = tmp_path / name.removesuffix("/raw")
        shown[name] = write(place, logged, s1.findings, s1.verdict), (place / "report.html").read_text(encoding="utf-8")
    assert shown["copy"][0] == shown["whole/raw"][0]
    assert shown["copy"][0]["artifacts"]["raw"] == "raw"
    assert "<code>raw</code>" in shown["whole/raw"][1]
    assert "grep -rhF" in shown["whole/raw"][1]
    assert "<code>raw</code>" not in shown["copy"][1]
    assert "grep -rhF" not in shown["copy"][1]
    assert "knative-chaos query ." in shown["copy"][1]


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
