"""The HTTP/2 lane against a server that is played by hand, event by event: what each of its words makes of a request."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event, RequestReceived, StreamReset
from h2.settings import SettingCodes

from harness.adapters.wait import Look, wait_for
from harness.load.book import Book
from harness.load.connection import Dialer, Sockets
from harness.load.h2c import H2c
from harness.load.records import AnswerWriter, RecordReader, RecordWriter, Seen
from harness.load.retry import Retry
from harness.model import ANSWERS_FILE, LANES, RECORDS_FILE, Lane, LoadPlan, Outcome
from tests.unit.load.held import WITHIN_S, spec_for

OFFSET = 1_700_000_000_000_000_000
HEAD = [(":status", "200"), ("content-type", "text/plain"), ("x-toggle-boot", "b1"), ("date", "now")]


class Peer:
    """One accepted connection, the server's side of it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.setblocking(False)
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events: list[Event] = []

    def requests(self) -> list[int]:
        """Stream ids of the requests that came so far."""
        return [event.stream_id for event in self.events if isinstance(event, RequestReceived)]

    def answer(self, stream: int, *, status: str = "200", body: bytes = b"fine") -> None:
        """A whole answer."""
        self.h2.send_headers(stream, [(":status", status), *HEAD[1:]])
        self.h2.send_data(stream, body, end_stream=True)

    def flush(self) -> None:
        """What was said goes out."""
        self.sock.sendall(self.h2.data_to_send())

    def end(self) -> None:
        """An end without a reset."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """An end with one."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Stage:
    """The lane, its book, and a listener."""

    def __init__(self, folder: Path, lane: Lane = Lane.GET_H2C, path: str = "/") -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.folder = folder
        spec = spec_for(self.listener.getsockname()[1], lanes=((lane, 1),))
        plan = replace(spec.plan, path=path, headers=(("X-Team", "a b"), ("Accept", "text/*")))
        self.records = RecordWriter(folder / RECORDS_FILE, 1000, OFFSET)
        self.answers = AnswerWriter(folder / ANSWERS_FILE)
        self.book = Book(self.records, self.answers, None, Retry.of(LoadPlan(deadline_s=600)))
        self.sockets = Sockets()
        dialer = Dialer("127.0.0.1", spec.routes[0].port)
        self.lane = H2c(LANES.index(lane), dialer, replace(spec, plan=plan), "app.example", b"r-0-", self.book, self.sockets)
        self.peers: list[Peer] = []
        self.sent = 0
        self.reader = RecordReader(folder)

    def close(self) -> None:
        """Give everything back."""
        self.sockets.close()
        self.answers.close()
        self.records.close(self.sent)
        self.reader.close()
        self.listener.close()
        for peer in self.peers:
            peer.sock.close()

    def send(self, count: int = 1) -> None:
        """So many requests, now."""
        for _ in range(count):
            now = time.monotonic_ns()
            self.lane.send(self.sent, now, now)
            self.sent += 1

    def turn(self) -> None:
        """Both sides look at their sockets once."""
        for fd, mask in self.sockets.epoll.poll(0):
            channel = self.sockets.open.get(fd)
            if channel is not None:
                channel.serve(mask)
        if self.listener.fileno() >= 0:
            with suppress(BlockingIOError):
                self.peers.append(Peer(self.listener.accept()[0]))
        for peer in self.peers:
            try:
                data = peer.sock.recv(65536) if peer.sock.fileno() >= 0 else b""
                if data:
                    peer.events += peer.h2.receive_data(data)
                    peer.flush()
            except OSError:
                continue

    def until(self, condition: Callable[[], bool]) -> None:
        """Take turns until it holds."""

        def look() -> Look[bool]:
            self.turn()
            return Look(condition() or None, str([len(peer.events) for peer in self.peers]))

        wait_for("the exchange", look, within_s=WITHIN_S, every_s=0.001)

    def arrived(self, *counts: int) -> None:
        """Until each connection has had so many requests."""
        self.until(lambda: tuple(len(peer.requests()) for peer in self.peers) == counts)

    def outcomes(self, count: int) -> list[Outcome]:
        """Of all requests, once so many are known."""
        self.until(lambda: len(self.reader.finished()) == count)
        return [one.outcome for one in self.reader.all()]

    def seen(self) -> list[Seen]:
        """All requests."""
        return self.reader.all()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """An empty one."""
    made = Stage(tmp_path)
    yield made
    made.close()


