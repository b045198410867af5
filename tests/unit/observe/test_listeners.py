"""The sampler of listening sockets: its program with real sockets, and what its observer makes of its lines."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.knative.listeners import LOOPBACK, stretch_of
from harness.model import Gap, Stream
from harness.observe.feed import Feed
from harness.observe.listeners import PROGRAM, ListenerWitness
from tests.unit.observe.kit import observers_running, until

UID = "cf6dfa4f-f1b7-44dd-9321-ab691d856794"
LOCAL = ipaddress.ip_address(LOOPBACK)
Make = Callable[..., ListenerWitness]


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with one process of the pod, in the network of this test."""
    process = tmp_path / "proc" / "77"
    (process / "ns").mkdir(parents=True)
    (process / "cgroup").write_text(f"0::/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-c.scope\n", encoding="utf-8")
    (process / "ns" / "net").symlink_to(Path("/proc/self/ns/net").readlink())
    return process.parent


@pytest.fixture
def make(proc: Path) -> Iterator[Make]:
    """Makes started witnesses and ends them."""
    made: list[ListenerWitness] = []

    def makes(feed: Feed, command: Callable[[Sequence[str]], list[str]] = list, **more: float) -> ListenerWitness:
        env = {"KNATIVE_CHAOS_PROC": str(proc)}
        made.append(ListenerWitness(command, env, feed, retry_s=0.01, **more))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield makes
    for witness in made:
        witness.end()
        assert witness.join(30)
    assert observers_running() == []


def inodes(feed: Feed, port: int) -> list[frozenset[int]]:
    """The sockets that take a connection to this port, stretch by stretch."""
    found = (stretch_of(one.payload) for one in feed.snapshot() if one.stream is Stream.LISTENERS)
    return [one.taking(LOCAL, port) for one in found if one is not None]


def listens(address: str = LOOPBACK, port: int = 0, *, reuse: bool = False, v6only: bool | None = None) -> socket.socket:
    """A listening socket. v6only: None leaves it as the kernel makes it."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if v6only is not None:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    made.bind((address, port))
    made.listen()
    return made


def inode(of: socket.socket) -> int:
    """As the kernel numbers it."""
    return os.fstat(of.fileno()).st_ino


def test_the_program_sees_sockets_come_and_go(make: Make) -> None:
    """Two sockets of one port (SO_REUSEPORT), of which one goes; then another program's on it: each has its inode."""
    feed, port = Feed(), 0
    witness = make(feed, every_ms=5)
    witness.follow("p", UID)

    def seen(*wanted: int) -> Callable[[], bool]:
        return lambda: witness.seal() is not None and inodes(feed, port)[-1:] == [frozenset(wanted)]

    with listens(reuse=True) as first:
        port = first.getsockname()[1]
        with listens(port=port, reuse=True) as second:
            until("both", seen(inode(first), inode(second)))
        until("the first alone", seen(inode(first)))
    until("none", seen())
    with listens("::1", port=port) as third:
        until("one that refuses 127.0.0.1", lambda: witness.seal() is not None and _any(feed, inode(third)))
        assert inodes(feed, port)[-1] == frozenset()
    with listens("::", port=port, v6only=True) as apart:
        until("all addresses of IPv6 alone", lambda: witness.seal() is not None and _any(feed, inode(apart)))
        assert inodes(feed, port)[-1] == frozenset()
    with listens("::", port=port, v6only=False) as both:
        until("all addresses of both", seen(inode(both)))
    with listens(port=port) as fourth:
        until("the next one", seen(inode(fourth)))


def _any(feed: Feed, wanted: int) -> bool:
    stretch = stretch_of(feed.snapshot()[-1].payload)
    return stretch is not None and wanted in {one.inode for one in stretch.listeners}


def test_a_pod_without_a_process_is_a_gap_until_it_has_one(make: Make, proc: Path) -> None:
    """Nothing is known of it; and the program goes on."""
    (proc / "77" / "cgroup").write_text("0::/another\n", encoding="utf-8")
    feed = Feed()
    witness = make(feed)
    witness.follow("p", UID)
    until("the program's first answer", lambda: not witness.seal() and witness.note == "" and witness._sealed > 0)
    assert "no process of it was found" in feed.gaps()[-1].reason
    assert {(gap.stream, gap.pod) for gap in feed.gaps()} == {(Stream.LISTENERS, "p")}


