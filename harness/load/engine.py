"""The loop that sends and receives: raw epoll, one absolute timer, non-blocking sockets.

Each turn looks at the sockets first (an answer, or a close of an idle connection, that is already visible counts), then at
deadlines, then sends every request that is due, however late: each keeps its own intended time, so lateness shows in its record.
Only a wave of answers, such as after a server's stall, is interrupted for what becomes due meanwhile.
"""

from __future__ import annotations

import json
import os
import select
import time
from typing import Protocol, TextIO

from harness.load.book import Again, Book
from harness.load.connection import Dialer, Sockets
from harness.load.http1 import Http1
from harness.load.pacing import Pacing
from harness.load.report import Reporter
from harness.load.schedule import SECOND_NS, in_flight_cap, lane_cycle, schedule_of
from harness.load.spec import GeneratorSpec
from harness.load.timer import Timer
from harness.load.wire import RequestText
from harness.model import LANES, Behaviour

START_LEAD_NS = 10_000_000
"""The first request is due so long after the start: the time to say that it has begun."""

EVENTS_A_TURN = 4096
WAVE = 16
"""After so many events of one turn, look whether a request is due: an answer takes about 25 us to read."""

NEVER = 1 << 62


class Client(Protocol):
    """What sends the requests of one lane."""

    def send(self, seq: int, intended: int, at: int, attempt: int = 0) -> None:
        """Send this request now; its outcome comes to the book."""
        ...


def clients_of(spec: GeneratorSpec, book: Book, sockets: Sockets) -> dict[int, Client]:
    """By lane code, for each lane the plan uses. Raises OSError when there is no such address."""
    rid = f"{spec.run_id}-{spec.cycle}-".encode("ascii")
    clients: dict[int, Client] = {}
    for lane, weight in spec.plan.lanes:
        if not weight:
            continue
        route, behaviour = spec.route_of(lane), lane.behaviour
        code, dialer = LANES.index(lane), Dialer(route.address, route.port)
        if behaviour in {Behaviour.H2C, Behaviour.GRPC}:
            from harness.load.h2c import H2c  # noqa: PLC0415 - its library is loaded only where it is used

            clients[code] = H2c(code, dialer, spec, route.host, rid, book, sockets)
        else:
            text = RequestText.of(behaviour, route.host, spec.plan)
            keep, expect = behaviour is not Behaviour.GET_NEW, spec.plan.expect
            clients[code] = Http1(code, dialer, text, rid, book, sockets, keep=keep, expect=expect)
    return clients


