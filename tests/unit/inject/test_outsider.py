"""The planted request of nobody's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from harness.errors import FaultError
from harness.inject import outsider
from harness.model import Deployed


@dataclass
class Ingress:
    """Answers each connection with these bytes and keeps what it was sent."""

    port: int
    answer: bytes = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 7\r\n\r\nrefused"
    got: list[bytes] = field(default_factory=list)


@pytest.fixture
def ingress() -> Iterator[Ingress]:
    """A server that speaks only as told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fake = Ingress(listener.getsockname()[1])

        def serve() -> None:
            while True:
                sock, _ = listener.accept()
                with sock:
                    text = sock.recv(65536)
                    if not text:
                        return
                    fake.got.append(text)
                    sock.sendall(fake.answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield fake
        socket.create_connection(("127.0.0.1", fake.port)).close()
        thread.join()


def at(deployed: Deployed, port: int) -> Deployed:
    """The same, with the users' route to this port."""
    return replace(deployed, routes=(replace(deployed.route("users"), port=port),))


def test_one_request_with_an_id_of_its_own(ingress: Ingress, deployed: Deployed) -> None:
    """Exactly one, to the users' host; what came back is told."""
    sent = outsider.send(at(deployed, ingress.port), timeout_s=40)
    (text,) = ingress.got
    assert text.startswith(b"GET /outsider HTTP/1.1\r\nHost: toggle.ns.example.com\r\n")
    assert f"X-Rid: {sent.rid}\r\n".encode() in text
    assert sent.rid.startswith("outsider-")
    assert (sent.status, sent.body) == (502, "refused")
    assert sent.sent_ns <= sent.done_ns


def test_ids_differ(ingress: Ingress, deployed: Deployed) -> None:
    """Two outsiders are not mistaken for each other."""
    there = at(deployed, ingress.port)
    assert outsider.send(there, timeout_s=40).rid != outsider.send(there, timeout_s=40).rid


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n"])
def test_no_answer_is_an_error_and_no_second_try(ingress: Ingress, deployed: Deployed, answer: bytes) -> None:
    """It says which request got none."""
    ingress.answer = answer
    with pytest.raises(FaultError, match=r"outsider-[0-9a-f]+ got no answer"):
        outsider.send(at(deployed, ingress.port), timeout_s=40)
    assert len(ingress.got) == 1


def test_nobody_there_is_an_error(deployed: Deployed) -> None:
    """A refused connection to the ingress is told as such."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # held, so that nobody else gets it, and not listened on
        with pytest.raises(FaultError, match="ConnectionRefusedError"):
            outsider.send(at(deployed, held.getsockname()[1]))
