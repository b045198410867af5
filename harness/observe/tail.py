"""Whether a stream of lines is whole: what was delivered last, found again after each break. Pure but for its `deliver`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from harness.knative.times import SECOND_NS

DISORDER_NS = SECOND_NS // 10
"""How far lines of one file may stand out of order: stdout and stderr are stamped by two writers before they meet."""


REMEMBERED = 1 << 17
"""Lines by which a source that begins again by itself is known: more than a log file of 10 MiB mostly has."""


class Placed(Protocol):
    """A line with its time; equal lines are the same line."""

    @property
    def stamp_ns(self) -> int:
        """The source's own time."""


P = TypeVar("P", bound=Placed)


class Tail(Generic[P]):
    """The end of one source's lines, in the order of its file.

    A source that is opened anew sends again what lies at or after the last delivered line's second. That line must come again:
    then what follows it is exactly what is new. If it does not, something was lost (rotation, truncation, another source).
    A source that is open may begin again without a word: a kubelet that follows a log over two rotations in a row was seen to send
    the newest file twice. Then, too, the last line must come again.
    Not thread-safe: callers hold a lock.
    """

    def __init__(self, deliver: Callable[[P], None], *, last: P | None = None) -> None:
        self._deliver = deliver
        self._seeking = last is not None
        self._held: list[P] = []
        self._seen: dict[int, None] = {}
        self._latest_ns = last.stamp_ns if last is not None else 0
        self.last = last

    def reopened(self) -> None:
        """The source starts again at the last line's second (or at its beginning if there is none)."""
        self._seeking = self.last is not None
        self._held.clear()

    def offer(self, line: P) -> bool:
        """Take the stream's next line. False: the last delivered line should have come again by now, and has not."""
        if not self._seeking and line.stamp_ns <= self._latest_ns and hash(line) in self._seen:
            self.reopened()
        if not self._seeking or self.last is None:
            self._take(line)
            return True
        if line == self.last:
            self._seeking = False
            self._held.clear()
            return True
        self._held.append(line)
        return line.stamp_ns <= self.last.stamp_ns + DISORDER_NS

    def concede(self) -> int | None:
        """Give the last line up: deliver what came since; the time of the first such line, None if none came."""
        floor = self.last.stamp_ns if self.last is not None else 0
        fresh = [line for line in self._held if line.stamp_ns > floor]
        self._held.clear()
        self._seeking = False
        for line in fresh:
            self._take(line)
        return fresh[0].stamp_ns if fresh else None

    def splice(self, lines: Sequence[P], before: P | None) -> bool:
        """Join in a second reading of the same source, from `before` (the last line when it was asked for) to its end then.

        Delivers what the stream has not. False: neither `before` nor the last line is in it, so that it proves nothing; what is
        newer than the last line is delivered all the same.
        """
        if self.last is None:
            fresh, whole = list(lines), True
        elif (at := _rindex(lines, self.last)) is not None:
            fresh, whole = list(lines[at + 1 :]), True
        elif before is not None and _rindex(lines, before) is not None:
            fresh, whole = [], True  # the stream is already past the end of this reading
        elif lines and hash(lines[-1]) in self._seen:
            fresh, whole = [], True  # the same, where `before` was rotated away before the reading
        elif before is None and self.last.stamp_ns >= max((line.stamp_ns for line in lines), default=0):
            fresh, whole = [], True  # the same, where the reading began at the beginning
        else:
            floor = self.last.stamp_ns
            fresh, whole = [line for line in lines if line.stamp_ns > floor], False
        for line in fresh:
            self._take(line)
        if fresh:
            # The stream will bring these lines too, if it has not already: they are passed over until the last one is met.
            held = list(self._held)
            self.reopened()
            for line in held:
                self.offer(line)
        return whole

    def _take(self, line: P) -> None:
        self._deliver(line)
        self.last = line
        self._latest_ns = max(self._latest_ns, line.stamp_ns)
        self._seen[hash(line)] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]


def _rindex(lines: Sequence[P], wanted: P) -> int | None:
    return next((i for i in range(len(lines) - 1, -1, -1) if lines[i] == wanted), None)