class Engine:
    """One generator's run. All times inside are monotonic ns."""

    def __init__(self, spec: GeneratorSpec, book: Book, reporter: Reporter, *, capacity: int, say: TextIO) -> None:
        """capacity: how many requests may be planned. say: where events are told, one JSON object a line.

        Raises OSError when the address cannot be found.
        """
        self._spec = spec
        self._book = book
        self._reporter = reporter
        self._capacity = capacity
        self._say = say
        self._schedule = schedule_of(spec.plan)
        self._turns = lane_cycle(spec.plan.lanes)
        self._deadline = int(spec.plan.deadline_s * SECOND_NS)
        self._cap = in_flight_cap(spec.plan)
        self._sockets = Sockets()
        self._clients = clients_of(spec, book, self._sockets)
        self._timer = Timer()
        self._seq = 0
        self._t0 = 0
        self._due = NEVER  # when request number _seq is
        self._until = int(spec.max_s * SECOND_NS)
        self._drain_until = 0
        self._commands = b""
        self._ended_by = ""
        self._over = False

    @property
    def planned(self) -> int:
        """How many requests have become due."""
        return self._seq

    def run(self, commands_fd: int, wake_fd: int) -> str:
        """Work until told to end; returns why it ended. The report and every record are written by then.

        commands_fd: "start" and "stop" lines; its end ends the run at once. wake_fd: one byte a signal number that ends it too.
        """
        os.set_blocking(commands_fd, False)
        for fd in (self._timer.fd, commands_fd, wake_fd):
            self._sockets.epoll.register(fd, select.EPOLLIN)
        self._tell({"event": "ready"})
        if self._spec.at_once:
            self._start()
        poll, clock, channels = self._sockets.epoll.poll, time.monotonic_ns, self._sockets.open
        while not self._over:
            count = 0
            for fd, mask in poll(-1, EVENTS_A_TURN):
                channel = channels.get(fd)
                if channel is not None:
                    channel.serve(mask)
                    count += 1
                    if not count % WAVE and clock() >= self._due:
                        self._send_due(clock())
                elif fd == commands_fd:
                    self._obey(commands_fd)
                elif fd == wake_fd:
                    self._end(os.read(wake_fd, 1))
            now = clock()
            self._book.expire(now)
            for again in self._book.due_again(now):
                self._send_again(again, clock())
            if now >= self._due:
                self._send_due(now)
            self._arm(now)
            if self._t0:
                self._reporter.now_and_then(clock(), self._due % NEVER, self._numbers)
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
        self._plan_next()
        self._tell({"event": "started", "t0_ns": self._reporter.begin(self._t0)})
        if self._due == NEVER:  # chance may have put even the first behind the end
            self._stop("max_s")
        self._arm(time.monotonic_ns())

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
                self._send_due(time.monotonic_ns())
                self._stop("stop")

    def _end(self, why: bytes) -> None:
        self._ended_by = self._ended_by or ("parent" if why == b"p" else "sigterm")
        self._over = True

    def _stop(self, why: str) -> None:
        """Send nothing more; wait for what is in flight, but not for ever."""
        if not self._ended_by:
            self._ended_by = why
            self._due = NEVER
            self._drain_until = time.monotonic_ns() + int(self._spec.drain_s * SECOND_NS)

    def _leave(self) -> None:
        self._book.leave()
        self._sockets.close()
        self._reporter.end(time.monotonic_ns(), self._numbers(), self._ended_by)
        self._tell({"event": "ended", "by": self._ended_by, "planned": self._seq})
        self._timer.close()

    def _numbers(self) -> tuple[int, int, Pacing]:
        return self._seq, self._book.not_sent, self._book.pacing

    def _arm(self, now: int) -> None:
        """The timer fires at whatever comes first: a request due, a deadline, a further attempt, the end of the drain."""
        at = min(self._due, self._book.next_event() or NEVER)
        if self._drain_until:
            at = min(at, self._drain_until)
            if not self._book.in_flight or now >= self._drain_until:
                self._over = True
        self._timer.arm(at % NEVER)

    def _plan_next(self) -> None:
        """Find out when request number _seq is due."""
        offset = self._schedule.offset_ns(self._seq)
        self._due = self._t0 + offset if offset < self._until and self._seq < self._capacity else NEVER

    def _send_again(self, again: Again, at: int) -> None:
        if at - again.intended >= self._deadline:
            # It was due before the deadline, and we are late: our failure, as with a first attempt.
            self._book.skip(again.seq, again.lane, again.intended, at, again.attempt)
        else:
            self._clients[again.lane].send(again.seq, again.intended, at, again.attempt)

    def _send_due(self, now: int) -> None:
        turns, clock, book = self._turns, time.monotonic_ns, self._book
        while (intended := self._due) <= now:
            seq = self._seq
            lane = turns[seq % len(turns)]
            self._seq = seq + 1
            self._plan_next()
            at = clock()
            if book.in_flight >= self._cap or at - intended >= self._deadline:
                # Past the cap, or so late that its deadline has gone: the generator's failure, never the server's.
                book.skip(seq, lane, intended, at)
            else:
                self._clients[lane].send(seq, intended, at)
        if self._due == NEVER and self._t0:
            self._stop("max_s")
