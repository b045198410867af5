"""The threads of a container of this machine, and how long each ran and waited for a CPU: the scheduler's own account in /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

PROC = Path("/proc")

PODS = b"kubepods"
"""In the path of every control group of a pod, whatever the kubelet's cgroup driver."""

Thread = tuple[int, int]
"""(process, thread), as numbered by the machine."""

Counts = tuple[int, int, int]
"""(ran_ns, waited_ns, turns) of a thread since its birth. Source: Documentation/scheduler/sched-stats.rst of Linux, at
/proc/<pid>/schedstat."""


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of a node at one look.

    daemons: of the kubelet, containerd and the other programs outside of the pods. Their waits are those of the whole node, and no
    others: a pod may have a CPU limit, and the kernel counts as a wait what a thread must pause for it.
    """

    daemons: dict[Thread, Counts]
    pods: dict[Thread, Counts]


class Place(Enum):
    """Where a process belongs."""

    ELSEWHERE = auto()
    DAEMON = auto()
    POD = auto()


class NodeThreads:
    """The threads of the node's container: of its own daemons and of its pods.

    container: the id of the container, which is part of the path of each of its control groups (v1 and v2). proc: for tests.
    """

    def __init__(self, container: str, *, proc: Path = PROC) -> None:
        self._container = container.encode("ascii")
        self._proc = str(proc)
        self._places: dict[int, Place] = {}
        self._settled: set[int] = set()

    def look(self) -> Threads:
        """The counts of each thread that lives now; none where /proc does not show the node.

        A process that ends meanwhile is left out. Raises OSError when there is no /proc.
        """
        self._find()
        found = Threads({}, {})
        for pid, place in self._places.items():
            if place is Place.ELSEWHERE:
                continue
            tasks, counts_of = f"{self._proc}/{pid}/task", found.daemons if place is Place.DAEMON else found.pods
            try:
                names = os.listdir(tasks)  # noqa: PTH208 - names alone, for the cost
            except OSError:
                continue
            for name in names:
                if counts := _counts(_text(f"{tasks}/{name}/schedstat")):
                    counts_of[pid, int(name)] = counts
        return found

    def _find(self) -> None:
        """A process may be moved to its control group right after its birth: what was first seen at the last look is read again."""
        names = os.listdir(self._proc)  # noqa: PTH208 - names alone, for the cost
        there = {int(name) for name in names if name.isdecimal()}
        known = {pid: place for pid, place in self._places.items() if pid in there}
        self._settled &= there
        for pid in there - self._settled:
            if pid in known:
                self._settled.add(pid)
            known[pid] = self._place(pid)
        self._places = known

    def _place(self, pid: int) -> Place:
        cgroup = _text(f"{self._proc}/{pid}/cgroup")
        if self._container not in cgroup:
            return Place.ELSEWHERE
        return Place.POD if PODS in cgroup else Place.DAEMON


def _text(path: str) -> bytes:
    """What stands in a small file of /proc; empty when it is gone. Not `Path`: a look reads hundreds of them."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _counts(text: bytes) -> Counts | None:
    parts = text.split()
    if len(parts) != len(("ran", "waited", "turns")):
        return None
    ran, waited, turns = map(int, parts)
    return ran, waited, turns
