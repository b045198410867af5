"""Waiting for conditions: a deadline, and in the end what was last seen. There is no other sleep in the harness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tenacity import RetryError, Retrying, retry_if_result, wait_fixed

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
    last: Look[T] = Look(None, "nothing yet")
    begun = looked = mono_s()

    def once() -> Look[T]:
        nonlocal last, looked
        looked = mono_s()
        try:
            last = look()
        except tolerate as error:
            last = Look(None, f"{type(error).__name__}: {error}"[:400])
        return last

    try:
        done = Retrying(
            stop=lambda _state: looked - begun >= within_s,
            wait=wait_fixed(every_s),
            retry=retry_if_result(lambda seen: seen.value is None),
        )(once)
    except RetryError as timeout:
        raise WaitTimeout(what, within_s, last.seen, fix=fix, where=where) from timeout
    if done.value is None:  # pragma: no cover - the retry condition above excludes it
        raise HarnessError(f"{what}: the wait ended without a value")
    return done.value
