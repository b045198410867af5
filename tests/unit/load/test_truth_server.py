"""The truth server itself, seen by a second client: it does what it says, and writes down what that client saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.unit.load.held import WITHIN_S, truth_ports
from tests.unit.load.truth import Truth

Seen = type[httpx.HTTPError] | int

SEES: dict[str, tuple[Seen, ...]] = {
    "refuse": (httpx.ConnectError,),
    "reset": (httpx.ReadError, httpx.WriteError),  # it may still have something to say over HTTP/2
    "close": (httpx.RemoteProtocolError,),
    "502": (502,),
    "truncate": (httpx.RemoteProtocolError,),
    "malformed": (httpx.RemoteProtocolError,),
    "stall": (httpx.ReadTimeout,),
}
"""What httpx calls each fault, over either protocol."""


@contextmanager
def second_client(port: int, http: int) -> Iterator[httpx.Client]:
    """Knows one protocol only, tries nothing again, and heeds no proxy of the environment."""
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, http1=http == 1, http2=http == 2, trust_env=False, timeout=WITHIN_S) as client:
        yield client


def ask(client: httpx.Client, rid: str, patience_s: float = WITHIN_S) -> Seen:
    """The status, or the error in its place. patience_s: with a silent server."""
    timeout = httpx.Timeout(WITHIN_S, read=patience_s)
    try:
        return client.get("/", headers={"X-Rid": rid, "X-Attempt": "3"}, timeout=timeout).status_code
    except httpx.HTTPError as error:
        return type(error)


@pytest.mark.parametrize("http", [1, 2])
@pytest.mark.parametrize("kind", SEES)
def test_each_fault_is_what_it_is_called(tmp_path: Path, kind: str, http: int) -> None:
    """On both ports, from the first request on: httpx sees what is meant, and the log has each of its requests once."""
    log = tmp_path / "truth.json"
    patience_s = 0.2 if kind == "stall" else WITHIN_S
    with truth_ports(log, faults=[(kind, 0.0, 3600.0)]) as ports:
        seen = []
        for number, port in enumerate(ports):
            with second_client(port, http) as client:
                seen.append(ask(client, f"r-{number}", patience_s))
    truth = Truth.read(log)
    # The request that sets a refusal off is taken, and then goes the way of all connections.
    assert all(one in SEES[kind] for one in (seen[1:] if kind == "refuse" else seen)), seen
    told = [(one.rid, one.did, one.nth, one.attempt, one.port, one.http) for one in truth.served]
    expected = [(f"r-{number}", kind, 1, 3, number, http) for number in range(2)]
    assert told == (expected[:1] if kind == "refuse" else expected)


@pytest.mark.parametrize("http", [1, 2])
def test_the_killer_kills_the_second_request_of_a_connection(tmp_path: Path, http: int) -> None:
    """And that only: the first of the next connection is answered again."""
    log = tmp_path / "truth.json"
    with truth_ports(log, kill_second=True) as (port, _), second_client(port, http) as client:
        seen = [ask(client, f"r-{number}") for number in range(4)]
    assert seen == [200, httpx.RemoteProtocolError, 200, httpx.RemoteProtocolError]
    assert [(one.nth, one.did) for one in Truth.read(log).served] == [(1, "ok"), (2, "kill")] * 2


def test_a_fault_begins_and_ends_when_it_was_told_to(tmp_path: Path) -> None:
    """By the second client's own clock: nothing fails before it came on or after it went off, everything in between does."""
    log = tmp_path / "truth.json"
    for _ in range(20):
        seen: list[tuple[int, int, Seen]] = []
        with truth_ports(log, faults=[("502", 0.1, 0.3)]) as (port, _), second_client(port, 1) as client:
            began = time.monotonic()
            # Until the fault was met and is over. Who stood still during all of it never met it, and must meet another.
            while not met(seen) and time.monotonic() - began < 3:
                before = time.time_ns()
                status = ask(client, f"r-{len(seen)}")
                seen.append((before, time.time_ns(), status))
                time.sleep(0.005)
        windows = Truth.read(log).windows
        for before, after, status in seen:
            assert status in (200, 502)
            for window in windows:
                if status == 502:
                    assert after >= window.on_ns and before <= window.off_done_ns
                else:
                    assert before <= window.on_done_ns or after >= window.off_ns
        if met(seen):
            assert len(windows) == 1
            return
    pytest.fail("the client stood still during twenty faults")


def met(seen: list[tuple[int, int, Seen]]) -> bool:
    """Whether a fault has come and gone."""
    return bool(seen) and seen[-1][2] == 200 and any(status == 502 for _, _, status in seen)
