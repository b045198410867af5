"""Whether the host's clock was set while it stamped the evidence: UTC beside a clock that cannot be set, looked at all the time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from harness.adapters.clock import Reading
from harness.model import Gap, Stream
from harness.observe.sink import Sink
from harness.observe.worker import Worker

EVERY_S = 0.5
"""A step forth and back within this is not seen; two clock readings cost some microseconds."""

TOLERANCE_NS = 5_000_000
"""As far as a line of a log and its request may be apart (`match_tolerance_s`): a smaller step moves no line to another request."""

SLEW_PPM = 1_000
"""How much faster or slower than the raw clock UTC may run and still be no step: 500 by the kernel's slewing for NTP, as much again
for the oscillator it corrects."""

ReadClocks = Callable[[], Reading]
"""Both clocks at one moment."""


class ClockWatch(Worker):
    """Records a gap of Stream.CLOCK for each step, with its size.

    It covers every UTC time that the time between two looks may have been stamped with, before or after the step. A host that slept
    is a step, too: the raw clock stands still meanwhile.
    """

    def __init__(self, sink: Sink, *, read: ReadClocks = Reading.take, every_s: float = EVERY_S) -> None:
        super().__init__("clock", (Stream.CLOCK,), sink)
        self._read = read
        self._every_s = every_s
        self._lock = threading.Lock()
        self._last = read()

    def run(self) -> None:
        """Look, for ever."""
        while not self.stopping():
            self.pause(self._every_s)
            self.look()

    def seal(self) -> bool:
        """Look once more; True if the clock has not been set since the last look."""
        return self.look()

    def look(self) -> bool:
        """Whether the clocks have kept together since the last look; if not, that is recorded."""
        with self._lock:
            before, now = self._last, self._read()
            self._last = now
            elapsed_ns = now.raw_ns - before.raw_ns
            step_ns = now.utc_ns - before.utc_ns - elapsed_ns
            allowed_ns = TOLERANCE_NS + before.blur_ns + now.blur_ns + elapsed_ns * SLEW_PPM // 1_000_000
            if abs(step_ns) <= allowed_ns:
                self.prove(now.utc_ns)
                return True
            self.sink.gap(
                Gap(
                    Stream.CLOCK,
                    "",
                    min(before.utc_ns, now.utc_ns - elapsed_ns),
                    max(now.utc_ns, before.utc_ns + elapsed_ns),
                    f"{self.name}: it was stepped by {step_ns / 1e6:+.1f} ms",
                )
            )
            return False