def test_many_requests_share_a_connection(stage: Stage) -> None:
    """Answers may come in any order; each finds its request, and all but the first say that they came second."""
    stage.send(5)
    stage.arrived(5)
    (peer,) = stage.peers
    for stream in reversed(peer.requests()):
        peer.answer(stream, body=b"to %d" % stream)
    peer.flush()
    assert stage.outcomes(5) == [Outcome.OK] * 5
    assert [one.answer.body for one in stage.seen() if one.answer] == [f"to {stream}" for stream in peer.requests()]
    assert [one.reused for one in stage.seen()] == [False] + [True] * 4
    assert stage.seen()[0].boot == "b1"
    assert stage.book.in_flight == 0


def test_a_request_says_what_the_plan_says(stage: Stage) -> None:
    """Authority, path and id as on every lane, the plan's headers in lower case, and nothing of HTTP/1.1's framing."""
    stage.send()
    stage.arrived(1)
    (event,) = [event for event in stage.peers[0].events if isinstance(event, RequestReceived)]
    assert [(str(name), str(value)) for name, value in event.headers] == [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "app.example"),
        (":path", "/?rid=r-0-0"),
        ("x-rid", "r-0-0"),
        ("user-agent", "knative-chaos"),
        ("x-team", "a b"),
        ("accept", "text/*"),
    ]


def test_a_status_of_400_and_above_is_an_error(stage: Stage) -> None:
    """With its body as evidence."""
    stage.send()
    stage.arrived(1)
    stage.peers[0].answer(1, status="503", body=b"no")
    stage.peers[0].flush()
    assert stage.outcomes(1) == [Outcome.HTTP_ERROR]
    assert [(one.status, one.answer.body) for one in stage.seen() if one.answer] == [(503, "no")]


def _reset_stream(peer: Peer) -> None:
    peer.h2.reset_stream(1, ErrorCodes.INTERNAL_ERROR)
    peer.answer(3)
    peer.flush()


def test_a_stream_that_is_reset_is_alone(stage: Stage) -> None:
    """The others of its connection go on."""
    stage.send(2)
    stage.arrived(2)
    _reset_stream(stage.peers[0])
    assert stage.outcomes(2) == [Outcome.RESET, Outcome.OK]


def test_a_server_that_goes_away_still_answers_what_it_took(stage: Stage) -> None:
    """GOAWAY names the last stream it will serve: those above are lost, those below are not, and the next one dials anew."""
    stage.send(3)
    stage.arrived(3)
    (peer,) = stage.peers
    peer.flush()
    peer.sock.sendall(struct.pack(">HBBBLLL", 0, 8, 7, 0, 0, 3, 0))
    assert stage.outcomes(1)[2] is Outcome.RESET
    stage.send()
    stage.arrived(3, 1)
    for stream in (1, 3):
        peer.answer(stream)
    peer.flush()
    stage.peers[1].answer(1)
    stage.peers[1].flush()
    assert stage.outcomes(4) == [Outcome.OK, Outcome.OK, Outcome.RESET, Outcome.OK]
    assert [one.reused for one in stage.seen()] == [False, True, True, False]
    stage.until(lambda: len(stage.sockets.open) == 1)  # the one that has nothing to do any more is closed


@pytest.mark.parametrize(
    ("end", "lost", "begun"),
    [(Peer.end, Outcome.CLOSED, Outcome.TRUNCATED), (Peer.reset, Outcome.RESET, Outcome.RESET)],
    ids=["end", "reset"],
)
def test_a_lost_connection_takes_its_streams_with_it(
    stage: Stage, end: Callable[[Peer], None], lost: Outcome, begun: Outcome
) -> None:
    """Each with its own outcome, none is sent again, and the next request finds a new connection."""
    stage.send(2)
    stage.arrived(2)
    (peer,) = stage.peers
    peer.h2.send_headers(1, HEAD)
    peer.h2.send_data(1, b"half")
    peer.flush()
    stage.until(lambda: bool(peer.events) and any(stream.first for _, stream in stage.book._waiting))
    end(peer)
    assert stage.outcomes(2) == [begun, lost]
    assert not stage.sockets.open
    stage.send()
    stage.arrived(2, 1)
    assert stage.seen()[2].outcome is Outcome.UNANSWERED


