"""The machine of a comparison: what it is, which CPU is whose, how much of it was stolen, and how to keep it busy."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.load.host import CpuTimes

STEAL_LIMIT = 0.01
"""A run during which other guests took more than this share of the machine is measured again."""


BACKGROUND_LIMIT = 0.1
"""Above this share the machine is not idle enough for numbers to be quoted: ours alone has realtime priority."""


def facts() -> dict[str, str]:
    """For the head of the page: nothing of the date, nothing of the machine's name or places."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(os.cpu_count()),
        "cpu": models[0] if models else platform.machine(),
        "memory": f"{pages / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def cpus() -> tuple[int, int]:
    """(the client's, the server's): the last two allowed; the same one twice on a machine with one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-1], allowed[-2] if len(allowed) > 1 else allowed[-1]


@contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """What is started in the block runs on this CPU alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Steal:
    """The share of all CPU time that other guests took since it was made."""

    def __init__(self) -> None:
        self._begun = CpuTimes.read()

    def share(self) -> float:
        """Until now."""
        return CpuTimes.read().shares_since(self._begun)[0]


def background(seconds: float = 2.0) -> float:
    """The share of the machine's CPU time that others use while nothing of ours runs."""
    begun = CpuTimes.read()
    threading.Event().wait(seconds)
    return CpuTimes.read().shares_since(begun)[1]


@contextmanager
def hogs() -> Iterator[None]:
    """One process a CPU that does nothing but count, for the block."""
    busy: list[subprocess.Popen[bytes]] = []
    try:
        for cpu in cpus():
            with on_cpu(cpu):
                busy.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()
