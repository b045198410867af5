"""The search of a bisection: where, in a row of releases from old to new, the answer changes. Pure; the examination is a function.

The answer is taken to change once between the ends. Candidates that cannot be examined are skipped, and the next nearest to the
middle is tried: what lies between two answers and was skipped stays in the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Interval(Generic[A]):
    """The answer changes after `old` and not after `new`: indexes of two candidates that gave different answers.

    skipped: indexes between the two that could not be examined. One candidate after the other without any: the change is exact.
    answers: of every candidate that was examined, in the order examined; None where it could not be.
    """

    old: int
    new: int
    skipped: tuple[int, ...]
    answers: tuple[tuple[int, A | None], ...]

    @property
    def exact(self) -> bool:
        """Whether the candidate that changed the answer is known."""
        return self.new == self.old + 1


class SameAnswer(ValueError):
    """Both ends give the same answer, so no change lies between them as far as the ends tell."""


class NoAnswer(ValueError):
    """An end could not be examined. index: of it."""

    def __init__(self, index: int) -> None:
        super().__init__(f"the candidate {index} gives no answer")
        self.index = index


def bisect(count: int, examine: Callable[[int], A | None], *, free: Collection[int] = ()) -> Interval[A]:
    """Where the answer changes between candidate 0 and candidate count - 1.

    examine: the answer of a candidate, None if it has none. It is asked once for each candidate at most, the ends first. free:
    candidates whose answer costs nothing; while one lies between the two answers it is asked before all others. Raises NoAnswer
    for an end without an answer, SameAnswer, and ValueError for fewer than two candidates.
    """
    if count < 2:
        raise ValueError("a bisection needs two candidates")
    answers: dict[int, A | None] = {}

    def answer(index: int) -> A | None:
        if index not in answers:
            answers[index] = examine(index)
        return answers[index]

    old, new = 0, count - 1
    for end in (old, new):
        if answer(end) is None:
            raise NoAnswer(end)
    if answer(old) == answer(new):
        raise SameAnswer(str(answer(old)))
    while (middle := _next(old, new, answers, free)) is not None:
        seen = answer(middle)
        if seen is None:
            continue
        if seen == answers[old]:
            old = middle
        elif seen == answers[new]:
            new = middle
        else:
            answers[middle] = None  # a third answer belongs to neither side
    skipped = tuple(index for index in range(old + 1, new) if index in answers)
    return Interval(old, new, skipped, tuple(answers.items()))


def _next(old: int, new: int, answers: Collection[int], free: Collection[int]) -> int | None:
    """The candidate nearest to the middle that was not examined, the older of two; None if all between were."""
    middle = (old + new) / 2
    left = [index for index in range(old + 1, new) if index not in answers]
    return min(left, key=lambda index: (index not in free, abs(index - middle), index), default=None)
