"""The live feed."""

from __future__ import annotations

import threading

import pytest

from harness.model import Gap, Observation, Stream
from harness.observe.feed import Feed
from tests.unit.observe.kit import FullDisk


def seen(number: int) -> Observation:
    """An observation that can be told from others."""
    return Observation(Stream.APP, "p", "c", 0, number, 1, number, str(number))


def test_since_gives_each_observation_once_and_in_order() -> None:
    """Asking with the returned index brings what is new, and nothing twice."""
    feed = Feed()
    feed.observation(seen(1))
    first, at = feed.since(0)
    feed.observation(seen(2))
    feed.observation(seen(3))
    second, at = feed.since(at)
    nothing, _ = feed.since(at)
    assert ([o.payload for o in first], [o.payload for o in second], nothing) == (["1"], ["2", "3"], [])
    assert [o.payload for o in feed.snapshot()] == ["1", "2", "3"]


def test_what_is_behind_the_feed_sees_the_same_order_from_many_threads() -> None:
    """The feed hands on one item at a time: its sink needs no lock."""
    behind = Feed()
    feed = Feed(behind)

    def speak(first: int) -> None:
        for number in range(first, first + 200):
            feed.observation(seen(number))

    threads = [threading.Thread(target=speak, args=(n * 1000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(feed.snapshot()) == 800
    assert feed.snapshot() == behind.snapshot()


def test_gaps_are_kept_and_handed_on() -> None:
    """A gap is as much a record as an observation."""
    behind = Feed()
    gap = Gap(Stream.EVENTS, "", 1, 2, "planted")
    Feed(behind).gap(gap)
    assert behind.gaps() == (gap,)


def test_an_observation_that_was_not_recorded_is_not_in_the_feed() -> None:
    """A wait must not see what the history does not have."""
    feed = Feed(FullDisk())
    with pytest.raises(OSError, match="No space"):
        feed.observation(seen(1))
    assert feed.snapshot() == ()
