"""One unary call, against a server that is played by hand."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded

from harness.adapters.ingress import Reply, ask
from harness.knative.unary import framed
from harness.model import UserRequest

CALL = UserRequest("GRPC", "/grpc.health.v1.Health/Check", (("X-Team", "a"),))
Answers = Callable[[H2Connection], None]
HEAD = [(":status", "200"), ("content-type", "application/grpc")]


@contextmanager
def served(answers: Answers, seen: dict[str, str]) -> Iterator[int]:
    """A server that answers one call; its port. seen: gets the headers of the call."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as sock:
            link = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
            link.initiate_connection()
            over = False
            while not over and (data := sock.recv(65536)):
                for event in link.receive_data(data):
                    if isinstance(event, RequestReceived):
                        seen.update((str(name), str(value)) for name, value in event.headers or [])
                    over = over or isinstance(event, StreamEnded)
                if over:
                    answers(link)
                sock.sendall(link.data_to_send())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    thread.join()


def with_status(code: str, body: bytes) -> Answers:
    """A message and this status in the trailers."""

    def answers(link: H2Connection) -> None:
        link.send_headers(1, HEAD)
        link.send_data(1, body)
        link.send_headers(1, [("grpc-status", code), ("grpc-message", "said")], end_stream=True)

    return answers


def plain(link: H2Connection) -> None:
    """Queue-proxy, when the program's port refuses."""
    link.send_headers(1, [(":status", "502"), ("content-type", "text/plain")])
    link.send_data(1, b"dial tcp", end_stream=True)


def cut_off(link: H2Connection) -> None:
    """A status before the message, and none behind it."""
    link.send_headers(1, [*HEAD, ("grpc-status", "0")])
    link.send_data(1, framed(""), end_stream=True)


def empty(link: H2Connection) -> None:
    """An HTTP status that would be good of any other request."""
    link.send_headers(1, [(":status", "204")], end_stream=True)


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        (cut_off, 0, "truncated: grpc-status none"),
        (empty, 0, "http-error: grpc-status none"),
        (with_status("0", framed("")), 200, ""),
        (with_status("14", b""), 0, "grpc-error: grpc-status 14 said"),
        (with_status("0", b""), 0, "malformed: grpc-status 0"),
        (plain, 502, "dial tcp"),
    ],
)
def test_a_call_that_succeeded_has_a_status_of_200(answers: Answers, status: int, said: str) -> None:
    """Any other says what was said."""
    seen: dict[str, str] = {}
    with served(answers, seen) as port:
        reply = ask("127.0.0.1", port, "app.example", request=CALL, timeout_s=60)
    assert (reply.status, CALL.good(reply.status)) == (status, status == 200)
    assert said in reply.text
    assert (seen[":path"], seen[":authority"], seen["te"], seen["x-team"]) == (CALL.path, "app.example", "trailers", "a")


def test_nobody_there_is_no_answer() -> None:
    """As of any other request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = ask("127.0.0.1", port, "h", request=CALL)
    assert isinstance(reply, Reply)
    assert (reply.status, "Refused" in reply.text) == (0, True)
