"""Two clocks read as one moment."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harness.adapters.clock import READINGS, Anchor, Reading

MS = 1_000_000


class Stalls:
    """Clocks that agree, and a process that loses its core for `stall_ns` within so many of its first readings of UTC."""

    def __init__(self, within: int, stall_ns: int = 40 * MS) -> None:
        self.now_ns = 10**15
        self.within = within
        self.stall_ns = stall_ns

    def monotonic(self, *_clock: int) -> int:
        """Each look takes a little."""
        self.now_ns += 100
        return self.now_ns

    def utc(self) -> int:
        """Stopped between the two halves of the reading."""
        self.now_ns += 100
        read = self.now_ns
        if self.within:
            self.within -= 1
            self.now_ns += self.stall_ns
        return read


@pytest.fixture
def stalls(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Stalls]:
    """Put such clocks in place of the machine's."""

    def put(within: int) -> Stalls:
        made = Stalls(within)
        monkeypatch.setattr(time, "time_ns", made.utc)
        monkeypatch.setattr(time, "monotonic_ns", made.monotonic)
        monkeypatch.setattr(time, "clock_gettime_ns", made.monotonic)
        return made

    return put


@pytest.mark.parametrize("within", range(READINGS))
def test_a_stall_between_two_clocks_is_no_step(stalls: Callable[[int], Stalls], within: int) -> None:
    """One undisturbed pair of readings is enough."""
    clocks = stalls(0)
    anchor = Anchor.take()
    clocks.within = within
    assert abs(anchor.step_ns()) < MS
    clocks.within = within
    assert Reading.take().blur_ns < MS


def test_a_step_is_seen(stalls: Callable[[int], Stalls], monkeypatch: pytest.MonkeyPatch) -> None:
    """UTC alone moved."""
    clocks = stalls(0)
    anchor = Anchor.take()
    monkeypatch.setattr(time, "time_ns", lambda: clocks.utc() + 40 * MS)
    assert anchor.step_ns() == pytest.approx(40 * MS, abs=MS)
