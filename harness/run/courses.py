"""The courses of a cycle: what is done under load, in which order. Their milestones are data (`harness.model.COURSES`).

A course is a coroutine over a Trial. Each verb of the Trial waits until what it is about has been seen, and marks the
milestone it leads to; a condition that does not come in time ends the course with WaitTimeout, which gives the cycle up.
While one course waits, those of the other slots go on.
To add one: its milestones in `harness.model.COURSES`, and a function here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Protocol


class Trial(Protocol):
    """What a course may do. Milestones are those of a CycleMark."""

    async def settle(self, *, calm: bool = False, every_pod: bool = False) -> None:
        """Until users are answered and the pods are probed well -> steady.

        calm: and no request fails. every_pod: and as many pods are Ready as there may be (max-scale).
        """
        ...

    async def measure(self) -> None:
        """Let a window without a fault pass -> recovered."""
        ...

    async def inject(self) -> None:
        """The fault, into each pod that it shall hit -> fault. Before it, until no other slot's fault is under way."""
        ...

    async def inject_second(self) -> None:
        """The second fault, if one is asked for, until it has landed -> second_fault, second_landed."""
        ...

    async def await_landed(self) -> None:
        """Until the fault is proved to have taken hold -> landed."""
        ...

    async def lift(self) -> None:
        """Take back a fault that does not end by itself."""
        ...

    async def recover(self) -> None:
        """Until users are answered well again -> recovered."""
        ...


async def disturb(trial: Trial) -> None:
    """A fault in the steady state, and the recovery from it."""
    await trial.settle()
    await trial.inject()
    await trial.await_landed()
    await trial.lift()
    await trial.recover()


async def idle(trial: Trial) -> None:
    """No fault: a window under the same load."""
    await trial.settle()
    await trial.measure()


async def from_zero(trial: Trial) -> None:
    """The load meets no pod: its first requests wait in the activator. Claims are about the whole load, from its start."""
    await trial.settle(calm=True)
    await trial.measure()


async def roll_out(trial: Trial) -> None:
    """A new revision takes over under load, while a second fault, if one is asked for, hits a pod of the old one."""
    await trial.settle()
    await trial.inject()
    await trial.inject_second()
    await trial.await_landed()
    await trial.lift()
    await trial.recover()


async def scale_down(trial: Trial) -> None:
    """From as many pods as there may be to those that are left, under load."""
    await trial.settle(every_pod=True)
    await trial.inject()
    await trial.await_landed()
    await trial.lift()
    await trial.recover()


COURSES: Mapping[str, Callable[[Trial], Coroutine[None, None, None]]] = MappingProxyType(
    {"disturb": disturb, "idle": idle, "from-zero": from_zero, "roll-out": roll_out, "scale-down": scale_down}
)
"""By the names of `harness.model.COURSES`."""
