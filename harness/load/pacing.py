"""How late the generator was: a histogram of (sent - intended) that costs one increment a request. Pure.

Exact to 1 us below 2048 us, to 0.1 % above; percentiles are rounded up, so lateness is never flattered.
"""

from __future__ import annotations

from itertools import accumulate
from math import ceil

_EXACT = 2048
_HALF_BITS = 10
_TOP_US = (1 << 36) - 1
"""Nineteen hours; later than that is counted as that."""


def bucket(us: int) -> int:
    """The bucket of a lateness in whole microseconds."""
    if us < _EXACT:
        return max(us, 0)
    us = min(us, _TOP_US)
    shift = us.bit_length() - _HALF_BITS - 1
    return (shift << _HALF_BITS) + (us >> shift)


def bucket_top_us(index: int) -> int:
    """The largest lateness that falls into the bucket."""
    if index < _EXACT:
        return index
    shift = (index >> _HALF_BITS) - 1
    return ((index - (shift << _HALF_BITS) + 1) << shift) - 1


class Pacing:
    """Lateness of all requests sent so far."""

    __slots__ = ("_counts", "_max_ns", "_total")

    def __init__(self) -> None:
        self._counts = [0] * (bucket(_TOP_US) + 1)
        self._max_ns = 0
        self._total = 0

    def add(self, late_ns: int) -> None:
        """One request was sent this much after its intended time."""
        self._counts[bucket(late_ns // 1000)] += 1
        self._total += 1
        self._max_ns = max(self._max_ns, late_ns)

    @property
    def max_us(self) -> float:
        """The worst; 0 while nothing was sent."""
        return self._max_ns / 1000

    def percentile_us(self, share: float) -> float:
        """Nearest rank, 0 < share <= 1; 0 while nothing was sent."""
        if not self._total:
            return 0.0
        rank = max(1, ceil(share * self._total))
        # Without a list of the sums: that is a megabyte each time, and all the memory that counting a second of load takes.
        index = next(index for index, sum_ in enumerate(accumulate(self._counts)) if sum_ >= rank)
        return float(min(bucket_top_us(index), ceil(self.max_us)))
