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


READINGS = 5
"""A thread may lose its core between two clocks; the closest pair of so many is taken."""


@dataclass(frozen=True, slots=True)
class Reading:
    """UTC beside a clock that nobody sets or slews. blur_ns: how far apart in time the two may have been read."""

    utc_ns: int
    raw_ns: int
    blur_ns: int = 0

    @staticmethod
    def take() -> Reading:
        """Read both as close together as can be."""
        best: Reading | None = None
        for _ in range(READINGS):
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
            utc = time.time_ns()
            blur = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - before
            if best is None or blur < best.blur_ns:
                best = Reading(utc, before + blur // 2, blur)
        return best or Reading(0, 0)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Both clocks at one moment. Their later difference is a clock step."""

    utc_ns: int
    mono_ns: int

    @staticmethod
    def take() -> Anchor:
        """Read both clocks as close together as can be: what lies between them would look like a step."""
        best: tuple[int, Anchor] | None = None
        for _ in range(READINGS):
            before = time.monotonic_ns()
            utc = time.time_ns()
            blur = time.monotonic_ns() - before
            if best is None or blur < best[0]:
                best = (blur, Anchor(utc, before + blur // 2))
        return best[1] if best else Anchor(0, 0)

    def step_ns(self) -> int:
        """How far UTC has moved away from the monotonic clock since the anchor was taken."""
        later = Anchor.take()
        return (later.utc_ns - self.utc_ns) - (later.mono_ns - self.mono_ns)
