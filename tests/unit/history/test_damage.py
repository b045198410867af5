"""Directories that are no history, or no longer one, are refused with one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ExitCode, HistoryError
from harness.history import Recorder, read
from tests.unit.history.kit import load, mark, meta, record, seen


def open_run(artifacts: Path) -> Path:
    """A running history with a row and a request."""
    writer = Recorder.open(artifacts, meta())
    writer.observation(seen(1))
    writer.cycle(mark(0))
    load(writer.load_dir(0), record(0))
    return writer.dir


def closed_run(artifacts: Path) -> Path:
    """The same, closed."""
    with Recorder.open(artifacts, meta()) as writer:
        writer.observation(seen(1))
        load(writer.load_dir(0), record(0))
    return writer.dir


def rewrite(name: str, data: bytes) -> Callable[[Path], None]:
    """Put these bytes in place of a file."""

    def damage(run: Path) -> None:
        (run / name).write_bytes(data)

    return damage


def head(**changed: object) -> Callable[[Path], None]:
    """Change keys of run.json."""

    def change(run: Path) -> None:
        path = run / "run.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")

    return change


def twice(run: Path) -> None:
    """Replace a table by another one."""
    (run / "observations.parquet").write_bytes((run / "requests.parquet").read_bytes())


@pytest.mark.parametrize(
    ("make", "damage", "told"),
    [
        (open_run, lambda run: (run / "run.json").unlink(), "is no run directory: it has no run.json"),
        (open_run, rewrite("run.json", b"{"), "run.json is damaged"),
        (open_run, rewrite("run.json", b"[]"), "something else"),
        (open_run, head(kind="a diary"), "something else"),
        (open_run, head(schema=99), "layout 99; this release reads 1"),
        (open_run, head(meta={}), "run_id is missing"),
        (open_run, rewrite("observations.jsonl", b'{"stream"\n{}\n'), "observations.jsonl, line 1 is damaged"),
        (open_run, rewrite("observations.jsonl", b"{}\n"), "line 1 is damaged: Observation: stream is missing"),
        (open_run, rewrite("observations.jsonl", b"\xff\n"), "line 1 is damaged"),
        (open_run, rewrite("cycles.jsonl", b"[1]\n"), "list where dict belongs"),
        (open_run, rewrite("load/cycle-000/records.bin", bytes(47)), "47 bytes are no whole number of 48"),
        (open_run, rewrite("load/cycle-000/records.bin", b"\xff" * 48), "lane or an outcome"),
        (open_run, rewrite("load/cycle-000/answers.jsonl", b"{}\n"), "index is missing"),
        (open_run, rewrite("load/cycle-000/generator.json", b"{}"), "generator.json is damaged"),
        (closed_run, rewrite("requests.parquet", b"PAR1"), "requests.parquet is damaged or gone"),
        (closed_run, lambda run: (run / "answers.parquet").unlink(), "answers.parquet is damaged or gone"),
        (closed_run, rewrite("closed.json", b"{}"), "closed.json is damaged"),
        (closed_run, rewrite("closed.json", b'{"rows": {"observations": 2}, "notes": []}'), "1 rows, closed.json says 2"),
        (closed_run, twice, "no column stream"),
    ],
)
def test_damage_is_told(tmp_path: Path, make: Callable[[Path], Path], damage: Callable[[Path], None], told: str) -> None:
    """HistoryError, exit code 3, with what is wrong."""
    run = make(tmp_path)
    read(run)
    damage(run)
    with pytest.raises(HistoryError, match=told) as error:
        read(run)
    assert error.value.exit_code is ExitCode.BAD_INPUT_OR_HOST


def test_a_file_is_no_run(tmp_path: Path) -> None:
    """Naming a file, or nothing at all, says how to name a run."""
    (tmp_path / "x").write_text("", encoding="utf-8")
    for place in (tmp_path / "x", tmp_path / "gone"):
        with pytest.raises(HistoryError, match=r"no run directory.*Fix: Name a run directory"):
            read(place)


def test_an_empty_map_is_a_generator_that_never_began(tmp_path: Path) -> None:
    """Killed before the map had its length: no requests, no damage."""
    run = open_run(tmp_path)
    (run / "load" / "cycle-000" / "records.bin").write_bytes(b"")
    assert read(run).requests.is_empty()
