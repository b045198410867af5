"""Taking turns: of the slots that are measured at the same time, one restarts at a time."""

from __future__ import annotations

import asyncio


class Turn:
    """Held by at most one of `slots` cycles, from before its fault until its new container serves. Of one event loop.

    Five containers that restarted at the same moment refused requests for up to seven times as long as one alone; five that
    restarted one after the other did not.
    """

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self._lock = asyncio.Lock()
        self._holder: object = None

    async def take(self, holder: object) -> None:
        """Wait until nobody else holds it; who comes first is served first."""
        await self._lock.acquire()
        self._holder = holder

    def give_up(self, holder: object) -> None:
        """Let the next one have it. Does nothing if somebody else holds it, or nobody."""
        if self._holder is holder:
            self._holder = None
            self._lock.release()
