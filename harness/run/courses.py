"""The courses of a cycle: what is done under load, in which order. Their milestones are data (`harness.model.COURSES`).

A course is a plain function over a Trial. Each verb of the Trial waits until what it is about has been seen, and marks the
milestone it leads to; a condition that does not come in time ends the course with WaitTimeout, which gives the cycle up.
To add one: its milestones in `harness.model.COURSES`, and a function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol


class Trial(Protocol):
    """What a course may do. Milestones are those of a CycleMark."""

    def settle(self, *, calm: bool = False, every_pod: bool = False) -> None:
        """Until users are answered and the pods are probed well -> steady.

        calm: and no request fails. every_pod: and as many pods are Ready as there may be (max-scale).
        """
        ...

    def measure(self) -> None:
        """Let a window without a fault pass -> recovered."""
        ...

    def inject(self) -> None:
        """The fault, into each pod that it shall hit -> fault."""
        ...

    def inject_second(self) -> None:
        """The second fault, if one is asked for, until it has landed -> second_fault, second_landed."""
        ...

    def await_landed(self) -> None:
        """Until the fault is proved to have taken hold -> landed."""
        ...

    def lift(self) -> None:
        """Take back a fault that does not end by itself."""
        ...

    def recover(self) -> None:
        """Until users are answered well again -> recovered."""
        ...


def disturb(trial: Trial) -> None:
    """A fault in the steady state, and the recovery from it."""
    trial.settle()
    trial.inject()
    trial.await_landed()
    trial.lift()
    trial.recover()


def idle(trial: Trial) -> None:
    """No fault: a window under the same load."""
    trial.settle()
    trial.measure()


def from_zero(trial: Trial) -> None:
    """The load meets no pod: its first requests wait in the activator. Claims are about the whole load, from its start."""
    trial.settle(calm=True)
    trial.measure()


def roll_out(trial: Trial) -> None:
    """A new revision takes over under load, while a second fault, if one is asked for, hits a pod of the old one."""
    trial.settle()
    trial.inject()
    trial.inject_second()
    trial.await_landed()
    trial.lift()
    trial.recover()


def scale_down(trial: Trial) -> None:
    """From as many pods as there may be to those that are left, under load."""
    trial.settle(every_pod=True)
    trial.inject()
    trial.await_landed()
    trial.lift()
    trial.recover()


COURSES: Mapping[str, Callable[[Trial], None]] = MappingProxyType(
    {"disturb": disturb, "idle": idle, "from-zero": from_zero, "roll-out": roll_out, "scale-down": scale_down}
)
"""By the names of `harness.model.COURSES`."""
