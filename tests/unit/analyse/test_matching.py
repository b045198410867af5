"""Lines and requests, one to one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.analyse.matching import Fate, Matching
from harness.analyse.matching import match as match_columns

M, L, A = Fate.MATCHED, Fate.LONE, Fate.AMBIGUOUS


def match(intervals: list[tuple[int, int]], times: list[int]) -> Matching:
    """The same of plain lists."""
    spans = np.array(intervals, dtype=np.int64).reshape(-1, 2)
    return match_columns(spans[:, 0], spans[:, 1], np.array(times, dtype=np.int64))


@pytest.mark.parametrize(
    ("name", "intervals", "times", "fates", "free", "interchangeable"),
    [
        ("empty", [], [], [], [], 0),
        ("no lines", [(0, 5)], [], [L], [], 0),
        ("no requests", [], [3, 1], [], [0, 1], 0),
        ("one pair", [(0, 5)], [5], [M], [], 0),
        ("ends are included", [(3, 5), (10, 12)], [12, 3], [M, M], [], 0),
        ("just outside", [(3, 5)], [6], [L], [0], 0),
        ("apart", [(0, 5), (10, 15)], [1, 11], [M, M], [], 0),
        ("two that could swap", [(0, 5), (0, 5)], [1, 2], [M, M], [], 2),
        ("two that could swap around a third", [(0, 2), (1, 1), (0, 2)], [0, 1, 2], [M, M, M], [], 2),
        ("a chain that cannot swap", [(0, 5), (4, 9)], [2, 5], [M, M], [], 0),
        ("the one that ends first takes the line", [(0, 9), (0, 3)], [2, 8], [M, M], [], 0),
        ("one line for two", [(0, 5), (2, 7)], [3], [A, A], [], 0),
        ("a surplus line", [(0, 5)], [1, 2], [M], [1], 0),
        ("one lacks in a chain of three", [(0, 5), (4, 9), (8, 12)], [4, 9], [A, A, A], [], 0),
        ("ambiguity does not reach other groups", [(0, 5), (0, 5), (50, 55)], [3, 52], [A, A, M], [], 0),
        ("a surplus line elsewhere does not help", [(0, 2), (1, 3), (1, 30)], [2, 10, 20], [A, A, A], [2], 0),
    ],
)
def test_the_table(
    name: str, intervals: list[tuple[int, int]], times: list[int], fates: list[Fate], free: list[int], interchangeable: int
) -> None:
    """Cases small enough to decide by hand."""
    got = match(intervals, times)
    assert (got.fates.tolist(), got.free.tolist(), got.interchangeable) == (fates, free, interchangeable), name


def most(intervals: list[tuple[int, int]], times: list[int]) -> int:
    """The largest number of pairs, by trying every order of giving lines to requests."""
    best = 0
    for order in permutations(range(len(intervals))):
        left = set(range(len(times)))
        pairs = 0
        for request in order:
            fitting = [line for line in left if intervals[request][0] <= times[line] <= intervals[request][1]]
            if fitting:
                left.discard(min(fitting, key=lambda line: times[line]))
                pairs += 1
        best = max(best, pairs)
    return best


SPANS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=5)


@given(SPANS, st.lists(st.integers(0, 18), max_size=6))
@settings(max_examples=150, deadline=None)
def test_it_is_a_maximum_matching_and_sound(intervals: list[tuple[int, int]], times: list[int]) -> None:
    """As many pairs as brute force finds; each pair fits; no line twice; without a line only who may be without."""
    got = match(intervals, times)
    owned = got.line_of[got.line_of >= 0].tolist()
    assert len(owned) == len(set(owned)) == most(intervals, times)
    assert sorted([*owned, *got.free]) == list(range(len(times)))
    for (lo, hi), line, fate in zip(intervals, got.line_of.tolist(), map(Fate, got.fates.tolist()), strict=True):
        assert line < 0 or lo <= times[line] <= hi
        assert (fate is L) == (not any(lo <= time <= hi for time in times))
        assert line >= 0 or fate is not M
    assert 0 <= got.interchangeable <= len(owned)


@given(SPANS, st.lists(st.integers(0, 18), max_size=6))
@example([(0, 1), (0, 2), (1, 2)], [0, 1, 2])
@settings(max_examples=150, deadline=None)
def test_the_order_given_does_not_matter(intervals: list[tuple[int, int]], times: list[int]) -> None:
    """Lines and requests come from different clocks and files: what is decided may not depend on their order."""
    there = match(intervals, times)
    back = match(intervals[::-1], times[::-1])
    assert back.fates[::-1].tolist() == there.fates.tolist()
    assert len(back.free) == len(there.free)
    assert back.interchangeable == there.interchangeable
