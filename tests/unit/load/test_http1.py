"""An HTTP/1.1 lane against a server that is played by hand: what a socket's own errors must not hide."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.adapters.wait import Look, wait_for
from harness.load.book import Book
from harness.load.connection import Dialer, Sockets
from harness.load.http1 import Http1
from harness.load.records import AnswerWriter, RecordReader, RecordWriter
from harness.load.retry import Retry
from harness.load.wire import RequestText
from harness.model import ANSWERS_FILE, LANES, RECORDS_FILE, Lane, LoadPlan, Outcome
from tests.unit.load.held import WITHIN_S

LONG = 20_000_000
"""More than the kernel takes at once."""


class Stage:
    """The POST lane with a long body, its book, and a listener."""

    def __init__(self, folder: Path, body: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        plan = LoadPlan(deadline_s=600, body="x" * body)
        self.records = RecordWriter(folder / RECORDS_FILE, 10, 1_700_000_000_000_000_000)
        self.answers = AnswerWriter(folder / ANSWERS_FILE)
        self.sockets = Sockets()
        book = Book(self.records, self.answers, None, Retry.of(plan))
        text = RequestText.of(Lane.POST_KEEPALIVE.behaviour, "app", plan)
        self.whole = len(text.render(b"r-0"))
        dialer = Dialer("127.0.0.1", self.listener.getsockname()[1])
        self.lane = Http1(LANES.index(Lane.POST_KEEPALIVE), dialer, text, b"r-", book, self.sockets, keep=True)
        self.reader = RecordReader(folder)

    def close(self) -> None:
        """Give everything back."""
        self.sockets.close()
        self.reader.close()
        self.answers.close()
        self.records.close(10)
        self.listener.close()

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the lane look at its sockets until it holds."""

        def look() -> Look[bool]:
            for fd, mask in self.sockets.epoll.poll(0):
                channel = self.sockets.open.get(fd)
                if channel is not None:
                    channel.serve(mask)
            return Look(condition() or None, str(self.reader.all()))

        wait_for("the exchange", look, within_s=WITHIN_S, every_s=0.001)

    def accepted(self) -> socket.socket:
        """The next connection, which need not be there when the lane has sent: nothing here waits in a system call."""
        found: list[socket.socket] = []

        def come() -> bool:
            with suppress(BlockingIOError):
                found.append(self.listener.accept()[0])
            return bool(found)

        self.until(come)
        found[0].setblocking(False)
        return found[0]

    def received(self, peer: socket.socket, count: int) -> None:
        """Until so many bytes have come, none of them kept."""
        got = 0

        def enough() -> bool:
            nonlocal got
            with suppress(BlockingIOError):
                got += len(peer.recv(min(1 << 20, count - got)))
            return got >= count

        self.until(enough)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """With a body that cannot be sent at once."""
    made = Stage(tmp_path, LONG)
    yield made
    made.close()


@pytest.mark.parametrize("answered", [True, False])
def test_an_answer_before_the_end_of_the_body_counts(stage: Stage, answered: bool) -> None:
    """A server that says 413 and goes away has answered; one that only goes away has not."""
    stage.lane.send(0, time.monotonic_ns(), time.monotonic_ns())
    with stage.accepted() as peer:
        stage.received(peer, 1000)
        if answered:
            peer.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stage.until(lambda: bool(stage.reader.finished()))
    (one,) = stage.reader.all()
    assert (one.outcome, one.status) == ((Outcome.HTTP_ERROR, 413) if answered else (Outcome.RESET, 0))


def test_a_long_body_arrives_whole(stage: Stage) -> None:
    """In as many pieces as it takes, and the connections are kept."""
    for seq in (0, 1):
        stage.lane.send(seq, time.monotonic_ns(), time.monotonic_ns())
    peers = [stage.accepted() for _ in (0, 1)]
    for peer in peers:
        stage.received(peer, stage.whole)
    for peer in peers:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    stage.until(lambda: len(stage.reader.finished()) == 2)
    assert {one.outcome for one in stage.reader.all()} == {Outcome.OK}
    assert len(stage.lane.free) == 2
    for peer in peers:
        peer.close()


class Rejected(socket.socket):
    """A socket whose connect() was rejected by ICMP while it was under way, as the kernel shows it."""

    def recv(self, *_args: int) -> bytes:
        """Nothing yet: the kernel goes on connecting."""
        raise BlockingIOError

    def getsockopt(self, *args: int) -> int:  # type: ignore[override]
        """The rejection."""
        return errno.ECONNREFUSED if args == (socket.SOL_SOCKET, socket.SO_ERROR) else 0


def test_a_rejection_while_connecting_is_a_refusal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for any client that asks SO_ERROR; it does not wait for the kernel's next attempt."""
    sock = Rejected(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    monkeypatch.setattr(Dialer, "new", lambda _dialer: sock)
    stage.lane.send(0, 0, time.monotonic_ns())
    stage.sockets.open[sock.fileno()].serve(select.EPOLLERR)
    assert [one.outcome for one in stage.reader.all()] == [Outcome.REFUSED]
    assert stage.sockets.open == {}


def test_what_stands_in_the_error_queue_is_read(tmp_path: Path) -> None:
    """Else epoll would return at once for ever. A time of sending stands there as an ICMP message does."""
    timestamping, of_sending_by_software = 37, 1 << 1 | 1 << 4
    stage = Stage(tmp_path, 1)
    stage.lane.send(0, 0, time.monotonic_ns())
    peer = stage.accepted()
    (conn,) = stage.sockets.open.values()
    stage.received(peer, stage.whole)
    conn.sock.setsockopt(socket.SOL_SOCKET, timestamping, of_sending_by_software)
    conn.sock.send(b"x")

    def errors() -> list[int]:
        return [mask for _, mask in stage.sockets.epoll.poll(0) if mask & select.EPOLLERR]

    (mask,) = wait_for("the kernel's word", lambda: Look(errors() or None, "none"), within_s=WITHIN_S, every_s=0.001)
    conn.serve(mask)
    assert not errors()
    assert conn.fd in stage.sockets.open
    peer.close()
    stage.close()
