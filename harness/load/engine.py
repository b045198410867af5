"""The loop that sends and receives: raw epoll, one absolute timer, non-blocking sockets, no task and no object per request.

Each turn looks at the sockets first (an answer, or a close of an idle connection, that is already visible counts), then at
deadlines, then sends every request that is due, however late: each keeps its own intended time, so lateness shows in its record.
"""

from __future__ import annotations

import errno
import json
import os
import select
import time
from collections import deque
from typing import TextIO

from harness.load.connection import Connection, Dialer
from harness.load.outcome import outcome_of
from harness.load.pacing import Pacing
from harness.load.records import AnswerWriter, RecordWriter
from harness.load.report import Reporter
from harness.load.schedule import SECOND_NS, Schedule, in_flight_cap, lane_cycle
from harness.load.spec import GeneratorSpec
from harness.load.timer import Timer
from harness.load.wire import Malformed, RequestText
from harness.model import FLAG_REUSED, LANES, Lane, Outcome

START_LEAD_NS = 10_000_000
"""The first request is due so long after the start: the time to say that it has begun."""

READ_BYTES = 16_384
EVENTS_A_TURN = 4096
_NEW = LANES.index(Lane.GET_NEW)
_WAITING = select.EPOLLIN | select.EPOLLRDHUP
_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Engine:
    """One generator's run. All times inside are monotonic ns."""

    def __init__(
        self, spec: GeneratorSpec, records: RecordWriter, answers: AnswerWriter, reporter: Reporter, *, capacity: int, say: TextIO
    ) -> None:
        """capacity: how many requests may be planned. say: where events are told, one JSON object a line."""
        self._spec = spec
        self._records = records
        self._answers = answers
        self._reporter = reporter
        self._capacity = capacity
        self._say = say
        self._schedule = Schedule.of(spec.plan.rate_rps)
        self._turns = lane_cycle(spec.plan.lanes)
        self._texts = [RequestText.of(lane, spec.host, spec.path) for lane in LANES]
        self._rid = f"{spec.run_id}-{spec.cycle}-".encode("ascii")
        self._deadline = int(spec.plan.deadline_s * SECOND_NS)
        self._cap = in_flight_cap(spec.plan)
        self._dialer = Dialer(spec.address, spec.port)
        self._epoll = select.epoll()
        self._timer = Timer()
        self._open: dict[int, Connection] = {}
        self._free: list[list[Connection]] = [[] for _ in LANES]
        self._waiting: deque[tuple[int, Connection]] = deque()
        self._in_flight = 0
        self._seq = 0
        self._t0 = 0
        self._sending = False
        self._drain_until = 0
        self._pacing = Pacing()
        self._not_sent = 0
        self._commands = b""
        self._ended_by = ""
        self._over = False

    # --- from outside ---------------------------------------------------------------------------------------------------

    def run(self, commands_fd: int, wake_fd: int) -> str:
        """Work until told to end; returns why it ended. The report and every record are written by then.

        commands_fd: "start" and "stop" lines; its end ends the run at once. wake_fd: one byte a signal number that ends it too.
        """
        os.set_blocking(commands_fd, False)
        self._epoll.register(self._timer.fd, select.EPOLLIN)
        self._epoll.register(commands_fd, select.EPOLLIN)
        self._epoll.register(wake_fd, select.EPOLLIN)
        self._tell({"event": "ready"})
        if self._spec.at_once:
            self._start()
        poll, clock, conns = self._epoll.poll, time.monotonic_ns, self._open
        while not self._over:
            for fd, mask in poll(-1, EVENTS_A_TURN):
                conn = conns.get(fd)
                if conn is not None:
                    self._serve(conn, mask)
                elif fd == commands_fd:
                    self._obey(commands_fd)
                elif fd == wake_fd:
                    self._end(os.read(wake_fd, 1))
            now = clock()
            self._expire(now)
            if self._sending:
                self._send_due(now)
            self._arm()
            if self._t0:
                self._reporter.now_and_then(clock(), self._next_due(), self._numbers)
        self._leave()
        return self._ended_by

    def _tell(self, event: dict[str, object]) -> None:
        try:
            self._say.write(json.dumps(event) + "\n")
            self._say.flush()
        except BrokenPipeError:
            pass  # nobody listens any more; the end of the commands will follow

    def _start(self) -> None:
        if self._t0 or self._ended_by:
            return
        self._t0 = time.monotonic_ns() + START_LEAD_NS
        self._sending = True
        self._tell({"event": "started", "t0_ns": self._reporter.begin(self._t0)})
        self._arm()

    def _obey(self, fd: int) -> None:
        try:
            got = os.read(fd, 4096)
        except BlockingIOError:
            return
        if not got:
            self._ended_by = self._ended_by or "eof"
            self._over = True
            return
        *lines, self._commands = (self._commands + got).split(b"\n")
        for line in lines:
            if line.strip() == b"start":
                self._start()
            elif line.strip() == b"stop":
                # What is due by now is still owed: a generator that stood still until told to stop must not look as if in time.
                if self._sending:
                    self._send_due(time.monotonic_ns())
                self._stop("stop")

    def _end(self, why: bytes) -> None:
        self._ended_by = self._ended_by or ("parent" if why == b"p" else "sigterm")
        self._over = True

    def _stop(self, why: str) -> None:
        """Send nothing more; wait for what is in flight, but not for ever."""
        if not self._ended_by:
            self._ended_by = why
            self._sending = False
            self._drain_until = time.monotonic_ns() + int(self._spec.drain_s * SECOND_NS)

    def _leave(self) -> None:
        for seq, conn in self._waiting:
            if conn.seq == seq:
                status, answer = self._evidence(conn)
                times = (conn.intended, conn.sent, conn.first, 0)
                self._records.done(seq, conn.lane, Outcome.UNANSWERED, status, answer, conn.flags, times)
        for conn in self._open.values():
            conn.sock.close()
        self._reporter.end(time.monotonic_ns(), self._numbers(), self._ended_by)
        self._tell({"event": "ended", "by": self._ended_by, "planned": self._seq})
        self._timer.close()
        self._epoll.close()

    def _numbers(self) -> tuple[int, int, Pacing]:
        return self._seq, self._not_sent, self._pacing

    # --- time -----------------------------------------------------------------------------------------------------------

    def _next_due(self) -> int:
        return self._t0 + self._schedule.offset_ns(self._seq) if self._sending else 0

    def _arm(self) -> None:
        """The timer fires at whatever comes first: a request due, a deadline, the end of the drain."""
        at = self._next_due()
        waiting = self._waiting
        while waiting and waiting[0][1].seq != waiting[0][0]:
            waiting.popleft()
        if waiting:
            deadline = waiting[0][1].intended + self._deadline
            at = min(at, deadline) if at else deadline
        if self._ended_by and not self._sending:
            at = min(at, self._drain_until) if at else self._drain_until
            if not self._in_flight:
                self._over = True
        self._timer.arm(at)

    def _expire(self, now: int) -> None:
        """All deadlines are equally long, so the requests sent first expire first."""
        waiting = self._waiting
        oldest = now - self._deadline
        while waiting:
            seq, conn = waiting[0]
            if conn.seq == seq:
                if conn.intended > oldest:
                    break
                self._finish(conn, Outcome.TIMEOUT, now, keep=False)
            waiting.popleft()
        if self._ended_by and not self._sending and now >= self._drain_until:
            self._over = True

    # --- requests -------------------------------------------------------------------------------------------------------

    def _send_due(self, now: int) -> None:
        due = min(self._schedule.due(now - self._t0), self._capacity)
        turns, clock = self._turns, time.monotonic_ns
        while self._seq < due:
            seq = self._seq
            self._seq = seq + 1
            intended = self._t0 + self._schedule.offset_ns(seq)
            lane = turns[seq % len(turns)]
            at = clock()
            if self._in_flight >= self._cap or at - intended >= self._deadline:
                # Past the cap, or so late that its deadline has gone: the generator's failure, never the server's.
                self._skip(seq, lane, intended, at, 0)
            else:
                self._send(seq, lane, intended, at)
        if self._seq >= self._capacity:
            self._stop("max_s")

    def _skip(self, seq: int, lane: int, intended: int, at: int, sent: int) -> None:
        self._not_sent += 1
        self._records.done(seq, lane, Outcome.NOT_SENT, 0, -1, 0, (intended, sent, 0, at))

    def _send(self, seq: int, lane: int, intended: int, at: int) -> None:
        """at: the clock just before the first system call made for this request; that is its sent_ns."""
        free = self._free[lane]
        while free:
            conn = free.pop()
            if conn.alive:
                conn.flags = FLAG_REUSED
                break
        else:
            try:
                conn = Connection(self._dialer.new(), lane)
            except OSError:
                self._skip(seq, lane, intended, at, 0)
                return
        conn.take(seq, intended, at)
        self._in_flight += 1
        self._waiting.append((seq, conn))
        self._pacing.add(at - intended)
        self._records.sent(seq, lane, intended, at, conn.flags)
        rid = self._rid + b"%d" % seq
        text = self._texts[lane]
        conn.unsent = text.line + rid + text.middle + rid + text.end
        try:
            if conn.fd not in self._open:
                code = self._dialer.dial(conn.sock)
                if code not in (0, errno.EINPROGRESS):
                    raise OSError(code, os.strerror(code))  # noqa: TRY301 - one place turns errors into outcomes
                self._push(conn)
                self._open[conn.fd] = conn
                self._epoll.register(conn.fd, _WAITING | select.EPOLLOUT if conn.unsent else _WAITING)
            else:
                self._push(conn)
                if conn.unsent:
                    self._epoll.modify(conn.fd, _WAITING | select.EPOLLOUT)
        except OSError as error:
            self._fail(conn, error, time.monotonic_ns())

    def _push(self, conn: Connection) -> None:
        """Send what the socket takes; the rest waits for it. Raises OSError."""
        try:
            count = conn.sock.send(conn.unsent)
        except BlockingIOError:
            return
        conn.unsent = conn.unsent[count:]

    def _serve(self, conn: Connection, mask: int) -> None:
        """Something happened on a connection."""
        try:
            if conn.unsent and mask & select.EPOLLOUT:
                self._push(conn)
                if not conn.unsent:
                    self._epoll.modify(conn.fd, _WAITING)
                if not mask & ~select.EPOLLOUT:
                    return
            data = conn.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(conn, error, time.monotonic_ns())
            return
        now = time.monotonic_ns()
        if conn.seq < 0:
            self._drop(conn)  # idle: the server closed it, or said something nobody asked for
            return
        if not data:
            whole = conn.reply.end()
            if whole:
                self._finish(conn, self._judged(conn), now, keep=False)
            else:
                self._finish(conn, Outcome.TRUNCATED if conn.reply.head else Outcome.CLOSED, now, keep=False)
            return
        if not conn.first:
            conn.first = now
        try:
            if conn.reply.feed(data):
                keep = conn.lane != _NEW and conn.reply.keep and not conn.unsent and not mask & _GONE
                self._finish(conn, self._judged(conn), now, keep=keep)
        except Malformed:
            self._finish(conn, Outcome.MALFORMED, now, keep=False)

    def _judged(self, conn: Connection) -> Outcome:
        return Outcome.HTTP_ERROR if conn.reply.head and conn.reply.head.status >= 400 else Outcome.OK

    def _fail(self, conn: Connection, error: OSError, now: int) -> None:
        if conn.seq < 0:
            self._drop(conn)
            return
        outcome = outcome_of(error)
        if outcome is Outcome.NOT_SENT:
            self._not_sent += 1
        self._finish(conn, outcome, now, keep=False)

    def _evidence(self, conn: Connection) -> tuple[int, int]:
        """(status, answer index) of as much of an answer as there is."""
        reply = conn.reply
        if reply.head is not None:
            return reply.head.status, self._answers.index_of(reply.head.status, reply.body, reply.head.evidence)
        if reply.seen:
            return 0, self._answers.index_of(0, reply.seen, ())
        return 0, -1

    def _finish(self, conn: Connection, outcome: Outcome, now: int, *, keep: bool) -> None:
        status, answer = self._evidence(conn)
        self._records.done(conn.seq, conn.lane, outcome, status, answer, conn.flags, (conn.intended, conn.sent, conn.first, now))
        self._in_flight -= 1
        conn.seq = -1
        if keep:
            self._free[conn.lane].append(conn)
        else:
            self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        """Close it; a list of free connections that still has it will find it dead."""
        conn.alive = False
        self._open.pop(conn.fd, None)
        conn.sock.close()
