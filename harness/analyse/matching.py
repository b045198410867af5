"""Matches log lines with requests, one to one, by time alone.

A line has no request id. A request may therefore own any line of its text between its sending and its answer, within the tolerance.
The matching is a maximum one. If it leaves a request without a line, the evidence does not show which of the neighbouring requests
has none.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from harness.analyse.columns import Indices


class Fate(IntEnum):
    """MATCHED: its whole group has lines. LONE: no line lies in its interval. AMBIGUOUS: there are fewer lines than requests."""

    MATCHED = 0
    LONE = 1
    AMBIGUOUS = 2


@dataclass(frozen=True, slots=True)
class Matching:
    """fates: the value of a Fate for each request. line_of: index of its line, -1 without. free: indices of unmatched lines,
    ascending.

    interchangeable: matched pairs that could swap lines with another matched pair.
    """

    fates: npt.NDArray[np.int8]
    line_of: Indices
    free: Indices
    interchangeable: int


def match(from_ns: Indices, until_ns: Indices, times: Indices) -> Matching:
    """Assign each line to one request whose interval (both ends included) contains it, so that as many as possible have one.

    from_ns, until_ns: of each request. times: of each line. Lines are assigned by time, each to the open interval that ends first.
    For intervals this gives a maximum matching (an exchange argument; tests compare it with brute force). If one request of a group
    linked by shared lines has no line, the whole group is AMBIGUOUS. Of two intervals with the same end, the one that began first
    gets the line. The input order never matters.
    """
    order = np.argsort(times, kind="stable")
    in_time = times[order]
    # From here on a request is the half-open range [first, past) of the sorted lines it may own.
    first: Indices = np.searchsorted(in_time, from_ns, side="left").astype(np.int64)
    past: Indices = np.searchsorted(in_time, until_ns, side="right").astype(np.int64)
    # Requests that may own a line, ordered by the end of their interval. Groups share no line, so each is a contiguous part.
    turn = np.lexsort((first, past))
    turn = turn[first[turn] < past[turn]]
    group, starts = _groups(first[turn], past[turn])
    line = _owned(first[turn], past[turn], group, starts)
    whole = np.logical_and.reduceat(line >= 0, starts)[group] if len(turn) else np.zeros(0, dtype=np.bool_)
    fates = np.full(len(first), Fate.LONE, dtype=np.int8)
    fates[turn] = np.where(whole, Fate.MATCHED, Fate.AMBIGUOUS)
    line_of = np.full(len(first), -1, dtype=np.int64)
    line_of[turn[line >= 0]] = order[line[line >= 0]]
    taken = np.zeros(len(times), dtype=np.bool_)
    taken[line_of[line_of >= 0]] = True
    safe = turn[whole]
    return Matching(fates, line_of, np.flatnonzero(~taken), _swappable(first[safe], past[safe], line[whole]))


def _groups(first: Indices, past: Indices) -> tuple[Indices, Indices]:
    """(group of each request, where each group starts) of requests in order. Requests that may own the same line are linked."""
    # Seen from the end, a group ends where no later request reaches back before the end of this one.
    reach_back = np.minimum.accumulate(first[::-1])[::-1]
    opens = np.ones(len(first), dtype=np.bool_)
    opens[1:] = past[:-1] <= reach_back[1:]
    return np.cumsum(opens) - 1, np.flatnonzero(opens)


def _owned(first: Indices, past: Indices, group: Indices, starts: Indices) -> Indices:
    """The line of each request, -1 without; requests in order.

    If each request in order can own the next line of its group, that is the result of "the open interval that ends first": each
    request is open when its line comes, and ends first among those left. Any other group is matched line by line.
    """
    if not len(first):
        return first
    lowest = np.minimum.reduceat(first, starts)
    line = lowest[group] + np.arange(len(first)) - starts[group]
    in_turn = np.logical_and.reduceat((first <= line) & (line < past), starts)
    ends = np.append(starts[1:], len(first))
    for contested in np.flatnonzero(~in_turn):
        part = slice(int(starts[contested]), int(ends[contested]))
        line[part] = _earliest_end_first(first[part], past[part])
    return line


def _earliest_end_first(first: Indices, past: Indices) -> Indices:
    """The same for one group, line by line."""
    firsts, pasts = first.tolist(), past.tolist()
    arriving = np.argsort(first, kind="stable").tolist()
    line_of = [-1] * len(firsts)
    open_ones: list[int] = []  # by turn, which is by end
    came, count = 0, len(arriving)
    for line in range(min(firsts), max(pasts)):
        while came < count and firsts[arriving[came]] <= line:
            heapq.heappush(open_ones, arriving[came])
            came += 1
        while open_ones and pasts[open_ones[0]] <= line:
            heapq.heappop(open_ones)
        if open_ones:
            line_of[heapq.heappop(open_ones)] = line
    return np.asarray(line_of, dtype=np.int64)


def _swappable(first: Indices, past: Indices, line: Indices) -> int:
    """How many of these pairs could swap with another one: each may own the other's line."""
    order = np.argsort(line)
    first, past, line = first[order], past[order], line[order]
    beyond = np.searchsorted(line, past)  # the first pair, by line, whose line this one may not own
    swaps = np.zeros(len(line), dtype=np.bool_)
    asking = np.arange(len(line))
    apart = 0
    while len(asking):
        apart += 1
        # Of two pairs, the earlier request may own the later line here. It remains to test the reverse.
        left = np.concatenate(([0], np.cumsum(~swaps)))
        open_yet = ~swaps[asking] | (left[beyond[asking]] > left[np.minimum(asking + apart, beyond[asking])])
        asking = asking[(asking + apart < beyond[asking]) & open_yet]
        both = asking[first[asking + apart] <= line[asking]]
        swaps[both] = True
        swaps[both + apart] = True
    return int(swaps.sum())
