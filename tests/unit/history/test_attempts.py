"""Attempts that another one followed: open, closed, torn, and in a history that knows nothing of them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from harness.errors import HistoryError
from harness.history import Recorder, read, seal
from harness.model import ATTEMPT_SHIFT, ATTEMPTS_FILE, FLAG_REUSED, LANES, OUTCOMES, RECORD, Lane, Outcome
from tests.unit.history.kit import T0, load, mark, meta, record


def attempt(seq: int, number: int, outcome: Outcome, *, sent_ns: int) -> bytes:
    """One as the generator writes it."""
    lane, flags = LANES.index(Lane.GET_RETRYING), number << ATTEMPT_SHIFT | FLAG_REUSED
    return RECORD.pack(seq, lane, OUTCOMES.index(outcome), 0, -1, flags, T0, sent_ns, 0, sent_ns + 1)


def filled(artifacts: Path, data: bytes | None) -> Recorder:
    """An open history of one cycle with two requests, and these attempts."""
    writer = Recorder.open(artifacts, meta())
    writer.cycle(mark(0))
    load(writer.load_dir(0), record(0), record(1))
    if data is not None:
        (writer.load_dir(0) / ATTEMPTS_FILE).write_bytes(data)
    return writer


TWO = attempt(1, 1, Outcome.RESET, sent_ns=T0 + 9) + attempt(1, 0, Outcome.REFUSED, sent_ns=T0 + 5)


def test_attempts_are_read_open_and_closed(tmp_path: Path) -> None:
    """In the order sent, each with its number; the same from the records as from the table, which replaces them."""
    writer = filled(tmp_path, TWO)
    running = read(writer.dir).attempts
    writer.close()
    closed = read(writer.dir).attempts
    assert running is not None and closed is not None
    assert running.equals(closed)
    told = closed.select("cycle", "seq", "attempt", "lane", "outcome", "reused").rows()
    assert told == [(0, 1, 0, "get-retrying", "refused", True), (0, 1, 1, "get-retrying", "reset", True)]
    assert [path.name for path in writer.dir.glob("load/*/*.bin")] == []
    assert json.loads((writer.dir / "closed.json").read_text(encoding="utf-8"))["rows"]["attempts"] == 2


def test_a_history_without_them_says_so(tmp_path: Path) -> None:
    """No lane tries again: there is no table, and none is missed; the requests are all there is."""
    writer = filled(tmp_path, None)
    assert read(writer.dir).attempts is None
    writer.close()
    assert read(writer.dir).attempts is None
    assert not (writer.dir / "attempts.parquet").exists()


def test_a_lane_that_had_nothing_to_try_again_has_a_table(tmp_path: Path) -> None:
    """Empty is another thing than none."""
    writer = filled(tmp_path, b"")
    writer.close()
    attempts = read(writer.dir).attempts
    assert attempts is not None and attempts.is_empty()


@pytest.mark.parametrize("closed", [False, True])
def test_a_record_torn_by_a_kill_is_left_out_and_noted(tmp_path: Path, closed: bool) -> None:
    """What is whole is read."""
    writer = filled(tmp_path, TWO[:-1])
    if closed:
        seal(writer.dir)
    seen = read(writer.dir)
    assert seen.attempts is not None and seen.attempts.height == 1
    assert any("attempts.bin" in note for note in seen.notes)


def test_a_table_that_is_gone_is_missed(tmp_path: Path) -> None:
    """Closed with attempts, read without: that is damage, not "none"."""
    writer = filled(tmp_path, TWO)
    writer.close()
    (writer.dir / "attempts.parquet").unlink()
    with pytest.raises(HistoryError, match=r"attempts\.parquet"):
        read(writer.dir)


def last(seq: int, number: int) -> bytes:
    """The record of a request that was tried again so often."""
    return RECORD.pack(seq, LANES.index(Lane.GET_RETRYING), 0, 200, 0, number << ATTEMPT_SHIFT, T0, T0 + 9, T0 + 10, T0 + 11)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    ("records", "attempts", "noted"),
    [
        ((last(0, 0), last(1, 2)), TWO, False),
        ((last(0, 0), last(1, 2)), None, True),
        ((last(0, 0), last(1, 2)), b"", True),
        ((last(0, 0), last(1, 2)), TWO[: RECORD.size], True),
        ((last(0, 2), last(1, 0)), TWO, True),
        ((last(0, 0), last(1, 0)), TWO, True),
        ((last(0, 0),), TWO, True),
        ((last(0, 0), last(1, 0)), b"", False),
    ],
)
def test_lost_attempts_are_noted(
    tmp_path: Path, records: tuple[bytes, ...], attempts: bytes | None, noted: bool, closed: bool
) -> None:
    """A record knows how often its request was tried; what is not there is told, also by the closed history."""
    writer = filled(tmp_path, attempts)
    load(writer.load_dir(0), *records)
    if closed:
        writer.close()
    notes = read(writer.dir).notes
    assert [note for note in notes if "attempts.bin" in note] == list(notes)
    assert bool(notes) is noted


def test_attempts_of_no_cycle_are_noted(tmp_path: Path) -> None:
    """Nobody would look at them: they must not be there unseen."""
    directory = filled(tmp_path, TWO).close()
    path = directory / "attempts.parquet"
    pl.read_parquet(path.read_bytes()).with_columns(cycle=pl.lit(77, pl.Int32)).write_parquet(path)
    told = json.loads((directory / "closed.json").read_text(encoding="utf-8"))
    (directory / "closed.json").write_text(json.dumps(told | {"sha256": {}, "notes": []}), encoding="utf-8")
    assert read(directory).notes == ("cycle 77: it has attempts and no requests",)


def test_attempts_of_several_cycles_are_one_table(tmp_path: Path) -> None:
    """Told apart by their cycle; a cycle without any has no rows."""
    writer = filled(tmp_path, TWO)
    load(writer.load_dir(1), record(0))
    load(writer.load_dir(2), record(0))
    (writer.load_dir(2) / ATTEMPTS_FILE).write_bytes(TWO[: RECORD.size])
    attempts = read(writer.dir).attempts
    assert attempts is not None
    assert attempts["cycle"].to_list() == [0, 0, 2]
