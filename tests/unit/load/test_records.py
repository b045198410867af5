"""Records and answers on disk: what is written is read, also while it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.load.records import MAX_ANSWERS, AnswerWriter, AttemptWriter, RecordReader, RecordWriter
from harness.model import (
    ANSWERS_FILE,
    ATTEMPT_SHIFT,
    ATTEMPTS_FILE,
    FLAG_REUSED,
    LANES,
    OUTCOMES,
    RECORD,
    RECORDS_FILE,
    Lane,
    Outcome,
)

OFFSET = 1_700_000_000_000_000_000
"""Monotonic clocks begin near 0; this makes them UTC."""


def test_requests_are_read_as_they_were_written(tmp_path: Path) -> None:
    """In flight, finished, not sent: each is told from the others, and times are UTC."""
    writer = RecordWriter(tmp_path / RECORDS_FILE, 10, OFFSET)
    answers = AnswerWriter(tmp_path / ANSWERS_FILE)
    post = LANES.index(Lane.POST_KEEPALIVE)
    writer.sent(0, 0, 1000, 1010, 0)
    writer.done(0, 0, Outcome.HTTP_ERROR, 502, answers.index_of(502, b"EOF", (("server", "envoy"),)), 0, (1000, 1010, 1020, 1030))
    writer.sent(1, post, 2000, 2010, FLAG_REUSED)
    writer.done(2, 0, Outcome.NOT_SENT, 0, -1, 0, (3000, 0, 0, 3005))
    reader = RecordReader(tmp_path)
    failed, flying, skipped = reader.all()
    assert (reader.planned(), reader.count(Outcome.NOT_SENT), reader.capacity) == (3, 1, 10)
    assert reader.oldest_in_flight_ns() == OFFSET + 2000
    assert (failed.outcome, failed.status, failed.first_byte_ns, failed.done_ns) == (
        Outcome.HTTP_ERROR,
        502,
        OFFSET + 1020,
        OFFSET + 1030,
    )
    assert failed.answer is not None
    assert (failed.answer.body, failed.answer.headers) == ("EOF", {"server": "envoy"})
    assert (flying.outcome, flying.lane, flying.reused, flying.late_ns, flying.done_ns) == (
        Outcome.UNANSWERED,
        Lane.POST_KEEPALIVE,
        True,
        10,
        0,
    )
    assert (skipped.outcome, skipped.sent_ns, skipped.late_ns) == (Outcome.NOT_SENT, 0, 0)
    assert [one.seq for one in reader.finished()] == [0, 2]
    assert [one.seq for one in reader.finished(OFFSET + 1031)] == [2]
    assert reader.counts(OFFSET + 1030) == {Outcome.HTTP_ERROR: 1, Outcome.NOT_SENT: 1}
    reader.close()
    writer.close(3)
    answers.close()


def test_a_record_half_written_is_not_taken_for_finished(tmp_path: Path) -> None:
    """Whatever number of its last bytes are still missing, the request counts as in flight."""
    writer = RecordWriter(tmp_path / RECORDS_FILE, 1, OFFSET)
    writer.done(0, 0, Outcome.OK, 200, -1, 0, (1000, 1010, 1020, 1030))
    writer.close(1)
    whole = (tmp_path / RECORDS_FILE).read_bytes()
    for missing in range(1, 9):
        (tmp_path / RECORDS_FILE).write_bytes(whole[: RECORD.size - missing] + bytes(missing))
        reader = RecordReader(tmp_path)
        assert reader.finished() == []
        reader.close()


class Watched(bytearray):
    """A map that keeps what it was like after each store into it."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.states: list[tuple[int, ...]] = []

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self.states.append(RECORD.unpack(self))

    def close(self) -> None:
        """As of a map."""


def test_a_record_that_is_there_is_never_missing_while_it_is_written_again(tmp_path: Path) -> None:
    """Whoever looks between two stores sees a planned request, and its end only when everything else is there."""
    writer = RecordWriter(tmp_path / RECORDS_FILE, 1, OFFSET)
    writer._map.close()
    watched = Watched(RECORD.size)
    writer._map = watched  # type: ignore[assignment]
    writer.sent(0, 0, 1000, 1010, 0)
    writer.done(0, 0, Outcome.RESET, 0, 7, 0, (1000, 1010, 1020, 1030))
    writer.close(1)
    whole = (0, 0, OUTCOMES.index(Outcome.RESET), 0, 7, 0, *(OFFSET + at for at in (1000, 1010, 1020, 1030)))
    assert watched.states[-1] == whole
    assert {state[6] for state in watched.states} == {OFFSET + 1000}
    assert {state for state in watched.states if state[9]} == {whole}


