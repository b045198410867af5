"""Cycles that are measured at the same time, each in a slot of its own. In a run without slots a round is one cycle.

One thread takes all courses, and goes on with another one wherever one waits: an interrupt reaches it, and what it asks of the
cluster, the observers and the generators it asks in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from harness.run.cycle import Bench, Cycle
from harness.run.turn import Turn


def measured_together(bench: Bench, cycles: Sequence[Cycle]) -> None:
    """Steps 6 to 10 of these cycles. Their marks are recorded whatever happens.

    The logs are sealed once, when every load has ended. An error of one cycle is raised when the others have taken their course;
    an interrupt ends them all.
    """
    try:
        asyncio.run(_together(cycles))
        bench.observers.seal()
    finally:
        for cycle in cycles:
            cycle.end()


async def _together(cycles: Sequence[Cycle]) -> None:
    turn = Turn(len(cycles))
    for ended in await asyncio.gather(*(cycle.run(turn) for cycle in cycles), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
