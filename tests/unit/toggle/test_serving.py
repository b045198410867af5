"""The main port: HTTP/1.1 as clients and proxies speak it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable

import pytest

from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import REQUEST_LINE

from .conftest import PATIENCE_S, Toggle


def read_answers(sock: socket.socket, count: int) -> list[bytes]:
    """Bodies of this many answers from one stream."""
    stream = sock.makefile("rb")
    bodies = []
    for _ in range(count):
        assert stream.readline().startswith(b"HTTP/1.1 200 ")
        length = 0
        while (line := stream.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        bodies.append(stream.read(length))
    stream.close()
    return bodies


def test_answers_say_who_answered(toggle: Toggle) -> None:
    """Pod and boot stand in headers and body."""
    status, headers, body = toggle.get("/anything?q=1")
    boot = toggle.event("boot")["boot"]
    assert (status, headers["x-toggle-pod"], headers["x-toggle-boot"]) == (200, "pod-1", boot)
    assert body == f"toggle pod-1 {boot}\n"


def test_equal_requests_get_equal_bytes(toggle: Toggle) -> None:
    """Nothing in an answer is unique to a request, so distinct answers stay few."""
    answers = []
    for _ in range(2):
        with toggle.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            answers.append(b"".join(iter(lambda sock=sock: sock.recv(65536), b"")))  # type: ignore[misc]
    assert answers[0] == answers[1] != b""


def test_an_answer_is_one_write(toggle: Toggle) -> None:
    """Head and body come in one piece: apart, a delayed ACK would add 40 ms to each."""
    with toggle.connect() as sock:
        for _ in range(20):
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            head, _, body = sock.recv(65536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert body.startswith(b"toggle pod-1 ")


def test_a_slow_app_lets_users_wait_side_by_side(start: Callable[..., Toggle]) -> None:
    """Each for the time that was asked for; one that gave up is forgotten, and a connection carries the next request."""
    app = start(TOGGLE_ANSWER_DELAY="0.1")
    with app.connect() as first, app.connect() as gone, app.connect() as second:
        begun = time.monotonic()
        for sock in (first, gone, second):
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        gone.close()
        assert [body[:7] for sock in (first, second) for body in read_answers(sock, 1)] == [b"toggle "] * 2
        assert time.monotonic() - begun >= 0.1
        first.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert read_answers(first, 1)


def test_a_slow_app_answers_its_probes_at_once(start: Callable[..., Toggle]) -> None:
    """While a user waits for an hour."""
    app = start(TOGGLE_ANSWER_DELAY="3600")
    with app.connect() as user:
        user.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert app.get("/healthz")[0] == 200
        user.settimeout(0)
        with pytest.raises(BlockingIOError):
            user.recv(1)


def test_an_app_that_binds_early_refuses_users_until_it_is_ready(start: Callable[..., Toggle]) -> None:
    """It listens and is alive; its readiness path and users get 503."""
    app = start(TOGGLE_READY_DELAY="3600")
    assert [app.get(path)[0] for path in ("/healthz", "/readyz", "/")] == [200, 503, 503]
    assert app.get("/")[2] == "not ready\n"
    assert app.event("probe", which="readiness")["ok"] is False


def test_an_app_that_binds_early_becomes_ready_by_itself(start: Callable[..., Toggle]) -> None:
    """After the time that was asked for."""
    app = start(TOGGLE_READY_DELAY="0.1")

    def look() -> Look[bool]:
        status = app.get("/readyz")[0]
        return Look(status == 200 or None, str(status))

    wait_for("a ready app", look, within_s=PATIENCE_S, every_s=0.02)
    assert app.get("/")[0] == 200


def test_requests_leave_a_line_if_that_is_asked_for(start: Callable[..., Toggle]) -> None:
    """Each with its id and status, when it is answered; a probe leaves none beside its own."""
    app = start(TOGGLE_LOG_REQUESTS="1", TOGGLE_ANSWER_DELAY="0.05")
    with app.connect() as sock:
        sock.sendall(b"GET /readyz HTTP/1.1\r\nhost: x\r\nx-rid: p\r\n\r\n")
        read_answers(sock, 1)
        for rid in (b"r-0-1", b"r-0-2"):
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx-rid: " + rid + b"\r\nx-attempt: 3\r\n\r\n")
            read_answers(sock, 1)
    app.event("request", rid="r-0-2")
    lines = app.events("request")
    assert [(one["rid"], one["attempt"], one["status"]) for one in lines] == [("r-0-1", "3", 200), ("r-0-2", "3", 200)]
    assert all(one["took_ns"] >= 50_000_000 for one in lines)
    assert all(re.search(REQUEST_LINE, json.dumps(one, separators=(",", ":"))) for one in lines)


def test_requests_leave_no_line_otherwise(toggle: Toggle) -> None:
    """It would cost the app as much as the answer."""
    toggle.get("/")
    toggle.get("/healthz")
    toggle.event("probe", which="liveness")
    assert not toggle.events("request")


def test_a_connection_carries_many_requests(toggle: Toggle) -> None:
    """Keep-alive, with GET and POST in turn on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", toggle.port, timeout=PATIENCE_S)
    connection.connect()
    sock = connection.sock
    for method, body in [("GET", None), ("POST", b"x" * 1000), ("POST", b""), ("GET", None)]:
        connection.request(method, "/", body)
        with connection.getresponse() as answer:
            assert answer.read().startswith(b"toggle pod-1 ")
        assert connection.sock is sock
    connection.close()


