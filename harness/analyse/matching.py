"""Log lines and requests, one to one, by time alone.

A line carries no request id, so a request may own any line of its text between its sending and its answer, give or take the
tolerance. The matching is a maximum one; where it leaves a request without a line, nobody can say which of its neighbours lacks it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from harness.analyse.columns import Indices


class Fate(IntEnum):
    """MATCHED: it has a line in every reading. LONE: none lies in its interval. AMBIGUOUS: too few for it and others."""

    MATCHED = 0
    LONE = 1
    AMBIGUOUS = 2


@dataclass(frozen=True, slots=True)
class Matching:
    """fates: one a request, the value of a Fate. line_of: its line's index, -1 without. free: lines of nobody, by index, ascending.

    interchangeable: matched pairs that could swap lines with another matched pair.
    """

    fates: npt.NDArray[np.int8]
    line_of: Indices
    free: Indices
    interchangeable: int


def match(from_ns: Indices, until_ns: Indices, times: Indices) -> Matching:
    """Give each line to one request whose interval (both ends included) holds it, so that as many as possible have one.

    from_ns, until_ns: one a request. times: one a line. Lines by time, each to the open interval that ends first: maximum for
    intervals (an exchange argument; tests compare it with brute force). A group of requests linked by shared lines in which one
    stays without is AMBIGUOUS as a whole. Of two intervals that end alike the one that began first has the line: never the order
    given.
    """
    order = np.argsort(times, kind="stable")
    in_time = times[order]
    # From here on a request is the half-open range [first, past) of the sorted lines it may own.
    first: Indices = np.searchsorted(in_time, from_ns, side="left").astype(np.int64)
    past: Indices = np.searchsorted(in_time, until_ns, side="right").astype(np.int64)
    # Those that may own a line, in the turn they have among open intervals. Groups share no line, so each is one stretch of it.
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
    """(group of each request, where each group starts) of requests in turn; linked are those that may both own a line."""
    # Taken from behind, a group ends where nobody who comes later in the turn reaches back before the end of this one.
    reach_back = np.minimum.accumulate(first[::-1])[::-1]
    opens = np.ones(len(first), dtype=np.bool_)
    opens[1:] = past[:-1] <= reach_back[1:]
    return np.cumsum(opens) - 1, np.flatnonzero(opens)


def _owned(first: Indices, past: Indices, group: Indices, starts: Indices) -> Indices:
    """The line of each request, -1 without; requests in turn.

    Where each in turn can have the next line of its group, that is what "the open interval that ends first" comes to: the one whose
    turn it is is open and first among those left. Any other group is settled line by line.
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
        # Of two pairs the earlier may own the later one's line here; what is left to ask is whether that holds the other way round.
        left = np.concatenate(([0], np.cumsum(~swaps)))
        open_yet = ~swaps[asking] | (left[beyond[asking]] > left[np.minimum(asking + apart, beyond[asking])])
        asking = asking[(asking + apart < beyond[asking]) & open_yet]
        both = asking[first[asking + apart] <= line[asking]]
        swaps[both] = True
        swaps[both + apart] = True
    return int(swaps.sum())
