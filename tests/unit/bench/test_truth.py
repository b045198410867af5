"""The truth server of the comparison, held to clients that know what they did. Nothing here depends on how fast anything is."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.adapters.wait import Look, wait_for
from tests.bench.subjects import Order, library, ours
from tests.bench.truth import Fault, Truth, serving


def ask(conn: socket.socket, number: int) -> bytes:
    """One request on this connection and its answer, b"" if the connection ended."""
    conn.sendall(b"GET /?rid=test-0-%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
    return conn.recv(4096)


def connect(truth: Truth) -> socket.socket:
    """A fresh connection."""
    return socket.create_connection(("127.0.0.1", truth.port), timeout=60)


def told(truth: Truth, number: int) -> bytes:
    """What a request on a fresh connection gets: the beginning of an answer, or b"refused"."""
    try:
        with connect(truth) as conn:
            return ask(conn, number)[:12]
    except (ConnectionRefusedError, ConnectionResetError):
        return b"refused"


def test_every_request_is_stamped_between_its_sending_and_its_answer(tmp_path: Path) -> None:
    """By number, on one connection; the kernel's stamp is never later than the program's."""
    with serving(tmp_path, 10) as truth, connect(truth) as conn:
        answers = [ask(conn, number) for number in (7, 8)]
    assert all(one.startswith(b"HTTP/1.1 200") for one in answers)
    assert truth.seq.tolist() == [7, 8]
    assert (truth.at_ns <= truth.read_ns).all()
    assert truth.at_ns[0] < truth.read_ns[0] < truth.at_ns[1]
    assert (truth.served, truth.killed, truth.windows) == (2, 0, [])


def test_more_than_it_can_log_is_counted(tmp_path: Path) -> None:
    """The map has a place for one."""
    with serving(tmp_path, 1) as truth, connect(truth) as conn:
        ask(conn, 0)
        ask(conn, 1)
    assert (truth.served, truth.seq.tolist()) == (2, [0])


def test_the_second_request_of_a_connection_is_killed(tmp_path: Path) -> None:
    """And counted; a new connection begins anew."""
    with serving(tmp_path, 10, kill_second=True) as truth:
        for _ in range(2):
            with connect(truth) as conn:
                assert ask(conn, 0).startswith(b"HTTP/1.1 200")
                assert ask(conn, 1) == b""
    assert (truth.served, truth.killed) == (4, 2)


@pytest.mark.parametrize(("kind", "seen"), [("502", b"HTTP/1.1 502"), ("refuse", b"refused")])
def test_a_fault_begins_with_the_first_request(tmp_path: Path, kind: str, seen: bytes) -> None:
    """Which is answered well; every later one meets the fault."""
    faults: Sequence[Fault] = [(kind, 0.0, 1_000.0)]
    with serving(tmp_path, 10, faults) as truth:
        assert [told(truth, number) for number in range(3)] == [b"HTTP/1.1 200", seen, seen]


@pytest.mark.parametrize("kind", ["502", "refuse"])
def test_a_fault_ends_and_is_written_down(tmp_path: Path, kind: str) -> None:
    """Once it answers well again its window is in the log: it was over when it was told to be, and not before."""
    before = time.time_ns()
    with serving(tmp_path, 10, [(kind, 0.0, 0.05)]) as truth:
        told(truth, 0)

        def look() -> Look[bool]:
            said = told(truth, 1)
            return Look(True if said == b"HTTP/1.1 200" else None, repr(said))

        wait_for("the end of the fault", look, within_s=60, every_s=0.01)
    ((on, off),) = truth.windows
    assert before <= on <= off
    assert off - before >= 50_000_000  # the fault's own length may be less, where the server stood still before it came on


def test_what_is_held_is_answered_when_the_stall_ends(tmp_path: Path) -> None:
    """All of it."""
    with serving(tmp_path, 10, [("hold", 0.0, 0.2)]) as truth, connect(truth) as one, connect(truth) as other:
        assert ask(one, 0).startswith(b"HTTP/1.1 200")  # the fault begins with the first request, after it was served or before
        assert ask(other, 1).startswith(b"HTTP/1.1 200")
    assert truth.served == 2


@pytest.mark.parametrize("name", ["ours", "aiohttp", "httpx"])
def test_a_client_sends_what_it_says(tmp_path: Path, name: str) -> None:
    """Twenty requests: each arrives once, under its number, and is reported as answered."""
    run = ours if name == "ours" else library(name)
    with serving(tmp_path, 100) as truth:
        told = run(Order(truth.port, 100, 0.2, tmp_path))
    assert (told.requests, told.failed, told.planned) == (20, 0, True)
    assert sorted(truth.seq.tolist()) == list(range(20)) == sorted(told.seq.tolist())
    assert told.cpu_s > 0


def test_a_killed_request_is_a_failure_of_ours(tmp_path: Path) -> None:
    """Nothing is hidden: as many failed as the server killed. A stall may open a connection for every request: then once more."""
    for number in range(20):
        place = tmp_path / str(number)
        place.mkdir()
        with serving(place, 100, kill_second=True) as truth:
            told = ours(Order(truth.port, 100, 0.3, place))
        assert told.failed == truth.killed
        if truth.killed:
            return
    pytest.fail("no connection carried a second request in twenty runs")
