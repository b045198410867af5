"""HTTP/1.1 over non-blocking sockets: one request at a time on a connection, no pipelining, no task and no object per request."""

from __future__ import annotations

import select
import time
from contextlib import suppress
from socket import socket

from harness.load.book import Book, Carrier
from harness.load.connection import GONE, READ_BYTES, Dialer, Sockets, push, receive
from harness.load.outcome import outcome_of
from harness.load.wire import Malformed, RequestText, judged
from harness.model import ATTEMPT_SHIFT, FLAG_REUSED, Outcome


class Http1:
    """One lane. Connections that are free are used again, the last one first, unless `keep` is off."""

    def __init__(
        self,
        lane: int,
        dialer: Dialer,
        text: RequestText,
        rid: bytes,
        book: Book,
        sockets: Sockets,
        *,
        keep: bool,
        expect: tuple[int, ...] = (),
    ) -> None:
        """lane: its code. rid: what a request's number makes an id with. expect: see `LoadPlan`."""
        self.lane = lane
        self.book = book
        self.sockets = sockets
        self.keep = keep
        self.expect = expect
        self.free: list[Connection] = []
        self._dialer = dialer
        self._text = text
        self._rid = rid

    def send(self, seq: int, intended: int, at: int, attempt: int = 0) -> None:
        """Send this request now; its outcome comes to the book. at: the clock's reading for it."""
        free = self.free
        while free:
            conn = free.pop()
            if conn.alive:
                fresh = 0
                break
        else:
            try:
                conn = Connection(self._dialer.new(), self)
            except OSError:
                self.book.skip(seq, self.lane, intended, at, attempt)
                return
            fresh = 1
        self.book.begin(conn, seq, intended, at, attempt << ATTEMPT_SHIFT | (0 if fresh else FLAG_REUSED))
        rid = self._rid + b"%d" % seq
        text = self._text
        conn.unsent = text.line + rid + text.middle + rid + text.ends[attempt]
        try:
            if fresh:
                self._dialer.dial(conn.sock)
                push(conn)
                self.sockets.add(conn, writing=bool(conn.unsent))
            else:
                push(conn)
                if conn.unsent:
                    self.sockets.watch(conn, writing=True)
        except OSError as error:
            conn.fail(error, time.monotonic_ns())


class Connection(Carrier):
    """A socket and the one request it carries."""

    __slots__ = ("alive", "fd", "home", "sock", "unsent")

    def __init__(self, sock: socket, home: Http1) -> None:
        super().__init__(home.lane)
        self.sock = sock
        self.fd = sock.fileno()
        self.home = home
        self.alive = True
        self.unsent = b""

    def serve(self, mask: int) -> None:
        """Something happened on it."""
        try:
            if self.unsent and mask & select.EPOLLOUT:
                push(self)
                if not self.unsent:
                    self.home.sockets.watch(self, writing=False)
                if not mask & ~select.EPOLLOUT:
                    return
            data = receive(self.sock, READ_BYTES, mask)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(error, time.monotonic_ns())
            return
        now = time.monotonic_ns()
        if self.seq < 0:
            self.drop()  # idle: the server closed it, or said something nobody asked for
            return
        reply = self.reply
        if not data:
            if reply.end():
                self.finish(self._judged(), now, keep=False)
            else:
                self.finish(Outcome.TRUNCATED if reply.head else Outcome.CLOSED, now, keep=False)
            return
        if not self.first:
            self.first = now
        try:
            if reply.feed(data):
                self.finish(self._judged(), now, keep=self.home.keep and reply.keep and not self.unsent and not mask & GONE)
        except Malformed:
            self.finish(Outcome.MALFORMED, now, keep=False)

    def give_up(self, now: int) -> None:
        """Its deadline has gone."""
        self.finish(Outcome.TIMEOUT, now, keep=False)

    def fail(self, error: OSError, now: int) -> None:
        """The socket says no. An answer that had come before still counts: a server may answer a long body before its end."""
        if self.seq < 0:
            self.drop()
            return
        with suppress(OSError, Malformed):
            while data := self.sock.recv(READ_BYTES):
                self.first = self.first or now
                if self.reply.feed(data):
                    self.finish(self._judged(), now, keep=False)
                    return
        self.finish(outcome_of(error), now, keep=False)

    def finish(self, outcome: Outcome, now: int, *, keep: bool) -> None:
        """The outcome is known; keep: it can carry another request."""
        self.home.book.end(self, outcome, now)
        if keep:
            self.home.free.append(self)
        else:
            self.drop()

    def drop(self) -> None:
        """Close it; a list of free connections that still has it will find it dead."""
        self.alive = False
        self.home.sockets.drop(self)

    def _judged(self) -> Outcome:
        reply = self.reply
        return judged(reply.head.status, self.home.expect, reply.body) if reply.head else Outcome.OK
