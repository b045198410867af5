"""How the threads of our node waited for a CPU, by the scheduler's own account in /proc.

A node of ours is a container of this machine, so its threads stand in /proc like any other. All of them share one CPU group, which
weighs as much as any other group of the machine: beside a few busy programs the node gets a fraction of the CPUs. Nothing else
shows this: the generator has realtime priority and is never late, and what other programs of this machine take is not stolen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from harness.adapters.clock import now_ns
from harness.adapters.threads import Counts, NodeThreads, Thread, Threads
from harness.model import NodeCpu
from harness.observe.feed import Feed
from harness.observe.worker import Worker

NODE_CPU_EVERY_S = 1.0
"""As long as the shortest timeout of a probe: a wait that can fail a probe stands out in one interval. A look at the 300 threads of
a node takes 3 ms of CPU time, 0.3 % of a core."""

NEW: Counts = (0, 0, 0)
"""Of a thread that has just begun."""


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