def test_an_answer_that_came_before_the_end_counts(stage: Stage) -> None:
    """Though it is only read when the next request finds the connection dead; that one is lost."""
    stage.send(2)
    stage.arrived(2)
    (peer,) = stage.peers
    peer.answer(1)
    peer.flush()
    peer.reset()
    stage.send()
    assert stage.outcomes(3) == [Outcome.OK, Outcome.RESET, Outcome.RESET]


def test_nobody_there_is_refused(stage: Stage) -> None:
    """Each request by itself, however many wait for the one connection."""
    stage.listener.close()
    stage.send(2)
    assert stage.outcomes(2) == [Outcome.REFUSED] * 2


@pytest.mark.parametrize(
    "noise",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack(">HBBBL", 0, 1, 0, 4, 1) + b"\xff",
        struct.pack(">HBBBL", 0, 0, 4, 0, 0) + struct.pack(">HBBBL", 0, 4, 0, 0, 1) + b"body",
    ],
    ids=["another protocol", "an answer before the settings", "a body without a head"],
)
def test_what_is_not_http2_is_malformed(stage: Stage, noise: bytes) -> None:
    """As soon as it can be seen; the connection is not used again."""
    stage.send(2)
    stage.until(lambda: bool(stage.peers))
    stage.peers[0].sock.sendall(noise)
    assert stage.outcomes(2) == [Outcome.MALFORMED] * 2
    assert not stage.sockets.open


@pytest.mark.parametrize(("body", "outcome"), [(b"half", Outcome.TRUNCATED), (b"x" * 200, Outcome.MALFORMED)])
def test_a_body_that_is_not_as_long_as_it_says(stage: Stage, body: bytes, outcome: Outcome) -> None:
    """Less is truncated, more is malformed; the library leaves the connection then, and what else was on it is reset."""
    stage.send(2)
    stage.arrived(2)
    (peer,) = stage.peers
    peer.h2.send_headers(1, [*HEAD, ("content-length", "100")])
    peer.h2.send_data(1, body, end_stream=True)
    peer.flush()
    assert stage.outcomes(2) == [outcome, Outcome.RESET]


def test_a_request_given_up_is_cancelled(stage: Stage) -> None:
    """The server is told, an answer that comes nevertheless harms nobody, and the connection goes on."""
    stage.send(2)
    stage.arrived(2)
    (peer,) = stage.peers
    stage.book.expire(stage.book.next_event())
    stage.until(lambda: any(isinstance(event, StreamReset) and event.stream_id == 1 for event in peer.events))
    assert stage.reader.all()[0].outcome is Outcome.TIMEOUT
    peer.answer(3)
    peer.flush()
    assert stage.outcomes(2) == [Outcome.TIMEOUT, Outcome.OK]


def test_a_server_that_limits_streams_gets_another_connection(stage: Stage) -> None:
    """No request waits for another one's answer."""
    stage.send()
    stage.arrived(1)
    (peer,) = stage.peers
    peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    peer.answer(1)
    peer.flush()
    stage.outcomes(1)
    stage.send(3)
    stage.arrived(3, 1)


def test_a_server_that_says_nothing_yet_is_not_asked_for_more_than_it_may_take(stage: Stage) -> None:
    """A hundred requests at first; later as many as it took before, also on a connection that it has not accepted yet."""
    stage.send(101)
    stage.arrived(100, 1)
    for peer in stage.peers:
        peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
        for stream in peer.requests():
            peer.answer(stream)
        peer.flush()
    stage.outcomes(101)
    stage.peers[1].reset()
    stage.until(lambda: len(stage.sockets.open) == 1)
    stage.send(5)
    stage.arrived(102, 1, 2, 1)


def test_what_it_answers_beside_is_borne(stage: Stage) -> None:
    """Early hints, pings, windows, trailers: none of it is an answer, none of it is an error."""
    stage.send()
    stage.arrived(1)
    (peer,) = stage.peers
    peer.h2.ping(b"12345678")
    peer.h2.increment_flow_control_window(1000)
    peer.h2.send_headers(1, [(":status", "103"), ("link", "x")])
    peer.h2.send_headers(1, HEAD)
    peer.h2.send_data(1, b"fi")
    peer.h2.send_data(1, b"ne")
    peer.h2.send_headers(1, [("x-sum", "1")], end_stream=True)
    peer.flush()
    assert stage.outcomes(1) == [Outcome.OK]
    assert [one.answer.body for one in stage.seen() if one.answer] == ["fine"]
