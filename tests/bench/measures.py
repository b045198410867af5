"""What the numbers of the comparison are, as functions of what server and client wrote down. Times are UTC ns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

GATE_US = 1_000.0
"""Arrivals are in time while their p99 lies below this; what our own goals are held to."""

WIDE_GATE_US = 2_000.0
"""The gate of clients whose timers are true to a millisecond."""


def grid(times: Times, rate: float) -> Times:
    """When the k-th of these would have come at this rate, where no plan is known: the latest grid that none of them precedes.

    Such a grid starts with the request that was least late, so a delay that all share is invisible: it flatters.
    """
    steps = (np.arange(len(times)) * (1e9 / rate)).astype(np.int64)
    ordered = np.sort(times)
    return steps + int((ordered - steps).min()) if len(times) else steps


def errors(arrived: Times, intended: Times) -> Times:
    """Arrival minus intended time of the k-th of each, both sorted. Those without an arrival are left out of it: see `all_came`."""
    count = min(len(arrived), len(intended))
    return np.sort(arrived)[:count] - np.sort(intended)[:count]


def by_number(seq: Times, arrived: Times, planned_seq: Times, intended: Times) -> Times:
    """Arrival minus intended time, joined by the request's number; the first arrival of a number counts."""
    numbers, first = np.unique(seq, return_index=True)
    known, at, due = np.intersect1d(numbers, planned_seq, return_indices=True)
    return np.asarray(arrived[first][at] - intended[due], dtype=np.int64) if len(known) else np.zeros(0, dtype=np.int64)


def percentiles_us(late: Times) -> tuple[float, float]:
    """p50 and p99 in microseconds."""
    p50, p99 = np.percentile(late, [50, 99]) / 1_000
    return float(p50), float(p99)


def rung_p99_us(late: Times, wanted: int, failed: int) -> float | None:
    """p99 of a rung all of whose requests arrived and were answered well; None: it does not hold at all."""
    return percentiles_us(late)[1] if failed == 0 and len(late) >= wanted else None


def outage_ns(starts: Times, ok: Flags, period_ns: int) -> int:
    """How long an outage was by the client's own record: from its first failed request to its last, and a period; 0: none seen.

    starts: when each request was due by the client's word or, where it has none, when it began.
    """
    failed = starts[~ok]
    return int(failed.max() - failed.min()) + period_ns if len(failed) else 0


def recovery_ms(intended: Times, late: Times, end_ns: int, *, within_ms: int = 2_000, over_ns: int = 100_000_000) -> float | None:
    """After how many ms arrivals were in time again: the first at which the p99 of the 100 ms that follow lies below the gate.

    end_ns: when the stall ended. None: not within within_ms.
    """
    for step in range(within_ms + 1):
        begin = end_ns + step * 1_000_000
        part = late[(intended >= begin) & (intended < begin + over_ns)]
        if len(part) and percentiles_us(part)[1] < GATE_US:
            return float(step)
    return None


def median(values: Sequence[float]) -> float:
    """Of at least one."""
    return float(np.median(np.asarray(values, dtype=np.float64)))


def linearity(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent e of seconds ~ size**e between the smallest and the largest; 1 is linear growth."""
    return float(np.log(seconds[-1] / seconds[0]) / np.log(sizes[-1] / sizes[0]))
