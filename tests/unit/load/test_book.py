"""What becomes of requests, whatever the order in which they come to something."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from harness.load.book import Book, Carrier
from harness.load.records import AnswerWriter, AttemptWriter, RecordReader, RecordWriter
from harness.load.retry import RETRYING, Retry
from harness.load.schedule import SECOND_NS
from harness.model import ANSWERS_FILE, ATTEMPT_SHIFT, ATTEMPTS_FILE, RECORDS_FILE, LoadPlan, Outcome

OFFSET = 1_700_000_000_000_000_000
PLAN = LoadPlan(retries=3, retry_after_s=0.1, deadline_s=100)


class Line(Carrier):
    """A connection without a socket."""

    def __init__(self, book: Book) -> None:
        super().__init__(min(RETRYING))
        self.book = book

    def give_up(self, now: int) -> None:
        """Its deadline has gone."""
        self.book.end(self, Outcome.TIMEOUT, now)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """Of a plan that tries again three times."""
    records, answers = RecordWriter(tmp_path / RECORDS_FILE, 10, OFFSET), AnswerWriter(tmp_path / ANSWERS_FILE)
    attempts = AttemptWriter(tmp_path / ATTEMPTS_FILE, OFFSET)
    yield Book(records, answers, attempts, Retry.of(PLAN))
    records.close(10)
    answers.close()
    attempts.close()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_one_that_hangs_keeps_no_other_from_being_tried_again(book: Book, tmp_path: Path, order: tuple[int, ...]) -> None:
    """While a further attempt is unanswered, others of one deadline fail and come again, each on a connection of its own."""
    for seq in range(3):
        book.begin(first := Line(book), seq, seq, seq, 0)
        book.end(first, Outcome.RESET, 10)
    book.begin(Line(book), 0, 0, 20, 1 << ATTEMPT_SHIFT)
    for attempt in (1, 2, 3):
        for seq in (one for one in order if one):
            book.begin(line := Line(book), seq, seq, 20, attempt << ATTEMPT_SHIFT)
            book.end(line, Outcome.RESET, 30 + attempt)
            assert book.next_event() <= PLAN.deadline_s * SECOND_NS
    book.expire(round(PLAN.deadline_s * SECOND_NS))
    book.leave()
    reader = RecordReader(tmp_path)
    assert [(one.outcome, one.attempt) for one in reader.all()] == [(Outcome.TIMEOUT, 1), (Outcome.RESET, 3), (Outcome.RESET, 3)]
    assert len(reader.attempts()) == 1 + 3 + 3
    assert book.in_flight == 0
    reader.close()
