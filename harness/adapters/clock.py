"""The two clocks, read in one place, so that code which needs time can be given another."""

from __future__ import annotations

import time
from dataclasses import dataclass


def now_ns() -> int:
    """UTC, nanoseconds since the epoch."""
    return time.time_ns()


def mono_s() -> float:
    """Monotonic seconds; only differences mean anything."""
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Anchor:
    """Both clocks at one moment. Their later difference is a clock step."""

    utc_ns: int
    mono_ns: int

    @staticmethod
    def take() -> Anchor:
        """Read both clocks as close together as Python can."""
        return Anchor(time.time_ns(), time.monotonic_ns())

    def step_ns(self) -> int:
        """How far UTC has moved away from the monotonic clock since the anchor was taken."""
        later = Anchor.take()
        return (later.utc_ns - self.utc_ns) - (later.mono_ns - self.mono_ns)
