"""What the tests of the observers share: a sink that remembers, and waiting for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from harness.adapters.wait import Look, wait_for
from harness.model import Gap, Observation
from harness.observe.feed import Feed

WITHIN_S = 45.0
"""Below pytest's own limit, which does not say what was waited for."""


def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait for a condition of the world a thread is busy changing."""
    wait_for(what, lambda: Look(holds() or None, "not yet"), within_s=WITHIN_S, every_s=0.01)


def payloads(feed: Feed) -> list[str]:
    """What was said, in order."""
    return [seen.payload for seen in feed.snapshot()]


def observers_running() -> list[str]:
    """Names of observer threads that have not ended."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("observe ")]


class FullDisk:
    """A sink that cannot take anything any more."""

    def observation(self, o: Observation, /) -> None:
        """Fails."""
        raise OSError(28, "No space left on device")

    def gap(self, g: Gap, /) -> None:
        """Fails."""
        raise OSError(28, "No space left on device")
