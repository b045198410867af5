"""What the generator writes down: a file-backed map of fixed-size records, and a table of distinct answers.

records.bin   model.RECORD for each request that can be planned; a request's place is its number. It is written when the request
              is sent (outcome UNANSWERED, done_ns 0) and again when its outcome is known, so a killed generator leaves
              nothing wrong behind. done_ns is when the outcome was known (of a NOT_SENT request: when that was decided).
attempts.bin  model.RECORD for each attempt that another one followed, one after the other as they ended; there only where the
              plan has a lane that tries again. Flags carry the attempt's number (model.ATTEMPT_SHIFT). The record in records.bin
              is the last attempt's; while a request waits for its next one, it is UNANSWERED there and sent_ns is 0.
answers.jsonl one model.Answer a line, written before any record names it.

Writer and reader share the file without a lock. That is sound because done_ns is written last, and the highest byte of any time
of this century is not 0: the reader looks at that time of every record, and only then at the records. And a record that is there
never looks as if it were not: it is written over with finished bytes, for packing into the map would first make zeros of it, at
which the reader would see the end of what was planned.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.apps.toggle import BOOT_HEADER
from harness.load.host import give_back
from harness.load.wire import Evidence
from harness.model import (
    ANSWERS_FILE,
    ATTEMPT_SHIFT,
    ATTEMPTS_FILE,
    FLAG_REUSED,
    LANES,
    OUTCOMES,
    RECORD,
    RECORD_FIELDS,
    RECORDS_FILE,
    Answer,
    Lane,
    Outcome,
)

MAX_ANSWERS = 4096
"""Distinct answers kept apart; the last one stands for all that came after."""

_CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_UNANSWERED = _CODE[Outcome.UNANSWERED]
_NAMES = tuple(name for name, _ in RECORD_FIELDS)
_OUTCOME, _INTENDED = _NAMES.index("outcome"), _NAMES.index("intended_ns")
_OUTCOME_AT = struct.calcsize("<" + "".join(code for _, code in RECORD_FIELDS[:_OUTCOME]))
_DONE_AT = RECORD.size - 8
"""done_ns is the last field."""

_DONE_TOP_AT = RECORD.size - 1
_WORDS = RECORD.size // 8
_WHOLE_NS = 1 << 56
"""A time that is less lacks its highest byte: it is 0, or still being written."""


class RecordWriter:
    """The generator's end of records.bin. Times given are monotonic; utc_offset_ns turns them into UTC."""

    def __init__(self, path: Path, capacity: int, utc_offset_ns: int) -> None:
        self._path = path
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            # Reserved, not only sized: a full disk must fail here, in words, and not later by SIGBUS.
            os.posix_fallocate(fd, 0, capacity * RECORD.size)
            self._map = mmap.mmap(fd, capacity * RECORD.size)
        finally:
            os.close(fd)
        self._offset = utc_offset_ns

    def sent(self, seq: int, lane: int, intended: int, sent: int, flags: int) -> None:
        """The request is on its way; its outcome is not known."""
        utc = self._offset
        self._put(seq, RECORD.pack(seq, lane, _UNANSWERED, 0, -1, flags, intended + utc, sent + utc if sent else 0, 0, 0))

    def done(
        self, seq: int, lane: int, outcome: Outcome, status: int, answer: int, flags: int, times: tuple[int, int, int, int]
    ) -> None:
        """The outcome is known. times: intended, sent, first byte, done; 0 for what never was."""
        utc = self._offset
        intended, sent, first, done = times
        text = RECORD.pack(
            seq,
            lane,
            _CODE[outcome],
            status,
            answer,
            flags,
            intended + utc,
            sent + utc if sent else 0,
            first + utc if first else 0,
            done + utc if done else 0,
        )
        self._put(seq, text)

    def _put(self, seq: int, text: bytes) -> None:
        """done_ns last."""
        at = seq * RECORD.size
        self._map[at : at + _DONE_AT] = text[:_DONE_AT]
        self._map[at + _DONE_AT : at + RECORD.size] = text[_DONE_AT:]

    def close(self, planned: int) -> None:
        """Give the map back, and the disk that was reserved for more than the `planned` requests.

        The file keeps its length: a reader may have it mapped, and would be killed for looking behind its end.
        """
        self._map.close()
        give_back(self._path, planned * RECORD.size)


class AttemptWriter:
    """The generator's end of attempts.bin. Written at once, one call an attempt: they are few, and none comes before a failure."""

    def __init__(self, path: Path, utc_offset_ns: int) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._offset = utc_offset_ns

    def add(
        self, seq: int, lane: int, outcome: Outcome, status: int, answer: int, flags: int, times: tuple[int, int, int, int]
    ) -> None:
        """An attempt ended, and another will follow. times: as of a record."""
        utc = self._offset
        moments = (time + utc if time else 0 for time in times)
        os.write(self._fd, RECORD.pack(seq, lane, _CODE[outcome], status, answer, flags, *moments))

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


