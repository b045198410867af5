"""HTTP/2 without TLS and with prior knowledge: many requests at once on one connection. The one module with a library (h2) in it.

What its events mean:

REFUSED    the connection was not to be had             RESET      it was torn down; the server reset this stream (RST_STREAM),
CLOSED     it ended before this answer began                       or told that it will not serve it any more (GOAWAY)
TRUNCATED  it, or the stream, ended within this answer  MALFORMED  what came is not HTTP/2

GRPC_ERROR the trailers of a call have a status other than 0 (`harness.knative.unary`)

A connection that is lost takes all its streams with it, each with an outcome of its own. Nothing is sent again: the next request
opens another connection. So does one for which a connection has no room (the server limits the streams of one).
"""

from __future__ import annotations

import errno
import select
import struct
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from socket import socket

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import H2Error, InvalidBodyLengthError
from h2.settings import SettingCodes

from harness.knative.unary import HEADERS, KEPT, OF_HEADERS, TRAILERS, called, framed
from harness.load.book import Book, Carrier
from harness.load.connection import READ_BYTES, Dialer, Sockets, push, receive
from harness.load.outcome import outcome_of
from harness.load.spec import GeneratorSpec
from harness.load.wire import BODY_KEPT, Framing, Head, Malformed, evidence_of, fields_of, judged
from harness.model import ATTEMPT_SHIFT, FLAG_REUSED, LANES, RID_HEADER, Behaviour, Outcome

WINDOW = 1 << 20
"""Bytes a server may send before it must wait for us, for a stream and, many times, for a connection: no answer comes near."""

PIECE_BYTES = 512
"""So much is read at once: about four short answers, which take the library some 0.4 ms; what is due meanwhile waits no longer."""

STREAMS = 100
"""So many requests go to a connection whose server has not said yet how many it takes: no server should take fewer (RFC 9113)."""

CARRIED_MAX = 1 << 20
"""After so many requests a connection is left for another: the library remembers each stream it ever had."""

_FRAME_HEAD = struct.Struct(">HBBBL")
_SETTINGS, _GOAWAY = 4, 7
_RID = RID_HEADER.lower().encode()


class H2c:
    """The lane. Requests go to the newest connection that has room."""

    def __init__(self, lane: int, dialer: Dialer, spec: GeneratorSpec, host: str, rid: bytes, book: Book, sockets: Sockets) -> None:
        """lane: its code. host: of the requests. rid: what a request's number makes an id with."""
        self.lane = lane
        self.book = book
        self.sockets = sockets
        self._dialer = dialer
        self._rid = rid
        path, behaviour = spec.plan.path, LANES[lane].behaviour
        self.expect = spec.plan.expect
        self.body = framed(spec.plan.message) if behaviour is Behaviour.GRPC else b""
        self.calls = behaviour is Behaviour.GRPC
        query = "" if self.calls else "&rid=" if "?" in path else "?rid="
        self._path = (path + query).encode("ascii")
        method = b"POST" if self.calls else b"GET"
        self._before = [(b":method", method), (b":scheme", b"http"), (b":authority", host.encode("ascii"))]
        fields = fields_of(behaviour, spec.plan)
        self._behind = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in fields]
        if self.calls:
            given = {name for name, _ in self._behind}
            self._behind += [(name, value) for name, value in HEADERS if name not in given]
        self._links: list[Link] = []
        self.streams = STREAMS  # what a server said last that it takes

    def send(self, seq: int, intended: int, at: int, attempt: int = 0) -> None:
        """Send this request now; its outcome comes to the book. at: the clock's reading for it."""
        link = next((one for one in reversed(self._links) if one.has_room()), None)
        fresh = link is None
        if link is None:
            try:
                link = Link(self._dialer.new(), self)
            except OSError:
                self.book.skip(seq, self.lane, intended, at, attempt)
                return
            self._links.append(link)
        stream = Stream(self.lane, link)
        self.book.begin(stream, seq, intended, at, attempt << ATTEMPT_SHIFT | (0 if fresh else FLAG_REUSED))
        rid = self._rid + b"%d" % seq
        path = self._path if self.calls else self._path + rid
        link.request(stream, [*self._before, (b":path", path), (_RID, rid), *self._behind])
        try:
            if fresh:
                self._dialer.dial(link.sock)
                push(link)
                self.sockets.add(link, writing=bool(link.unsent))
            else:
                link.flush()
        except OSError as error:
            link.fail(error, time.monotonic_ns())

    def forget(self, link: Link) -> None:
        """This connection is lost or spent."""
        if link in self._links:
            self._links.remove(link)


