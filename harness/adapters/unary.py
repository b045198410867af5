"""One unary gRPC call over HTTP/2 without TLS: how a stage proves that a gRPC server is served. Not for load."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, Event, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import H2Error

from harness.adapters.clock import mono_s
from harness.knative.unary import HEADERS, TRAILERS, called, framed
from harness.model import Outcome, UserRequest


def call(address: str, port: int, host: str, *, request: UserRequest, timeout_s: float) -> tuple[int, Mapping[str, str], str]:
    """(status, headers and trailers, text). Never raises for what the network does.

    The status is 200 only for a call that succeeded, the HTTP status of whoever does not speak gRPC, else 0 with what was said.
    """
    answer = _Answer()
    try:
        with socket.create_connection((address, port), timeout=timeout_s) as sock:
            _exchange(sock, host, request, answer, until_s=mono_s() + timeout_s)
    except (OSError, H2Error) as error:
        return 0, answer.headers, f"{type(error).__name__}: {error}"
    text = answer.body.decode(errors="replace")
    outcome = called(answer.status, answer.headers, answer.body, len(answer.body))
    if outcome is Outcome.OK:
        return 200, answer.headers, text
    if outcome is Outcome.HTTP_ERROR and not request.good(answer.status):
        return answer.status, answer.headers, text
    said = answer.headers.get("grpc-message", "")
    return 0, answer.headers, f"{outcome}: grpc-status {answer.headers.get('grpc-status', 'none')} {said}".strip()


@dataclass
class _Answer:
    """What came so far. headers: trailers among them."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    over: bool = False

    def take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            found = {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in event.headers or []}
            self.status = int(found.pop(":status", self.status))
            self.headers.update(found)
        elif isinstance(event, DataReceived):
            if event.data and not self.body:  # then the status comes behind the message, or not at all
                self.headers = {name: value for name, value in self.headers.items() if name.encode("latin-1") not in TRAILERS}
            self.body += event.data or b""
        elif isinstance(event, StreamReset | ConnectionTerminated):
            raise ConnectionResetError(f"the server said {type(event).__name__}, error {event.error_code}")
        self.over = self.over or isinstance(event, StreamEnded)


def _exchange(sock: socket.socket, host: str, request: UserRequest, answer: _Answer, *, until_s: float) -> None:
    """Send the call and read its answer to the end. Raises OSError, H2Error."""
    link = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    link.initiate_connection()
    pseudo = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", host.encode()), (b":path", request.path.encode())]
    given = [(name.lower().encode(), value.encode()) for name, value in request.headers]
    link.send_headers(1, [*pseudo, *given, *HEADERS])
    link.send_data(1, framed(request.body), end_stream=True)
    sock.sendall(link.data_to_send())
    while not answer.over:
        if mono_s() > until_s:
            raise TimeoutError("no whole answer in time")
        data = sock.recv(65536)
        if not data:
            raise ConnectionResetError("the server ended the connection")
        for event in link.receive_data(data):
            if isinstance(event, DataReceived):
                link.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            answer.take(event)
        sock.sendall(link.data_to_send())
