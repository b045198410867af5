"""What becomes of each request, from the moment it is sent: its deadline, its outcome, its further attempts.

No socket is known here. All times are monotonic ns.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import NamedTuple

from harness.load.pacing import Pacing
from harness.load.records import AnswerWriter, AttemptWriter, RecordWriter
from harness.load.retry import RETRYING, Retry
from harness.load.wire import Reply
from harness.model import ATTEMPT_SHIFT, Outcome


class Carrier:
    """What carries one request at a time: a connection, or a stream of one. seq -1: none, it is idle."""

    __slots__ = ("first", "flags", "intended", "lane", "reply", "sent", "seq")

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.flags = 0
        self.seq = -1
        self.intended = 0
        self.sent = 0
        self.first = 0
        self.reply = Reply()

    def give_up(self, now: int) -> None:
        """Its deadline has gone."""
        raise NotImplementedError


class Again(NamedTuple):
    """A further attempt, and when it is due."""

    at: int
    seq: int
    lane: int
    intended: int
    attempt: int


class Book:
    """The account of one generator."""

    def __init__(self, records: RecordWriter, answers: AnswerWriter, attempts: AttemptWriter | None, retry: Retry) -> None:
        """attempts: None where no lane tries again."""
        self._records = records
        self._answers = answers
        self._attempts = attempts
        self._retry = retry
        self._deadline = retry.deadline_ns
        self._waiting: deque[tuple[int, Carrier]] = deque()
        self._retried: list[tuple[int, int, int, Carrier]] = []  # the attempt's number decides where one request has two
        self._again: list[Again] = []
        self.in_flight = 0
        self.not_sent = 0
        self.pacing = Pacing()

    def skip(self, seq: int, lane: int, intended: int, at: int, attempt: int = 0) -> None:
        """It cannot be sent: the generator's failure, never the server's."""
        self.not_sent += 1
        if attempt:
            self.in_flight -= 1
        self._records.done(seq, lane, Outcome.NOT_SENT, 0, -1, attempt << ATTEMPT_SHIFT, (intended, 0, 0, at))

    def begin(self, carrier: Carrier, seq: int, intended: int, at: int, flags: int) -> None:
        """The carrier takes this request. at: the clock just before the first system call made for it; that is its sent_ns."""
        carrier.seq = seq
        carrier.intended = intended
        carrier.sent = at
        carrier.first = 0
        carrier.flags = flags
        carrier.reply.reset()
        if flags >> ATTEMPT_SHIFT:
            heappush(self._retried, (intended + self._deadline, seq, flags >> ATTEMPT_SHIFT, carrier))
        else:
            self.in_flight += 1
            self._waiting.append((seq, carrier))
            self.pacing.add(at - intended)
        self._records.sent(seq, carrier.lane, intended, at, flags)

    def end(self, carrier: Carrier, outcome: Outcome, now: int) -> None:
        """The outcome of what it carries is known; it is idle then."""
        status, answer = self._evidence(carrier)
        seq, lane, flags, intended = carrier.seq, carrier.lane, carrier.flags, carrier.intended
        times = (intended, carrier.sent, carrier.first, now)
        carrier.seq = -1
        if lane in RETRYING and outcome is not Outcome.OK and self._attempts is not None:
            attempt = flags >> ATTEMPT_SHIFT
            at = self._retry.next_at(attempt, outcome, status, intended, now)
            if at:
                self._attempts.add(seq, lane, outcome, status, answer, flags, times)
                self._records.sent(seq, lane, intended, 0, (attempt + 1) << ATTEMPT_SHIFT)
                heappush(self._again, Again(at, seq, lane, intended, attempt + 1))
                return
        self._records.done(seq, lane, outcome, status, answer, flags, times)
        self.in_flight -= 1
        if outcome is Outcome.NOT_SENT:
            self.not_sent += 1

    def next_event(self) -> int:
        """When the next deadline or further attempt is due; 0: none is."""
        waiting, retried, again = self._waiting, self._retried, self._again
        while waiting and waiting[0][1].seq != waiting[0][0]:
            waiting.popleft()
        while retried and retried[0][3].seq != retried[0][1]:
            heappop(retried)
        at = waiting[0][1].intended + self._deadline if waiting else 0
        if retried:
            at = min(at or retried[0][0], retried[0][0])
        if again:
            at = min(at or again[0].at, again[0].at)
        return at

    def expire(self, now: int) -> None:
        """Give up what is over its deadline. All are equally long, so the requests sent first expire first."""
        waiting, retried = self._waiting, self._retried
        oldest = now - self._deadline
        while waiting:
            seq, carrier = waiting[0]
            if carrier.seq == seq:
                if carrier.intended > oldest:
                    break
                carrier.give_up(now)
            waiting.popleft()
        while retried and retried[0][0] <= now:
            _, seq, _, carrier = heappop(retried)
            if carrier.seq == seq:
                carrier.give_up(now)

    def due_again(self, now: int) -> list[Again]:
        """The further attempts that are due; to be sent now."""
        due = []
        while self._again and self._again[0].at <= now:
            due.append(heappop(self._again))
        return due

    def leave(self) -> None:
        """Whatever has no outcome is UNANSWERED, with as much of an answer as there is."""
        for seq, carrier in (*self._waiting, *((seq, carrier) for _, seq, _, carrier in self._retried)):
            if carrier.seq == seq:
                status, answer = self._evidence(carrier)
                times = (carrier.intended, carrier.sent, carrier.first, 0)
                self._records.done(seq, carrier.lane, Outcome.UNANSWERED, status, answer, carrier.flags, times)

    def _evidence(self, carrier: Carrier) -> tuple[int, int]:
        """(status, answer index) of as much of an answer as there is."""
        reply = carrier.reply
        if reply.head is not None:
            return reply.head.status, self._answers.index_of(reply.head.status, reply.body, reply.head.evidence)
        if reply.seen:
            return 0, self._answers.index_of(0, reply.seen, ())
        return 0, -1