class Stream(Carrier):
    """One request on its connection."""

    __slots__ = ("id", "length", "link")

    def __init__(self, lane: int, link: Link) -> None:
        super().__init__(lane)
        self.link = link
        self.id = 0
        self.length = 0  # of the answer's body

    def give_up(self, now: int) -> None:
        """Its deadline has gone: tell the server not to go on."""
        self.link.home.book.end(self, Outcome.TIMEOUT, now)
        self.link.cancel(self, now)


class Link:
    """One connection with its streams."""

    def __init__(self, sock: socket, home: H2c) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.home = home
        self.unsent = b""
        self._streams: dict[int, Stream] = {}
        self._carried = 0
        self._leaving = False  # the server said that it takes no more
        self._greeted = False
        self._got = b""
        self._h2 = H2Connection(
            H2Configuration(
                client_side=True, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self._h2.local_settings.update({SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: WINDOW})
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW * 64)
        self.unsent = self._h2.data_to_send()

    def has_room(self) -> bool:
        """Whether it can take another request now."""
        limit = self._h2.remote_settings.max_concurrent_streams if self._greeted else self.home.streams
        if self._leaving or self._carried >= CARRIED_MAX or len(self._streams) >= limit:
            return False
        return not self.home.calls or self._h2.outbound_flow_control_window >= len(self.home.body)

    def request(self, stream: Stream, headers: list[tuple[bytes, bytes]]) -> None:
        """Put a request among what is to be sent."""
        stream.id = self._h2.get_next_available_stream_id()
        self._streams[stream.id] = stream
        self._carried += 1
        self._h2.send_headers(stream.id, headers, end_stream=not self.home.calls)
        if self.home.calls:
            self._h2.send_data(stream.id, self.home.body, end_stream=True)
        self.unsent += self._h2.data_to_send()

    def flush(self) -> None:
        """The same on a connection that is watched already. Raises OSError."""
        if self.unsent:
            push(self)
            if self.unsent:
                self.home.sockets.watch(self, writing=True)

    def serve(self, mask: int) -> None:
        """Something happened on it."""
        try:
            if self.unsent and mask & select.EPOLLOUT:
                push(self)
                if not self.unsent:
                    self.home.sockets.watch(self, writing=False)
                if not mask & ~select.EPOLLOUT:
                    return
            data = receive(self.sock, PIECE_BYTES, mask)
            now = time.monotonic_ns()
            if not data:
                self.lose(Outcome.CLOSED, now)
                return
            self._feed(data, now)
            if self._leaving and not self._streams:
                self.drop()
                return
            self.unsent += self._h2.data_to_send()
            self.flush()
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(error, time.monotonic_ns())
        except (H2Error, Malformed):
            self.lose(Outcome.MALFORMED, time.monotonic_ns())

    def cancel(self, stream: Stream, now: int) -> None:
        """The answer to this one is not wanted any more."""
        self._streams.pop(stream.id, None)
        try:
            self._h2.reset_stream(stream.id, ErrorCodes.CANCEL)
            self.unsent += self._h2.data_to_send()
            self.flush()
        except H2Error:
            pass  # it is over already
        except OSError as error:
            self.fail(error, now)

    def fail(self, error: OSError, now: int) -> None:
        """The socket says no. Answers that had come before still count."""
        with suppress(OSError, H2Error, Malformed):
            while data := self.sock.recv(READ_BYTES):
                self._feed(data, now)
        self.lose(outcome_of(error), now)

    def lose(self, outcome: Outcome, now: int) -> None:
        """The connection is gone, and with it every stream. One whose answer had begun when the server closed it is TRUNCATED."""
        self.drop()
        for stream in list(self._streams.values()):
            begun = outcome is Outcome.CLOSED and stream.reply.head is not None
            self._finish(stream, Outcome.TRUNCATED if begun else outcome, now)

    def drop(self) -> None:
        """Close it."""
        self.home.forget(self)
        self.home.sockets.drop(self)

    # --- what the server says ---------------------------------------------------------------------------------------------

    def _feed(self, data: bytes, now: int) -> None:
        """Frame by frame, so that one that is wrong spoils none before it. Raises Malformed, H2Error."""
        data = self._got + data
        limit = self._h2.max_inbound_frame_size
        while len(data) >= _FRAME_HEAD.size:
            high, low, kind, _flags, stream_id = _FRAME_HEAD.unpack_from(data)
            size = _FRAME_HEAD.size + (high << 8 | low)
            if size > limit + _FRAME_HEAD.size or (kind != _SETTINGS and not self._greeted):
                # The library would wait for all of such a frame before it says no.
                raise Malformed(f"no frame of HTTP/2: {data[:80]!r}")
            if len(data) < size:
                break
            self._greeted = True
            frame, data = data[:size], data[size:]
            if kind == _GOAWAY:
                # The library would take back every stream; the server has only taken back those above the one it names.
                self._goaway(frame[_FRAME_HEAD.size :], now)
                continue
            try:
                events = self._h2.receive_data(frame)
            except InvalidBodyLengthError as error:
                self._short(stream_id, now, too_long=error.actual_length > error.expected_length)
                raise ConnectionResetError(errno.ECONNRESET, "the library leaves a connection with a wrong length in it") from error
            if kind == _SETTINGS:
                self.home.streams = self._h2.remote_settings.max_concurrent_streams
            for event in events:
                self._take(event, now)
        self._got = data

    def _goaway(self, payload: bytes, now: int) -> None:
        if len(payload) < 8:
            raise Malformed("GOAWAY without its last stream")
        self._leaving = True
        last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        for number in [number for number in self._streams if number > last]:
            self._finish(self._streams[number], Outcome.RESET, now)

    def _short(self, stream_id: int, now: int, *, too_long: bool) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._finish(stream, Outcome.MALFORMED if too_long else Outcome.TRUNCATED, now)

    def _take(self, event: Event, now: int) -> None:
        if isinstance(event, ResponseReceived):
            stream = self._streams.get(event.stream_id or 0)
            if stream is not None:
                stream.first = stream.first or now
                stream.reply.head = _head(event.headers, calls=self.home.calls)
        elif isinstance(event, TrailersReceived):
            stream = self._streams.get(event.stream_id or 0)
            if stream is not None and stream.reply.head is not None and self.home.calls:
                stream.reply.head = _with_trailers(stream.reply.head, event.headers)
        elif isinstance(event, DataReceived):
            stream = self._streams.get(event.stream_id or 0)
            if stream is not None and event.data:
                if self.home.calls and not stream.length and stream.reply.head is not None:
                    stream.reply.head = _without_trailers(stream.reply.head)
                stream.length += len(event.data)
            if stream is not None and len(stream.reply.body) < BODY_KEPT:
                stream.reply.body = (stream.reply.body + (event.data or b""))[:BODY_KEPT]
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, StreamEnded):
            stream = self._streams.get(event.stream_id or 0)
            if stream is not None and stream.reply.head is not None:
                self._finish(stream, self._judged(stream, stream.reply.head), now)
        elif isinstance(event, StreamReset):
            stream = self._streams.get(event.stream_id or 0)
            if stream is not None:
                self._finish(stream, Outcome.RESET, now)

    def _judged(self, stream: Stream, head: Head) -> Outcome:
        if self.home.calls:
            return called(head.status, dict(head.evidence), stream.reply.body, stream.length)
        return judged(head.status, self.home.expect, stream.reply.body)

    def _finish(self, stream: Stream, outcome: Outcome, now: int) -> None:
        self._streams.pop(stream.id, None)
        self.home.book.end(stream, outcome, now)


