"""Programs of ours that outlived a killed harness: found by exactly what they were started with, ended one by one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.files import State
from harness.adapters.wait import Look, wait_for
from harness.errors import WaitTimeout

PROC = Path("/proc")

PROMETHEUS_DATA = "--storage.tsdb.path="
"""The option that says where a Prometheus keeps its data; what tells ours from any other."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A process as /proc shows it."""

    pid: int
    argv: tuple[str, ...]
    env: Mapping[str, str]


def find(matches: Callable[[Stray], bool], *, proc: Path = PROC) -> tuple[Stray, ...]:
    """Processes of this user, other than this one, that match."""
    found = []
    for place in proc.iterdir():
        if not place.name.isdecimal() or int(place.name) == os.getpid():
            continue
        with suppress(OSError, ValueError):  # it ended while it was looked at, or it is somebody else's
            if place.stat().st_uid != os.getuid():
                continue
            argv = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            pairs = (place / "environ").read_bytes().decode(errors="replace").split("\0")
            seen = Stray(int(place.name), tuple(argv), dict(pair.split("=", 1) for pair in pairs if "=" in pair))
            if argv and matches(seen):
                found.append(seen)
    return tuple(found)


def is_making(full: str) -> Callable[[Stray], bool]:
    """Whether a process is a `kind create cluster` of this cluster."""

    def matches(seen: Stray) -> bool:
        return Path(seen.argv[0]).name.startswith("kind") and _holds(seen.argv, ("create", "cluster", "--name", full))

    return matches


def is_generator(state: State) -> Callable[[Stray], bool]:
    """Whether a process is a load generator that was started with this state directory."""

    def matches(seen: Stray) -> bool:
        return _holds(seen.argv, ("-m", "harness.load")) and State.default(seen.env).root == state.root

    return matches


def is_prometheus(home: Path) -> Callable[[Stray], bool]:
    """Whether a process is a Prometheus whose data lie below the directory of one of our clusters: `make monitoring` starts it."""

    def matches(seen: Stray) -> bool:
        return any(arg.startswith(f"{PROMETHEUS_DATA}{home}/") for arg in seen.argv)

    return matches


def end(found: Sequence[Stray]) -> tuple[int, ...]:
    """End them, with 5 s to do it themselves, and say which."""
    for each in found:
        _signal(each.pid, signal.SIGTERM)
        try:
            wait_for(f"the end of process {each.pid}", lambda each=each: _gone(each), within_s=5)  # type: ignore[misc]
        except WaitTimeout:
            _signal(each.pid, signal.SIGKILL)
    return tuple(each.pid for each in found)


def _holds(argv: Sequence[str], part: Sequence[str]) -> bool:
    return any(tuple(argv[at : at + len(part)]) == tuple(part) for at in range(len(argv) - len(part) + 1))


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _gone(each: Stray) -> Look[bool]:
    """A process is gone when its id is free, a zombie, or another program's."""
    try:
        now = (PROC / str(each.pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return Look(value=True, seen="gone")
    same = tuple(now) == each.argv
    return Look(value=None if same else True, seen="still running" if same else "gone")