def test_a_pod_that_was_forgotten_is_not_sampled(make: Make) -> None:
    """A seal without any pod is whole."""
    feed = Feed()
    witness = make(feed)
    witness.follow("p", UID)
    until("a look", lambda: witness.seal() is not None and bool(feed.snapshot()))
    witness.forget("p")
    before = len(feed.snapshot())
    assert witness.seal()
    assert len(feed.snapshot()) == before


LINES = """
import sys, json
for at_ns, *looks in {lines!r}:
    print(json.dumps({{"pod": "p", "at_ns": at_ns, "sockets": [], "looks_us": looks, "cpu_ms": 1}}), flush=True)
for line in sys.stdin:
    if {answers!r} and line.startswith("seal"):
        print(json.dumps({{"sealed": line.split()[1]}}), flush=True)
"""
MS = 1_000_000
T0 = 1_790_000_000 * 1000 * MS


def says(*lines: tuple[object, ...], answers: bool = True) -> Callable[[Sequence[str]], list[str]]:
    """A program that prints these stretches in place of the sampler."""
    return lambda _command: [sys.executable, "-c", LINES.format(lines=lines, answers=answers)]


def holes(feed: Feed) -> list[tuple[int, int]]:
    """The gaps, in milliseconds after T0."""
    return [((gap.from_ns - T0) // MS, (gap.until_ns - T0) // MS) for gap in feed.gaps()]


def test_a_hole_of_more_than_three_intervals_is_a_gap(make: Make) -> None:
    """Within a line and between two; three intervals are none. It reaches from the start of a look to the end of the next."""
    feed = Feed()
    lines = ((T0, [0, 100], [60_000, 100], [121_000, 1_000]), (T0 + 141 * MS, [0, 100]), (T0 + 300 * MS, [0, 2_000]))
    witness = ListenerWitness(says(*lines), {}, feed, every_ms=20)
    witness.follow("p", UID)
    witness.start()
    try:
        until("all lines", lambda: len(feed.snapshot()) == len(lines))
        assert holes(feed) == [(60, 122), (141, 302)]
    finally:
        witness.end()
        assert witness.join(30)


def test_one_that_falls_silent_is_a_gap_from_its_last_look(make: Make) -> None:
    """It runs and does not answer, as one that is stopped."""
    feed = Feed()
    witness = make(feed, says((T0, [0, 100]), answers=False), sealed_within_s=0.01)
    witness.follow("p", UID)
    until("its look", lambda: bool(feed.snapshot()))
    assert not witness.seal()
    (gap,) = feed.gaps()
    assert (gap.stream, gap.pod, gap.from_ns) == (Stream.LISTENERS, "p", T0)
    assert "did not answer within" in gap.reason


def test_one_that_dies_is_started_anew_and_its_hole_is_a_gap(make: Make) -> None:
    """Each start prints one look; the time between is a gap."""
    feed = Feed()
    program = (
        "import json, sys, time\n"
        "sys.stdin.readline()\n"
        "print(json.dumps({'pod': 'p', 'at_ns': time.time_ns(), 'sockets': [], 'looks_us': [[0, 1]], 'cpu_ms': 1}), flush=True)\n"
        "sys.exit('planted')"
    )
    witness = make(feed, lambda _command: [sys.executable, "-c", program], every_ms=1)
    witness.follow("p", UID)
    until("two looks", lambda: len(feed.gaps()) >= 1)
    assert isinstance(feed.gaps()[0], Gap)
    assert "no look for" in feed.gaps()[0].reason
    until("its last words", lambda: "planted" in witness.note)


def test_the_program_that_cannot_be_run_is_named(make: Make) -> None:
    """A node without Perl: the pod is one gap, and the note says why."""
    feed = Feed()
    witness = make(feed, lambda _command: [sys.executable, "-c", "import sys; sys.exit('perl: not found')"])
    witness.follow("p", UID)
    until("the note", lambda: "perl: not found" in witness.note)
    assert not witness.seal()
    assert "perl: not found" in feed.gaps()[-1].reason


def test_the_program_ends_with_its_input() -> None:
    """A harness that is killed leaves none behind."""
    perl = shutil.which("perl") or "perl"
    done = subprocess.run([perl, "-e", PROGRAM, "20"], input=b"seal 7\n", capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"every_ms": 20}, {"sealed": "7"}]
