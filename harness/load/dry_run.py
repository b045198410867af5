"""`python -m harness.load.dry_run RATE SECONDS`: the generator's pacing without its requests, and how late it was.

It asks for the generator's standing on the machine and waits by the generator's timer, each wait to an absolute time. It sends
nothing. It prints one JSON object: waits, p99_us and max_us of their lateness, steal (a share of the machine's CPU time).
"""

from __future__ import annotations

import json
import select
import sys
import time
from collections.abc import Callable

from harness.load import host
from harness.load.pacing import Pacing
from harness.load.schedule import SECOND_NS
from harness.load.timer import Timer

LEAD_NS = 10_000_000
"""The first wait ends so long after the start."""


def lateness(rate_rps: float, waits: int, *, clock: Callable[[], int], wait_until: Callable[[int], None]) -> Pacing:
    """How late so many waits ended, of which rate_rps end in a second. clock, wait_until: monotonic ns."""
    seen, begun = Pacing(), clock() + LEAD_NS
    for number in range(waits):
        due = begun + int(number * SECOND_NS / rate_rps)
        wait_until(due)
        seen.add(clock() - due)
    return seen


def main(rate_rps: float, seconds: float) -> None:
    """Measure one window and print it."""
    host.settle()
    host.still_memory()
    timer, epoll = Timer(), select.epoll()
    epoll.register(timer.fd, select.EPOLLIN)

    def wait_until(due_ns: int) -> None:
        timer.arm(due_ns)
        epoll.poll()

    waits, before = max(1, int(rate_rps * seconds)), host.CpuTimes.read()
    seen = lateness(rate_rps, waits, clock=time.monotonic_ns, wait_until=wait_until)
    steal, _ = host.CpuTimes.read().shares_since(before)
    print(json.dumps({"waits": waits, "p99_us": seen.percentile_us(0.99), "max_us": seen.max_us, "steal": steal}))


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
