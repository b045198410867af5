"""The live feed: what has been observed so far, for waits on a running experiment."""

from __future__ import annotations

import threading

from harness.model import Gap, Observation
from harness.observe.sink import Sink


class Feed:
    """Append-only, safe to use from any thread, and itself a Sink that hands everything on.

    onward: gets each item first, one at a time and in the feed's order, so that it needs no lock of its own; what it has not taken
    is not in the feed either.

    A wait remembers the index it has read up to and looks at what came since:

        at = 0
        def look() -> Look[Observation]:
            nonlocal at
            new, at = feed.since(at)
            ...
        wait_for("the container's restart", look, within_s=60)
    """

    def __init__(self, onward: Sink | None = None) -> None:
        self._onward = onward
        self._guard = threading.Lock()
        self._seen: list[Observation] = []
        self._gaps: list[Gap] = []

    def observation(self, o: Observation, /) -> None:
        """Append it."""
        with self._guard:
            if self._onward is not None:
                self._onward.observation(o)
            self._seen.append(o)

    def gap(self, g: Gap, /) -> None:
        """Append it."""
        with self._guard:
            if self._onward is not None:
                self._onward.gap(g)
            self._gaps.append(g)

    def since(self, index: int) -> tuple[list[Observation], int]:
        """Observations from `index` on, in the order seen, and the index to ask with next time. 0 is the beginning."""
        with self._guard:
            return self._seen[index:], len(self._seen)

    def snapshot(self) -> tuple[Observation, ...]:
        """Everything so far."""
        with self._guard:
            return tuple(self._seen)

    def gaps(self) -> tuple[Gap, ...]:
        """Every gap so far."""
        with self._guard:
            return tuple(self._gaps)
