"""Waiting for conditions: a deadline, and in the end what was last seen. There is no other sleep in the harness.

`wait_for` blocks its thread; `until` lets other tasks of the same thread run between two looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tenacity import AsyncRetrying, RetryCallState, RetryError, Retrying, retry_if_result, wait_fixed

from harness.adapters.clock import mono_s
from harness.errors import HarnessError, WaitTimeout

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """One look at a condition: its value once it holds (None until then), and what was seen, in words."""

    value: T | None
    seen: str


def wait_for(
    what: str,
    look: Callable[[], Look[T]],
    *,
    within_s: float,
    every_s: float = 0.2,
    fix: str = "",
    where: str = "",
    tolerate: tuple[type[Exception], ...] = (),
) -> T:
    """Look until there is a value, and return it.

    Only a look that began at the deadline or later ends the wait in vain: who was not scheduled for a while has not seen anything.
    tolerate: exceptions of a look that mean "not yet"; a HarnessError is never tolerated unless named. Every other exception ends
    the wait at once. Raises WaitTimeout with the last thing seen.
    """
    looks = _Looks(look, within_s, tolerate)
    try:
        done = Retrying(**looks.policy(every_s))(looks.once)
    except RetryError as timeout:
        raise WaitTimeout(what, within_s, looks.last.seen, fix=fix, where=where) from timeout
    return _value(what, done)


async def until(what: str, look: Callable[[], Look[T]], *, within_s: float, every_s: float = 0.2) -> T:
    """The same as `wait_for`, in a task: other tasks run between two looks, and cancelling the task ends the wait."""
    looks = _Looks(look, within_s, ())

    async def once() -> Look[T]:
        return looks.once()

    try:
        done: Look[T] = await AsyncRetrying(**looks.policy(every_s))(once)
    except RetryError as timeout:
        raise WaitTimeout(what, within_s, looks.last.seen) from timeout
    return _value(what, done)


class _Looks(Generic[T]):
    """The looks of one wait: when the last one began, and what it saw."""

    def __init__(self, look: Callable[[], Look[T]], within_s: float, tolerate: tuple[type[Exception], ...]) -> None:
        self._look = look
        self._within_s = within_s
        self._tolerate = tolerate
        self._begun = self._looked = mono_s()
        self.last: Look[T] = Look(None, "nothing yet")

    def once(self) -> Look[T]:
        """One look."""
        self._looked = mono_s()
        try:
            self.last = self._look()
        except self._tolerate as error:
            self.last = Look(None, f"{type(error).__name__}: {error}"[:400])
        return self.last

    def policy(self, every_s: float) -> dict[str, Any]:
        """For tenacity."""

        def over(_state: RetryCallState) -> bool:
            return self._looked - self._begun >= self._within_s

        return {"stop": over, "wait": wait_fixed(every_s), "retry": retry_if_result(lambda seen: seen.value is None)}


def _value(what: str, done: Look[T]) -> T:
    if done.value is None:  # pragma: no cover - the retry condition excludes it
        raise HarnessError(f"{what}: the wait ended without a value")
    return done.value
