"""Log lines and requests, one to one, by time alone.

A line carries no request id, so a request may own any line of its text between its sending and its answer, give or take the
tolerance. The matching is a maximum one; where it leaves a request without a line, nobody can say which of its neighbours lacks it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


class Fate(Enum):
    """MATCHED: it has a line in every reading. LONE: none lies in its interval. AMBIGUOUS: too few for it and others."""

    MATCHED = "matched"
    LONE = "lone"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Matching:
    """fates: one a request. line_of: its line's index, -1 without. free: lines of nobody, by index, ascending.

    interchangeable: matched pairs that could swap lines with another matched pair.
    """

    fates: tuple[Fate, ...]
    line_of: tuple[int, ...]
    free: tuple[int, ...]
    interchangeable: int


def match(intervals: Sequence[tuple[int, int]], times: Sequence[int]) -> Matching:
    """Give each line to one request whose interval (both ends included) holds it, so that as many as possible have one.

    Lines by time, each to the open interval that ends first: maximum for intervals (an exchange argument; tests compare it with
    brute force). A group of requests linked by shared lines in which one stays without is AMBIGUOUS as a whole.
    """
    order = np.argsort(np.asarray(times, dtype=np.int64), kind="stable")
    sorted_times = np.asarray(times, dtype=np.int64)[order]
    spans = np.asarray(intervals, dtype=np.int64).reshape(-1, 2)
    # From here on a request is the half-open range [first, past) of the sorted lines it may own.
    first: Indices = np.searchsorted(sorted_times, spans[:, 0], side="left").astype(np.int64)
    past: Indices = np.searchsorted(sorted_times, spans[:, 1], side="right").astype(np.int64)
    owner = _earliest_end_first(first, past, len(sorted_times))
    line_of = np.full(len(spans), -1, dtype=np.int64)
    line_of[owner[owner >= 0]] = np.flatnonzero(owner >= 0)
    fates = [Fate.LONE] * len(spans)
    interchangeable = 0
    for group in _groups(first, past):
        whole = bool((line_of[group] >= 0).all())
        for request in group:
            fates[request] = Fate.MATCHED if whole else Fate.AMBIGUOUS
        if whole:
            interchangeable += _swappable(first[group], past[group], line_of[group])
    return Matching(
        fates=tuple(fates),
        line_of=tuple(int(order[line]) if line >= 0 else -1 for line in line_of),
        free=tuple(sorted(int(order[line]) for line in np.flatnonzero(owner < 0))),
        interchangeable=interchangeable,
    )


def _earliest_end_first(first: Indices, past: Indices, lines: int) -> Indices:
    """For each line the request it goes to, or -1. Of two that end alike the one that began first has it: never the order given."""
    owner = np.full(lines, -1, dtype=np.int64)
    waiting = iter(sorted(range(len(first)), key=lambda request: (first[request], past[request])))
    following = next(waiting, None)
    open_ones: list[tuple[int, int, int]] = []
    for line in range(lines):
        while following is not None and first[following] <= line:
            heapq.heappush(open_ones, (int(past[following]), int(first[following]), following))
            following = next(waiting, None)
        while open_ones and open_ones[0][0] <= line:
            heapq.heappop(open_ones)
        if open_ones:
            owner[line] = heapq.heappop(open_ones)[2]
    return owner


def _groups(first: Indices, past: Indices) -> list[list[int]]:
    """Requests linked by lines they may both own; those that may own none are in no group."""
    groups: list[list[int]] = []
    reach = -1
    for request in sorted((one for one in range(len(first)) if first[one] < past[one]), key=lambda one: int(first[one])):
        if first[request] < reach:
            groups[-1].append(request)
        else:
            groups.append([request])
        reach = max(reach, int(past[request]))
    return groups


def _swappable(first: Indices, past: Indices, line: Indices) -> int:
    """How many of these pairs could swap with another one: each may own the other's line."""
    order = np.argsort(line)
    first, past, line = first[order], past[order], line[order]
    # Only the owners of lines that a request may own itself can be its partners: a short stretch of the group.
    lo, hi = np.searchsorted(line, first), np.searchsorted(line, past)
    count = 0
    for at in range(len(line)):
        near = slice(int(lo[at]), int(hi[at]))
        count += int(((first[near] <= line[at]) & (line[at] < past[near])).sum() > 1)  # itself is one
    return count
