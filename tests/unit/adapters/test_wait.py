"""Waiting: a value ends it, a deadline ends it with what was last seen, and nothing is tolerated unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from harness.adapters import wait
from harness.adapters.wait import Look, until, wait_for
from harness.errors import WaitTimeout


def test_the_first_value_ends_the_wait() -> None:
    """Looks go on until one has a value, which is returned."""
    looks: Iterator[Look[int]] = iter([Look(None, "no"), Look(None, "no"), Look(7, "yes")])
    assert wait_for("seven", lambda: next(looks), within_s=30, every_s=0) == 7


def test_false_and_zero_are_values() -> None:
    """Only None means "not yet"."""
    assert wait_for("a zero", lambda: Look(0, "zero"), within_s=1) == 0
    assert wait_for("a no", lambda: Look(value=False, seen="no"), within_s=1) is False


def test_a_timeout_says_what_was_last_seen() -> None:
    """The message carries the condition, the deadline, the last look and the fix."""

    def look() -> Look[int]:
        return Look(None, "1 of 2 Ready")

    with pytest.raises(WaitTimeout, match=r"pods: not seen within 0.01 s; last seen: 1 of 2 Ready") as late:
        wait_for("pods", look, within_s=0.01, every_s=0, fix="look there")
    assert late.value.fix == "look there"


def test_only_named_exceptions_mean_not_yet() -> None:
    """A tolerated one is part of what was seen; any other ends the wait at once."""

    def broken() -> Look[int]:
        raise ConnectionError("refused")

    with pytest.raises(WaitTimeout, match="last seen: ConnectionError: refused"):
        wait_for("an answer", broken, within_s=0.01, every_s=0, tolerate=(OSError,))
    with pytest.raises(ConnectionError):
        wait_for("an answer", broken, within_s=30)


def test_who_was_not_scheduled_looks_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends in vain by a look that began when it was over, not because a machine stood still after the first."""
    now = [0.0]
    monkeypatch.setattr(wait, "mono_s", lambda: now[0])

    def look() -> Look[int]:
        early = now[0] == 0
        now[0] += 30
        return Look(None if early else 7, "not yet")

    assert wait_for("seven", look, within_s=5, every_s=0) == 7
    with pytest.raises(WaitTimeout, match="last seen: the only look"):
        wait_for("nothing", lambda: Look(None, "the only look"), within_s=0, every_s=0)


def never() -> Look[int]:
    """What is waited for in vain."""
    return Look(None, "1 of 2 Ready")


def test_a_task_waits_while_another_goes_on() -> None:
    """Each looks in turn; a deadline says what was last seen, as in a wait that blocks."""
    order: list[str] = []

    async def waiting(name: str, looks: int) -> int:
        def look() -> Look[int]:
            order.append(name)
            return Look(7 if order.count(name) == looks else None, f"{order.count(name)} looks")

        return await until(name, look, within_s=30, every_s=0)

    async def both() -> list[int]:
        return list(await asyncio.gather(waiting("a", 2), waiting("b", 2)))

    assert asyncio.run(both()) == [7, 7]
    assert order == ["a", "b", "a", "b"]
    with pytest.raises(WaitTimeout, match=r"pods: not seen within 0.01 s; last seen: 1 of 2 Ready"):
        asyncio.run(until("pods", never, within_s=0.01, every_s=0))


def test_a_wait_ends_with_its_task() -> None:
    """An interrupt cancels what waits."""

    async def cancelled() -> bool:
        task = asyncio.ensure_future(until("never", never, within_s=30, every_s=30))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(cancelled())