def _head(headers: list[tuple[bytes, bytes]] | None, *, calls: bool = False) -> Head:
    """The status and what is evidence. calls: its trailers may stand here, if no DATA follows. Raises Malformed."""
    status = 0
    evidence: dict[str, str] = {}
    for name, value in headers or []:
        if name == b":status":
            if not value.isdigit() or len(value) != 3:
                raise Malformed(f"status {value[:40]!r}")
            status = int(value)
        else:
            evidence.update(evidence_of(bytes(name), bytes(value)))
    if calls:
        evidence.update(_named(headers, TRAILERS | OF_HEADERS))
    return Head(status, Framing.LENGTH, 0, True, tuple(sorted(evidence.items())))  # noqa: FBT003 - keep: as the connection decides


def _with_trailers(head: Head, headers: list[tuple[bytes, bytes]] | None) -> Head:
    return replace(head, evidence=tuple(sorted({**dict(head.evidence), **_named(headers, TRAILERS)}.items())))


def _without_trailers(head: Head) -> Head:
    """What a message follows has its status behind the message, or none."""
    return replace(head, evidence=tuple((name, value) for name, value in head.evidence if name.encode("ascii") not in TRAILERS))


def _named(headers: list[tuple[bytes, bytes]] | None, names: Collection[bytes]) -> dict[str, str]:
    return {name.decode("ascii"): value.decode("utf-8", "replace")[:KEPT] for name, value in headers or [] if name in names}
