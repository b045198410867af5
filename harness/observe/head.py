"""The beginning of a container's log, by which a rotation under an open stream is noticed. Pure.

A stream that is open while the log is rotated goes on with the newest file and does not say what it passed over: 635,827 of 800,000
lines were measured to be lost so, while a later reading of the log's end still joined. Only the first line tells: it is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from harness.observe.tail import DISORDER_NS, Placed

P = TypeVar("P", bound=Placed)


class Head(Generic[P]):
    """What of one instance's log is known to be whole. Lines are compared whole, a first line by its time: it may come cut.

    first: the first line of the file when it was last looked at, None if it was empty. mark: the last line had by then: up to it
    nothing was passed over. Not thread-safe: callers hold a lock.
    """

    def __init__(self, first: P | None = None, mark: P | None = None) -> None:
        self.first = first
        self.mark = mark
        self._mark_is_gone = False
        self._had: list[P] = []
        self._read_back: set[P] = set()
        self._read_back_to = 0

    @property
    def had(self) -> int:
        """How many lines came since the mark, to be given to `confirm` or `turn` after a look."""
        return len(self._had)

    def take(self, line: P) -> bool:
        """A line has come. False: it has been read back already."""
        if line in self._read_back:
            self._read_back.discard(line)
            return False
        if line.stamp_ns > self._read_back_to + DISORDER_NS:
            self._read_back.clear()
        if self.mark is None:
            self.first = self.mark = line
        else:
            self._had.append(line)
        return True

    def same(self, found: P | None) -> bool:
        """Whether this is still the first line. Before there was a line nothing can be told: True. After an empty file: False."""
        if self.mark is None:
            return True
        return self.first is not None and found is not None and found.stamp_ns == self.first.stamp_ns

    def confirm(self, had: int) -> None:
        """The file was still the same after so many lines."""
        if had:
            self.mark, self._mark_is_gone = self._had[had - 1], False
            del self._had[:had]

    def covers(self, last: P | None) -> bool:
        """Whether this line was rotated away and everything up to the present file has been read back: it cannot come again."""
        return self._mark_is_gone and last is not None and self.mark is not None and last.stamp_ns <= self.mark.stamp_ns

    def turn(self, found: P | None, had: int, rotated: Sequence[P] | None) -> list[P] | None:
        """Another file begins with `found` (None: it is empty). rotated: lines of the files before it, None if not to be had.

        Returns the lines that were passed over, which count as had from now on; None if they cannot be told. Either way the new
        file is what is looked at from here.
        """
        at = next((i for i in range(len(rotated) - 1, -1, -1) if rotated[i] == self.mark), None) if rotated else None
        begins = next((i for i, line in enumerate(self._had) if found is not None and line.stamp_ns == found.stamp_ns), None)
        known = set(self._had)
        missing = None if at is None or rotated is None else [line for line in rotated[at + 1 :] if line not in known]
        before_ns = None if found is None else found.stamp_ns - DISORDER_NS
        given = set(rotated or ())
        if any(line not in given for line in self._had[:had] if before_ns is None or line.stamp_ns < before_ns):
            missing = None  # it gave a line that no file holds: the beginning of one, and on it something else
        if found is not None and begins is None and any(line.stamp_ns > found.stamp_ns + DISORDER_NS for line in self._had[:had]):
            missing = None  # the new file's own beginning was passed over too
        last = rotated[-1] if rotated else self.mark
        if begins is not None and begins < had:
            self.mark, self._mark_is_gone = self._had[had - 1], False
            self._had = self._had[had:]
        else:
            self.mark, self._mark_is_gone = last, True
            self._had = [line for line in self._had if found is not None and line.stamp_ns >= found.stamp_ns]
        self.first = found
        self._read_back = set(missing or ())
        self._read_back_to = max((line.stamp_ns for line in missing or ()), default=0)
        return missing
