"""How the threads of our node waited for a CPU, by the scheduler's own account in /proc.

A node of ours is a container of this machine, so its threads stand in /proc like any other. All of them share one CPU group, which
weighs as much as any other group of the machine: beside a few busy programs the node gets a fraction of the CPUs. Nothing else
shows this: the generator has realtime priority and is never late, and what other programs of this machine take is not stolen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from harness.adapters.clock import now_ns
from harness.model import NodeCpu
from harness.observe.feed import Feed
from harness.observe.worker import Worker

PROC = Path("/proc")

NODE_CPU_EVERY_S = 1.0
"""As long as the shortest timeout of a probe: a wait that can fail a probe stands out in one interval. A look at the 300 threads of
a node takes 3 ms of CPU time, 0.3 % of a core."""

PODS = b"kubepods"
"""In the path of every control group of a pod, whatever the kubelet's cgroup driver."""

Thread = tuple[int, int]
"""(process, thread), as numbered by the machine."""

Counts = tuple[int, int, int]
"""(ran_ns, waited_ns, turns) of a thread since its birth. Source: Documentation/scheduler/sched-stats.rst of Linux, at
/proc/<pid>/schedstat."""

NEW: Counts = (0, 0, 0)
"""Of a thread that has just begun."""


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


def between(before: Threads, after: Threads, from_ns: int, until_ns: int) -> NodeCpu | None:
    """What the threads did between two looks. A thread that was not there before began in between.

    None where nothing can be said: no daemon, or a kernel that keeps no account (all zeros).
    """
    if not any(turns for _, _, turns in after.daemons.values()):
        return None
    longest_ns = until_ns - from_ns
    ran_ns, waited_ns, turns = _grown(before.daemons, after.daemons, longest_ns)
    ran_in_pods_ns, _, _ = _grown(before.pods, after.pods, longest_ns)
    return NodeCpu(from_ns, until_ns, os.cpu_count() or 1, ran_ns + ran_in_pods_ns, len(after.daemons), waited_ns, turns)


def _grown(before: Mapping[Thread, Counts], after: Mapping[Thread, Counts], longest_ns: int) -> Counts:
    """The sums over the threads.

    longest_ns: no thread counts for a longer wait. A long one is counted when it ends, and Linux 6.18 counts a sleep as a wait now
    and then: on a calm machine an idle thread "waited" for 20 s at once.
    """
    ran = waited = turns = 0
    for thread, counts in after.items():
        earlier = before.get(thread, NEW)
        if earlier[2] > counts[2]:  # another thread got the number of one that ended
            earlier = NEW
        ran += counts[0] - earlier[0]
        waited += min(counts[1] - earlier[1], longest_ns)
        turns += counts[2] - earlier[2]
    return ran, waited, turns


class NodeCpuWatch(Worker):
    """Looks once a second and records what happened in between.

    record: takes each interval. It has no stream that could have a gap: where it fails or sees nothing there are no records, and
    how long the node waited is unknown.
    """

    def __init__(self, threads: NodeThreads, record: Callable[[NodeCpu], None], *, every_s: float = NODE_CPU_EVERY_S) -> None:
        super().__init__("node cpu", (), Feed())
        self._threads = threads
        self._record = record
        self._every_s = every_s
        self._last: tuple[int, Threads] | None = None

    def run(self) -> None:
        """Look, until asked to end."""
        while not self.stopping():
            self.look()
            self.pause(self._every_s)

    def look(self) -> None:
        """Record what happened since the last look; the first one records nothing."""
        at_ns, threads = now_ns(), self._threads.look()
        if self._last is not None and (seen := between(self._last[1], threads, self._last[0], at_ns)):
            self._record(seen)
        self._last = (at_ns, threads)
