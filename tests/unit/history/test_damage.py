"""Directories that are no history, or no longer one, are refused with one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf, nan
from pathlib import Path

import polars as pl
import pytest

from harness.errors import ExitCode, HistoryError
from harness.history import Recorder, read
from tests.unit.history.kit import REPORT, load, mark, meta, record, seen


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


def table(name: str, *, sums: bool = False, **changed: pl.Expr) -> Callable[[Path], None]:
    """Change columns of a table's file, by one who also takes the sums away, or leaves them."""

    def change(run: Path) -> None:
        path = run / f"{name}.parquet"
        pl.read_parquet(path.read_bytes()).with_columns(**changed).write_parquet(path)
        if not sums:
            told = json.loads((run / "closed.json").read_text(encoding="utf-8"))
            (run / "closed.json").write_text(json.dumps({"rows": told["rows"], "notes": told["notes"]}), encoding="utf-8")

    return change


def report(**changed: object) -> Callable[[Path], None]:
    """Change the generator's report."""
    return rewrite("load/cycle-000/generator.json", json.dumps(REPORT | changed).encode("ascii"))


def spec(**changed: object) -> Callable[[Path], None]:
    """Change what was asked for."""

    def change(run: Path) -> None:
        path = run / "run.json"
        told = json.loads(path.read_text(encoding="utf-8"))
        told["meta"]["spec"] |= changed
        path.write_text(json.dumps(told), encoding="utf-8")

    return change


ANSWER = b'{"index": 0, "status": %s, "body": "", "headers": {}}\n'


FAULT = (
    b'{"cycle": 0, "kind": "%s", "params": {}, "pod": "p", "boot": "b", "sent_ns": 1, "answered_ns": 2, "status": 200, '
    b'"answer": ""}\n'
)


@pytest.mark.parametrize(
    ("make", "damage", "told"),
    [
        (open_run, lambda run: (run / "run.json").unlink(), "is not a run directory: it has no run.json"),
        (open_run, rewrite("run.json", b"{"), "run.json is damaged"),
        (open_run, rewrite("run.json", b"[]"), "something else"),
        (open_run, head(kind="a diary"), "something else"),
        (open_run, head(schema=99), "layout 99; this release reads 8 and older"),
        (open_run, head(meta={}), "missing required field `run_id`"),
        (open_run, spec(fault={"kind": "earthquake"}), "the fault 'earthquake'; this release knows none, liveness"),
        (open_run, rewrite("faults.jsonl", FAULT % b"flood"), "the fault 'flood'"),
        (open_run, rewrite("observations.jsonl", b'{"stream"\n{}\n'), "observations.jsonl, line 1 is damaged"),
        (
            open_run,
            rewrite("observations.jsonl", b"{}\n"),
            "line 1 is damaged: Observation: .* missing required field `stream`",
        ),
        (open_run, rewrite("observations.jsonl", b"\xff\n"), "line 1 is damaged"),
        (open_run, rewrite("cycles.jsonl", b"[1]\n"), "Expected `object`, got `array`"),
        (open_run, rewrite("load/cycle-000/records.bin", bytes(47)), "47 bytes are not a multiple of 48"),
        (open_run, rewrite("load/cycle-000/records.bin", b"\xff" * 48), "lane or an outcome"),
        (open_run, rewrite("load/cycle-000/answers.jsonl", b"{}\n"), "missing required field `index`"),
        (open_run, rewrite("load/cycle-000/generator.json", b"{}"), "generator.json is damaged"),
        (closed_run, rewrite("requests.parquet", b"PAR1"), "requests.parquet is damaged"),
        (closed_run, lambda run: (run / "answers.parquet").unlink(), "answers.parquet is damaged or gone"),
        (closed_run, rewrite("closed.json", b"{}"), "closed.json is damaged"),
        (closed_run, rewrite("closed.json", b'{"rows": {"observations": 2}, "notes": []}'), "1 rows, closed.json says 2"),
        (closed_run, twice, "it is not the file that was written"),
        (
            closed_run,
            table("requests", sums=True, sent_ns=pl.col("sent_ns") - 1),
            "requests.parquet is damaged: it is not the file",
        ),
        (closed_run, table("requests", stream=pl.lit("q")), None),
        (closed_run, table("observations", pod=pl.lit(1)), "no column pod of the expected type"),
        (closed_run, table("requests", done_ns=pl.lit(None, pl.Int64)), "requests.parquet is damaged: 1 rows have no done_ns"),
        (closed_run, table("requests", lane=pl.lit("zz")), "lane is 'zz', which is none of get-keepalive"),
        (closed_run, table("requests", outcome=pl.lit("odd")), "outcome is 'odd'"),
        (closed_run, table("observations", stream=pl.lit("q")), "stream is 'q'"),
        (closed_run, table("observations", payload=pl.lit(None, pl.String)), "1 rows have no payload"),
        *((closed_run, table("answers", headers=pl.lit(text)), "no JSON object of texts") for text in ("{", "[]", '{"a":["b"]}')),
        (closed_run, table("answers", headers=pl.lit("[" * 100_000)), "no JSON object of texts"),
        (open_run, rewrite("load/cycle-000/answers.jsonl", ANSWER % b"null"), "Expected `int`, got `null`"),
        (open_run, rewrite("load/cycle-000/answers.jsonl", ANSWER % (b"9" * 12)), "A row of answers is damaged"),
        (open_run, rewrite("observations.jsonl", b"[" * 100_000 + b"\n"), "line 1 is damaged"),
        *((open_run, report(steal=value), f"steal: {value} is no finite number") for value in (nan, inf, -inf)),
        (open_run, report(steal=10**400), r"Number out of range - at `\$.steal`"),
        (open_run, report(ended_ns=10**30), "ended_ns: a whole number of more than 64 bits"),
        (open_run, report(rate_rps=1e-320), "rate_rps is .*; it must lie between"),
        (open_run, report(rate_rps=-50), "rate_rps is -50; it must lie between"),
        (open_run, spec(match_tolerance_s=nan), "match_tolerance_s: nan is no finite number"),
        (open_run, spec(match_tolerance_s=1e300), "match_tolerance_s is 1e[+]300; it must lie between"),
        (open_run, spec(match_tolerance_s=1e9), "match_tolerance_s is 1e[+]09; it must lie between"),
        (open_run, spec(pacing_max_limit_us=10**400), "more than 64 bits"),
    ],
)
def test_damage_is_told(tmp_path: Path, make: Callable[[Path], Path], damage: Callable[[Path], None], told: str | None) -> None:
    """HistoryError, exit code 3, with what is wrong; None: that is no damage."""
    run = make(tmp_path)
    read(run)
    damage(run)
    if told is None:
        read(run)
        return
    with pytest.raises(HistoryError, match=told) as error:
        read(run)
    assert error.value.exit_code is ExitCode.BAD_INPUT_OR_HOST


def test_a_file_is_no_run(tmp_path: Path) -> None:
    """Naming a file, or nothing at all, says how to name a run."""
    (tmp_path / "x").write_text("", encoding="utf-8")
    for place in (tmp_path / "x", tmp_path / "gone"):
        with pytest.raises(HistoryError, match=r"not a run directory.*Fix: Name a run directory"):
            read(place)


def test_an_empty_map_is_a_generator_that_never_began(tmp_path: Path) -> None:
    """Killed before the map had its length: no requests, no damage."""
    run = open_run(tmp_path)
    (run / "load" / "cycle-000" / "records.bin").write_bytes(b"")
    assert read(run).requests.is_empty()
