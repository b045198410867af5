"""The two clocks, read in one place, so that code which needs time can be given another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def now_ns() -> int:
    """UTC, nanoseconds since the epoch."""
    return time.time_ns()


def mono_s() -> float:
    """Monotonic seconds; only differences mean anything."""
    return time.monotonic()


READINGS = 5
"""A thread may lose its core between two clocks; the closest pair of so many is taken."""


def _with_utc(clock: Callable[[], int]) -> tuple[int, int, int]:
    """(UTC, this clock, how far apart the two may have been read), of the closest pair; nanoseconds."""
    pairs = []
    for _ in range(READINGS):
        before = clock()
        utc = time.time_ns()
        blur = clock() - before
        pairs.append((blur, utc, before + blur // 2))
    blur, utc, at = min(pairs)
    return utc, at, blur


@dataclass(frozen=True, slots=True)
class Reading:
    """UTC beside a clock that nobody sets or slews. blur_ns: how far apart in time the two may have been read."""

    utc_ns: int
    raw_ns: int
    blur_ns: int = 0

    @staticmethod
    def take() -> Reading:
        """Read both as close together as can be."""
        return Reading(*_with_utc(lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)))


@dataclass(frozen=True, slots=True)
class Anchor:
    """Both clocks at one moment. Their later difference is a clock step."""

    utc_ns: int
    mono_ns: int

    @staticmethod
    def take() -> Anchor:
        """Read both clocks as close together as can be: what lies between them would look like a step."""
        utc_ns, mono_ns, _ = _with_utc(time.monotonic_ns)
        return Anchor(utc_ns, mono_ns)

    def step_ns(self) -> int:
        """How far UTC has moved away from the monotonic clock since the anchor was taken."""
        later = Anchor.take()
        return (later.utc_ns - self.utc_ns) - (later.mono_ns - self.mono_ns)
