"""Whether the clock was set in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from harness.adapters.clock import Reading
from harness.model import Gap, Stream
from harness.observe.clock import ClockWatch
from harness.observe.feed import Feed
from tests.unit.observe.kit import WITHIN_S, FullDisk, until

MS = 1_000_000
S = 1_000 * MS
T0 = 1_700_000_000 * S


class Clocks:
    """Two clocks that go as told."""

    def __init__(self) -> None:
        self.utc, self.raw, self.blur = T0, 5 * S, 0

    def __call__(self) -> Reading:
        """As ReadClocks."""
        return Reading(self.utc, self.raw, self.blur)

    def run(self, seconds: float, *, step_ms: float = 0.0, ppm: float = 0.0) -> None:
        """Let time go by; UTC is set by step_ms within it, and runs faster by ppm."""
        self.raw += int(seconds * S)
        self.utc += int(seconds * S * (1 + ppm / 1e6)) + int(step_ms * MS)


@pytest.fixture
def clocks() -> Clocks:
    """At the beginning."""
    return Clocks()


def seen(clocks: Clocks, feed: Feed, *seconds: tuple[float, float]) -> tuple[Gap, ...]:
    """Gaps after looks that are so many seconds apart, each with its step in ms."""
    watch = ClockWatch(feed, read=clocks)
    for length, step_ms in seconds:
        clocks.run(length, step_ms=step_ms)
        watch.look()
    return feed.gaps()


def test_a_step_forward_is_a_gap_of_the_times_nobody_can_place(clocks: Clocks) -> None:
    """From the last look before it to the first after it, by the new time."""
    (gap,) = seen(clocks, Feed(), (1, 0), (1, 250))
    assert gap == Gap(Stream.CLOCK, "", T0 + S, T0 + 2 * S + 250 * MS, "clock: it was stepped by +250.0 ms")


def test_a_step_backward_covers_the_times_that_come_twice(clocks: Clocks) -> None:
    """What was stamped before the step and what was stamped after it, both."""
    (gap,) = seen(clocks, Feed(), (1, 0), (1, -10_000))
    assert (gap.from_ns, gap.until_ns) == (T0 + S - 10 * S, T0 + 2 * S)
    assert "-10000.0 ms" in gap.reason


def test_a_step_forth_and_back_is_two_gaps(clocks: Clocks) -> None:
    """At the end of the run nothing of it is left to be seen."""
    gaps = seen(clocks, Feed(), (1, 0), (1, 80), (1, 0), (1, -80), (1, 0))
    assert [gap.reason[-8:] for gap in gaps] == ["+80.0 ms", "-80.0 ms"]


@pytest.mark.parametrize("step_ms", [5.9, -5.9])
def test_what_is_within_the_tolerance_is_no_step(clocks: Clocks, step_ms: float) -> None:
    """Of 5 ms, and of 1 ms a second for slewing."""
    assert seen(clocks, Feed(), (1, step_ms)) == ()
    assert len(seen(clocks, Feed(), (1, 2 * step_ms))) == 1


def test_slewing_is_no_step_however_long_it_takes_or_nobody_looks(clocks: Clocks) -> None:
    """The kernel corrects 500 ppm at most; a harness that got no core for a minute must not call that a step."""
    feed = Feed()
    watch = ClockWatch(feed, read=clocks)
    for _ in range(600):
        clocks.run(0.5, ppm=500)
        assert watch.look()
    clocks.run(60, ppm=-500)
    assert watch.look()
    clocks.run(1, ppm=80_000)
    assert not watch.look(), "nor is 80 ms a second slewing that leaves durations alone"
    assert len(feed.gaps()) == 1


def test_a_blurred_reading_is_not_mistaken_for_a_step(clocks: Clocks) -> None:
    """The thread may have lost its core between the two clocks."""
    feed = Feed()
    watch = ClockWatch(feed, read=clocks)
    clocks.run(1, step_ms=20)
    clocks.blur = 20 * MS
    assert watch.look()
    clocks.run(1, step_ms=-20)
    clocks.blur = 0
    assert watch.look()
    assert feed.gaps() == ()


@pytest.fixture
def started() -> Iterator[list[ClockWatch]]:
    """Whatever is put in is ended."""
    watches: list[ClockWatch] = []
    yield watches
    for watch in watches:
        watch.end()
        assert watch.join(WITHIN_S)


def test_the_thread_looks_by_itself_and_the_seal_looks_once_more(clocks: Clocks, started: list[ClockWatch]) -> None:
    """Nobody has to ask; the end of a cycle does."""
    feed = Feed()
    watch = ClockWatch(feed, read=clocks, every_s=0.01)
    watch.start()
    started.append(watch)
    clocks.utc += S
    until("the gap", lambda: len(feed.gaps()) == 1)
    watch.end()
    assert watch.join(WITHIN_S)
    assert watch.seal()
    clocks.utc -= S
    assert not watch.seal()
    assert len(feed.gaps()) == 2


def test_a_gap_that_cannot_be_recorded_is_told(clocks: Clocks, started: list[ClockWatch]) -> None:
    """The thread fails, and says so."""
    watch = ClockWatch(FullDisk(), read=clocks, every_s=0.01)
    watch.start()
    started.append(watch)
    clocks.utc += S
    until("the crash", lambda: watch.crashed)
    assert "No space left" in watch.note


def test_the_real_clocks_of_a_host_left_alone_keep_together() -> None:
    """Read as they are read in a run."""
    before_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    first = Reading.take()
    between_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    second = Reading.take()
    assert before_ns <= first.raw_ns <= between_ns
    assert second.raw_ns > first.raw_ns
    assert 0 <= first.blur_ns <= between_ns - before_ns
