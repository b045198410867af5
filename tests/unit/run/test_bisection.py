"""The search, on every row of up to eight releases with every pattern of holes."""

from __future__ import annotations

from itertools import product

import pytest

from harness.run.bisection import Interval, NoAnswer, SameAnswer, bisect


def reference(row: tuple[str | None, ...]) -> tuple[int, int]:
    """By looking at all: the last candidate that answers as the old end, the first that answers as the new one."""
    old = max(index for index, answer in enumerate(row) if answer == row[0])
    return old, min(index for index, answer in enumerate(row) if answer == row[-1])


ROWS = [
    tuple(answer if there else None for answer, there in zip("o" * turn + "n" * (count - turn), holes, strict=True))
    for count in range(2, 9)
    for turn in range(1, count)
    for holes in product((True, False), repeat=count)
    if holes[0] and holes[-1]
]
"""Monotone, with each pattern of candidates that cannot be examined."""


def test_the_interval_is_the_one_that_looking_at_all_gives() -> None:
    """And every skipped candidate within it is named; none is examined twice."""
    assert len(ROWS) == 769
    for row in ROWS:
        asked: list[int] = []

        def examine(index: int, row: tuple[str | None, ...] = row, asked: list[int] = asked) -> str | None:
            asked.append(index)
            return row[index]

        found = bisect(len(row), examine)
        assert (found.old, found.new) == reference(row)
        assert found.skipped == tuple(range(found.old + 1, found.new))
        assert found.exact is (found.new == found.old + 1)
        assert len(asked) == len(set(asked))
        assert dict(found.answers) == {index: row[index] for index in asked}


def test_it_halves() -> None:
    """A thousand releases without holes: both ends and ten more."""
    for turn in (1, 333, 512, 999):
        found: Interval[bool] = bisect(1000, lambda index, turn=turn: index >= turn)  # type: ignore[misc]
        assert (found.old, found.new) == (turn - 1, turn)
        assert len(found.answers) <= 12


def test_what_costs_nothing_is_asked_first() -> None:
    """The same interval for every choice of free candidates; none is paid for that a free one excludes."""
    for row in (one for one in ROWS if len(one) == 6):
        for chosen in product((True, False), repeat=6):
            free = {index for index, is_free in enumerate(chosen) if is_free}
            asked: list[int] = []

            def examine(index: int, row: tuple[str | None, ...] = row, asked: list[int] = asked) -> str | None:
                asked.append(index)
                return row[index]

            found = bisect(6, examine, free=free)
            assert (found.old, found.new) == reference(row)
            paid = [index for index in asked[2:] if index not in free]
            inside = [index for index in sorted({0, 5, *free}) if row[index] is not None]
            old = max(index for index in inside if row[index] == row[0])
            new = min(index for index in inside if row[index] == row[5])
            assert all(old < index < new for index in paid)


def test_either_direction() -> None:
    """Which of two answers is the good one is nobody's business here."""
    assert bisect(5, lambda index: "present" if index < 3 else "absent").new == 3
    assert bisect(5, lambda index: "absent" if index < 3 else "present").new == 3


def test_ends_that_agree_or_say_nothing() -> None:
    """Nothing else is examined then."""
    with pytest.raises(SameAnswer, match="present"):
        bisect(5, lambda index: "present" if index in {0, 4} else pytest.fail("examined"))
    with pytest.raises(NoAnswer) as none:
        bisect(5, lambda index: None if index == 4 else "present")
    assert none.value.index == 4
    with pytest.raises(ValueError, match="two candidates"):
        bisect(1, lambda _index: "present")


def test_a_third_answer_belongs_to_neither_side() -> None:
    """It is skipped like a hole."""
    found = bisect(5, lambda index: "ooxnn"[index])
    assert (found.old, found.new, found.skipped) == (1, 3, (2,))
