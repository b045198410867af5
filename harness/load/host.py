"""The generator's standing on its machine: one CPU, first in the queue, gone with its parent; and how busy the machine was.

Everything is best effort: what the machine does not allow is recorded, not demanded.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_READINGS = 9
_PUNCH_HOLE = 0x02 | 0x01  # FALLOC_FL_PUNCH_HOLE, which only works with FALLOC_FL_KEEP_SIZE


@dataclass(frozen=True, slots=True)
class Standing:
    """What took. pinned_cpu: -1 if it could not be pinned. niceness: -20 (first) to 19. realtime: before all ordinary work."""

    pinned_cpu: int
    niceness: int
    realtime: bool


def settle() -> Standing:
    """Pin to the last CPU allowed (the first serves most interrupts), ask to be first, and for all file descriptors there are.

    Being first takes three requests. Niceness alone does little: a session of its own is an autogroup of its own, and niceness
    only counts within one, so the group is made first too. And among ordinary work even the first waits for the slice of another
    to end: at 200 rps on two busy cores pacing p99 was 5 to 21 ms with niceness alone, 4 to 14 ms with the group's, 0.12 to 0.19 ms
    with the lowest realtime priority. The kernel itself keeps realtime work from taking all of a CPU.
    """
    cpu = -1
    try:
        cpu = max(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpu})
    except OSError:
        cpu = -1
    with suppress(OSError):  # needs a right the user may not have; the niceness read below says so
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    with suppress(OSError):  # the same; and not every kernel has autogroups
        Path("/proc/self/autogroup").write_text("-20", encoding="ascii")
    with suppress(OSError):  # the same
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # requests past the limit will be NOT_SENT, and counted
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return Standing(cpu, os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0) == os.SCHED_RR)


def utc_offset_ns() -> int:
    """What makes UTC of the monotonic clock: the closest pair of some readings, for one may stand still between two clocks."""
    readings = []
    for _ in range(_READINGS):
        before = time.monotonic_ns()
        utc = time.time_ns()
        blur = time.monotonic_ns() - before
        readings.append((blur, utc - before - blur // 2))
    return min(readings)[1]


def still_memory() -> None:
    """No pause by the garbage collector from here on: what the generator makes has no cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()


def tell_of_parents_death(signum: int) -> None:
    """Ask for this signal when the parent ends.

    It also comes when only the *thread* that started us ends, so whoever gets it must look whether the parent is still there.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)


def give_back(path: Path, keep: int) -> None:
    """Free the disk that a file takes up behind its first `keep` bytes, without making it shorter; zeros are read there then.

    Where the file system cannot do that, the file stays as it is.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        rest = os.fstat(fd).st_size - keep
        if rest > 0:
            libc.fallocate(fd, _PUNCH_HOLE, ctypes.c_int64(keep), ctypes.c_int64(rest))
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Clock ticks of all CPUs together since boot. busy: spent on work, without stolen ones."""

    total: int
    busy: int
    steal: int

    @staticmethod
    def read(text: str | None = None) -> CpuTimes:
        """From /proc/stat, or from text of its form."""
        line = (Path("/proc/stat").read_text(encoding="ascii") if text is None else text).split("\n", 1)[0]
        user, nice, system, idle, iowait, irq, softirq, steal = ([int(part) for part in line.split()[1:9]] + [0] * 8)[:8]
        busy = user + nice + system + irq + softirq
        return CpuTimes(busy + idle + iowait + steal, busy, steal)

    def shares_since(self, earlier: CpuTimes) -> tuple[float, float]:
        """(steal, busy) as shares of the machine's CPU time since then; zeros when no time has passed.

        Never beyond 0 and 1: the kernel's account of idle and stolen time may go back a little.
        """
        total = self.total - earlier.total
        if total <= 0:
            return 0.0, 0.0
        steal, busy = (min(max(part / total, 0.0), 1.0) for part in (self.steal - earlier.steal, self.busy - earlier.busy))
        return round(steal, 5), round(busy, 5)