def test_pipelined_requests_are_answered_in_order(toggle: Toggle) -> None:
    """Several requests in one piece get as many answers."""
    with toggle.connect() as sock:
        sock.sendall(
            b"GET /a HTTP/1.1\r\nhost: x\r\n\r\nPOST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabcGET /c HTTP/1.1\r\n\r\n"
        )
        assert len(set(read_answers(sock, 3))) == 1


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_chunked_bodies_however_cut(toggle: Toggle, cut: int) -> None:
    """Chunks, an extension and a trailer, sent in pieces of any size; the next request on the connection is understood."""
    text = (
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        b"4;name=value\r\nwiki\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\ntrailer: t\r\n\r\n"
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    )
    with toggle.connect() as sock:
        for at in range(0, len(text), cut):
            sock.sendall(text[at : at + cut])
        assert len(read_answers(sock, 2)) == 2


def test_a_client_that_waits_is_told_to_continue(toggle: Toggle) -> None:
    """`Expect: 100-continue` is answered before the body."""
    with toggle.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ok")
        assert len(read_answers(sock, 1)) == 1


@pytest.mark.parametrize(
    ("head", "connection"),
    [
        (b"GET / HTTP/1.1\r\nconnection: close", b"connection: close"),
        (b"GET / HTTP/1.0", b"connection: close"),
        (b"GET / HTTP/1.0\r\nconnection: keep-alive", b"connection: keep-alive"),
    ],
)
def test_the_connection_ends_as_asked(toggle: Toggle, head: bytes, connection: bytes) -> None:
    """What the answer says of the connection is what happens to it."""
    with toggle.connect() as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert connection in sock.recv(65536)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""


def test_head_has_no_body(toggle: Toggle) -> None:
    """HEAD gets the length, not the body."""
    with toggle.connect() as sock:
        sock.sendall(b"HEAD / HTTP/1.1\r\nconnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.endswith(b"\r\n\r\n")
    assert b"content-length: 0" not in answer


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\n" + b"x" * 40_000, b"431"),
    ],
)
def test_what_is_not_http_is_refused(toggle: Toggle, text: bytes, status: bytes) -> None:
    """One answer that says so, the connection closed, and the app goes on."""
    with toggle.connect() as sock:
        sock.sendall(text)
        assert sock.recv(65536).startswith(b"HTTP/1.1 " + status)
    assert toggle.get()[0] == 200


def test_a_client_that_does_not_read_is_not_answered_out_of_memory(toggle: Toggle) -> None:
    """Answers wait for a slow reader and all arrive; others are served meanwhile."""
    count = 4000
    with toggle.connect() as sock:
        sender = threading.Thread(target=sock.sendall, args=(b"GET / HTTP/1.1\r\n\r\n" * count,))
        sender.start()
        assert toggle.get()[0] == 200
        assert len(read_answers(sock, count)) == count
        sender.join()


def test_a_few_hundred_requests_over_several_connections(toggle: Toggle) -> None:
    """Every one of 600 requests over 6 connections is answered; how fast is not asked here."""
    counts = [0] * 6

    def client(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", toggle.port, timeout=PATIENCE_S)
        for number in range(100):
            connection.request("POST" if number % 4 == 0 else "GET", f"/{number}", b"body" if number % 4 == 0 else None)
            with connection.getresponse() as answer:
                counts[index] += answer.status == 200 and answer.read().startswith(b"toggle pod-1")
        connection.close()

    clients = [threading.Thread(target=client, args=(index,)) for index in range(6)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert counts == [100] * 6
    assert not toggle.events("probe")


def test_bodies_differ_between_boots(start: Callable[..., Toggle]) -> None:
    """Two starts are told apart by their boot id."""
    assert start().get()[2] != start().get()[2]


def test_the_other_container_is_asked_before_a_user_is_answered(start: Callable[..., Toggle]) -> None:
    """Its answer decides: 200 while it answers well, 500 with what was wrong while its port is closed, and 200 again."""
    sidecar = start()
    app = start(TOGGLE_ASKS=str(sidecar.port))
    seen = [app.get()]
    sidecar.control("/fault", {"kind": "close"})
    seen += [app.get(), app.get("/healthz"), app.get("/other", {"user-agent": "kube-probe/1.34"})]
    sidecar.control("/clear")
    seen.append(app.get())
    assert [status for status, _, _ in seen] == [200, 500, 200, 200, 200]
    assert [headers["x-toggle-boot"] for _, headers, _ in seen] == [app.event("boot")["boot"]] * 5
    assert seen[1][2] == "sidecar: connection refused\n"


def test_a_user_of_a_container_that_hangs_waits_and_may_leave(start: Callable[..., Toggle]) -> None:
    """Others are served meanwhile, and a client that waits for its answer is dropped when it leaves or sends more."""
    sidecar = start()
    app = start(TOGGLE_ASKS=str(sidecar.port))
    sidecar.control("/fault", {"kind": "hang"})
    with app.connect() as waiting, app.connect() as impatient:
        for sock in (waiting, impatient):
            sock.sendall(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        wait_for("two questions", lambda: _hung(sidecar, 2), within_s=PATIENCE_S, every_s=0.01)
        assert app.get("/healthz")[0] == 200
        impatient.sendall(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        assert impatient.recv(1) == b""
        sidecar.control("/clear")
        assert waiting.recv(4096).startswith(b"HTTP/1.1 500 ")
    assert app.get()[0] == 200


def _hung(app: Toggle, count: int) -> Look[bool]:
    hung = app.control("/state", method="GET")[1]["hung"]
    return Look(True if hung == count else None, str(hung))