class AnswerWriter:
    """The generator's end of answers.jsonl."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._known: dict[tuple[int, bytes, Evidence], int] = {}

    def index_of(self, status: int, body: bytes, evidence: Evidence) -> int:
        """The index of this answer; written down at once if it is new. body: cut to what is kept."""
        key = (status, body, evidence)
        index = self._known.get(key)
        if index is not None:
            return index
        index = len(self._known)
        if index >= MAX_ANSWERS:
            return MAX_ANSWERS - 1
        self._known[key] = index
        if index == MAX_ANSWERS - 1:
            answer = Answer(index, 0, f"(other: more than {MAX_ANSWERS - 1} distinct answers)", {})
        else:
            answer = Answer(index, status, body.decode("utf-8", "replace"), dict(evidence))
        os.write(self._fd, (json.dumps(asdict(answer), sort_keys=True) + "\n").encode("ascii"))
        return index

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class Seen:
    """One planned request, or one attempt at it, as the client saw it. Times: UTC ns, 0 where it never came to that.

    answer: None if not a byte came. attempt: its number, from 0; more than 0 only where the lane tries again.
    """

    seq: int
    lane: Lane
    outcome: Outcome
    status: int
    answer: Answer | None
    reused: bool
    intended_ns: int
    sent_ns: int
    first_byte_ns: int
    done_ns: int
    attempt: int = 0

    @property
    def boot(self) -> str:
        """Boot id of the app that answered, "" if the answer names none."""
        return self.answer.headers.get(BOOT_HEADER, "") if self.answer else ""

    @property
    def late_ns(self) -> int:
        """How much later than intended it was sent; 0 if it was not, and for an attempt that had to wait for another."""
        return self.sent_ns - self.intended_ns if self.sent_ns and not self.attempt else 0


class RecordReader:
    """The harness's end of both files, while the generator writes them or later."""

    def __init__(self, folder: Path) -> None:
        """folder: the generator's out dir. Raises OSError when the files are not there."""
        with (folder / RECORDS_FILE).open("rb") as source:
            self._map = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        self._attempts_path = folder / ATTEMPTS_FILE
        self._answers_path = folder / ANSWERS_FILE
        self._answers: dict[int, Answer] = {}
        self._answers_read = 0
        self.capacity = len(self._map) // RECORD.size

    def close(self) -> None:
        """Give the map back."""
        self._map.close()

    def planned(self) -> int:
        """How many requests were planned so far; looks at a handful of records."""
        return bisect_left(range(self.capacity), True, key=lambda seq: self._intended(seq) == 0)  # noqa: FBT003 - what is searched for

    def count(self, outcome: Outcome) -> int:
        """How many of them have this outcome; a request in flight is UNANSWERED so far."""
        return self._codes().count(_CODE[outcome])

    def without(self, *outcomes: Outcome) -> int:
        """How many of them have none of these outcomes, all at one look: two counts would miss what changes in between."""
        codes = self._codes()
        return len(codes) - sum(codes.count(_CODE[outcome]) for outcome in outcomes)

    def oldest_in_flight_ns(self) -> int:
        """Intended time of the oldest request whose outcome is not known; 0: there is none."""
        seq = self._map[_DONE_TOP_AT : self.planned() * RECORD.size : RECORD.size].find(0)
        return self._intended(seq) if seq >= 0 else 0

    def finished(self, since_ns: int = 0, lanes: Collection[Lane] | None = None) -> list[Seen]:
        """Requests whose outcome became known at since_ns or later, by number. Those in flight are not among them.

        lanes: only theirs; None: of all.
        """
        seen = (self._decode(row) for row in self._settled(since_ns))
        return [one for one in seen if lanes is None or one.lane in lanes]

    def counts(self, since_ns: int = 0) -> dict[Outcome, int]:
        """The same, counted; outcomes that did not occur are missing."""
        codes = Counter(row[_OUTCOME] for row in self._settled(since_ns))
        return {OUTCOMES[code]: count for code, count in sorted(codes.items())}

    def all(self) -> list[Seen]:
        """Every planned request by number; those without an outcome are UNANSWERED."""
        return [self._decode(row) for row in self._rows()]

    def attempts(self) -> list[Seen]:
        """Every attempt that another one followed, in the order they ended; none where no lane tries again."""
        try:
            data = self._attempts_path.read_bytes()
        except FileNotFoundError:
            return []
        whole = len(data) - len(data) % RECORD.size  # the last one may be on its way
        return [self._decode(row) for row in RECORD.iter_unpack(data[:whole])]

    def _codes(self) -> bytes:
        """The outcomes so far, by number."""
        return self._map[_OUTCOME_AT : self.planned() * RECORD.size : RECORD.size]

    def _intended(self, seq: int) -> int:
        return int(RECORD.unpack_from(self._map, seq * RECORD.size)[_INTENDED])

    def _settled(self, since_ns: int) -> Iterator[tuple[int, ...]]:
        since_ns = max(since_ns, _WHOLE_NS)
        with memoryview(self._map) as whole, whole[: self.planned() * RECORD.size] as part, part.cast("q") as words:
            done = words[_WORDS - 1 :: _WORDS].tolist()
        return (RECORD.unpack_from(self._map, seq * RECORD.size) for seq, at in enumerate(done) if at >= since_ns)

    def _rows(self) -> Iterator[tuple[int, ...]]:
        return RECORD.iter_unpack(self._map[: self.planned() * RECORD.size])

    def _decode(self, row: tuple[int, ...]) -> Seen:
        seq, lane, outcome, status, answer, flags, intended, sent, first, done = row
        if answer >= 0 and answer not in self._answers:
            self._read_answers()
        return Seen(
            seq,
            LANES[lane],
            OUTCOMES[outcome],
            status,
            self._answers.get(answer),
            bool(flags & FLAG_REUSED),
            intended,
            sent,
            first,
            done,
            flags >> ATTEMPT_SHIFT,
        )

    def _read_answers(self) -> None:
        with self._answers_path.open("rb") as source:
            source.seek(self._answers_read)
            fresh = source.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._answers_read += len(whole)
        for line in whole.splitlines():
            raw = json.loads(line)
            self._answers[raw["index"]] = Answer(raw["index"], raw["status"], raw["body"], raw["headers"])