def test_what_has_none_of_some_outcomes_is_counted_at_one_look(tmp_path: Path) -> None:
    """In flight, well and failed: each is told from the others."""
    writer = RecordWriter(tmp_path / RECORDS_FILE, 9, OFFSET)
    for seq, outcome in enumerate((Outcome.OK, Outcome.RESET, Outcome.NOT_SENT, Outcome.OK)):
        writer.done(seq, 0, outcome, 0, -1, 0, (1000 + seq, 1010, 1020, 1030))
    writer.sent(4, 0, 1004, 1010, 0)
    reader = RecordReader(tmp_path)
    assert (reader.without(Outcome.OK, Outcome.UNANSWERED), reader.without(Outcome.NOT_SENT), reader.without()) == (2, 4, 5)
    reader.close()
    writer.close(5)


@pytest.mark.parametrize("planned", [0, 1, 6, 7])
def test_planned_requests_are_counted_without_looking_at_all(tmp_path: Path, planned: int) -> None:
    """None, some and all of the places."""
    writer = RecordWriter(tmp_path / RECORDS_FILE, 7, OFFSET)
    for seq in range(planned):
        writer.sent(seq, 0, 1000 + seq, 1000 + seq, 0)
    reader = RecordReader(tmp_path)
    assert reader.planned() == planned
    reader.close()
    writer.close(planned)


def test_disk_that_was_reserved_in_vain_is_given_back(tmp_path: Path) -> None:
    """The file keeps its length, for whoever has it mapped may look behind the last request; it costs what its records cost."""
    writer = RecordWriter(tmp_path / RECORDS_FILE, 1_000_000, OFFSET)
    for seq in range(100):
        writer.sent(seq, 0, 1000 + seq, 1000 + seq, 0)
    before = (tmp_path / RECORDS_FILE).stat()
    reader = RecordReader(tmp_path)
    writer.close(100)
    after = (tmp_path / RECORDS_FILE).stat()
    assert after.st_size == before.st_size == 1_000_000 * RECORD.size
    assert before.st_blocks * 512 >= before.st_size
    assert after.st_blocks * 512 <= 100 * RECORD.size + 64 * 1024
    assert (reader.planned(), len(reader.all()), reader.all()[-1].seq) == (100, 100, 99)
    reader.close()


def test_attempts_lie_apart_and_are_told_by_their_number(tmp_path: Path) -> None:
    """The request's own record is its last attempt's; one half written is not read, and without the file there are none."""
    writer = RecordWriter(tmp_path / RECORDS_FILE, 2, OFFSET)
    lane = LANES.index(Lane.GET_RETRYING)
    reader = RecordReader(tmp_path)
    assert reader.attempts() == []
    attempts = AttemptWriter(tmp_path / ATTEMPTS_FILE, OFFSET)
    attempts.add(0, lane, Outcome.REFUSED, 0, -1, 0, (1000, 1010, 0, 1030))
    attempts.add(0, lane, Outcome.RESET, 0, -1, 1 << ATTEMPT_SHIFT | FLAG_REUSED, (1000, 2010, 0, 2030))
    writer.done(0, lane, Outcome.OK, 200, -1, 2 << ATTEMPT_SHIFT, (1000, 3010, 3020, 3030))
    attempts.close()
    whole = (tmp_path / ATTEMPTS_FILE).read_bytes()
    (tmp_path / ATTEMPTS_FILE).write_bytes(whole + whole[:7])
    told = [
        (one.attempt, one.outcome, one.reused, one.sent_ns - OFFSET, one.late_ns) for one in (*reader.attempts(), *reader.all())
    ]
    assert told == [(0, Outcome.REFUSED, False, 1010, 10), (1, Outcome.RESET, True, 2010, 0), (2, Outcome.OK, False, 3010, 0)]
    reader.close()
    writer.close(1)


def test_equal_answers_are_one_line(tmp_path: Path) -> None:
    """Status, kept body and evidence together make an answer; it is in the file before anybody can name it."""
    writer = AnswerWriter(tmp_path / ANSWERS_FILE)
    first = writer.index_of(200, b"a", ())
    assert writer.index_of(200, b"a", ()) == first
    others = {writer.index_of(502, b"a", ()), writer.index_of(200, b"\xff", ()), writer.index_of(200, b"a", (("server", "x"),))}
    rows = [json.loads(line) for line in (tmp_path / ANSWERS_FILE).read_text(encoding="utf-8").splitlines()]
    assert len(others | {first}) == 4
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert [row["body"] for row in rows] == ["a", "a", "\N{REPLACEMENT CHARACTER}", "a"]
    writer.close()


def test_the_table_of_answers_is_bounded(tmp_path: Path) -> None:
    """A server that never says the same twice fills it once; the last line stands for all others."""
    writer = AnswerWriter(tmp_path / ANSWERS_FILE)
    indices = [writer.index_of(200, str(n).encode(), ()) for n in range(MAX_ANSWERS + 5)]
    rows = (tmp_path / ANSWERS_FILE).read_text(encoding="utf-8").splitlines()
    assert set(indices[MAX_ANSWERS - 1 :]) == {MAX_ANSWERS - 1}
    assert len(rows) == MAX_ANSWERS
    assert "other" in json.loads(rows[-1])["body"]
    writer.close()
