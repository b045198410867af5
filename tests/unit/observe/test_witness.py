"""The program that compares sockets and stamps of recorded runs (`tests/cluster/witness.py`): each limit can be missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Gap, Stream
from tests.cluster.witness import NO_SAMPLES, Figures, compare, main
from tests.unit.analyse.sampled import listener, sampled
from tests.unit.analyse.story import CLOSED_S, LISTENING_S, MS, Story, at, restarts


def figures(story: Story) -> tuple[Figures, str]:
    """Of the story, and what is said of its edges."""
    found = Figures()
    return found, "\n".join(compare(story.history(), found))


def spread(story: Story, cpu_ms: int) -> Story:
    """The sampler used so much CPU time in each second."""
    first_ns = min(one.at_ns for one in story.observations if one.stream is Stream.LISTENERS)
    story.observations = [
        replace(one, payload=one.payload.replace('"cpu_ms": 1}', f'"cpu_ms": {(one.at_ns - first_ns) * cpu_ms // 1_000_000_000}}}'))
        if one.stream is Stream.LISTENERS
        else one
        for one in story.observations
    ]
    return story


def test_what_is_right_is_within_every_limit() -> None:
    """Four edges of two cycles, each stamp in its bracket."""
    found, said = figures(spread(sampled(restarts()), 10))
    assert list(found.broken()) == []
    assert (found.cycles, found.inside, found.outside, found.unstamped) == (2, 4, 0, 0)
    assert (found.median_ms, round(found.cpu_share, 3)) == (20.0, 0.01)
    assert said.count(": in it") == 4
    assert "(limit 25)" in "\n".join(found.lines())


def astray(story: Story) -> None:
    """A stamp a millisecond after its bracket."""
    bracket_ends_ns = at(0, CLOSED_S) + 18 * MS
    for one in [one for one in story.observations if one.stream is Stream.APP and '"closed"' in one.payload and one.pod == "pod-0"]:
        story.observations.remove(one)
        story.app("pod-0", "old0", bracket_ends_ns, "closed", port=8080)


def without_word(story: Story) -> None:
    """The app does not say that it listens again."""
    story.drop(lambda one: one.stream is Stream.APP and one.at_ns == at(0, LISTENING_S) and '"listening"' in one.payload)


def busy(story: Story) -> None:
    """A sampler that uses a twentieth of a core."""
    spread(story, 50)


def silent(story: Story) -> None:
    """No log of the app, so nothing to compare."""
    story.drop(lambda one: one.stream is Stream.APP)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (astray, "1 edges without a stamp of the app in their bracket"),
        (without_word, "1 edges without a stamp of the app in their bracket"),
        (busy, "the sampler used 5.00% of a core for a pod, more than 3%"),
        (silent, "no stamp of the app was compared"),
    ],
)
def test_each_limit_that_is_missed_is_named(change: Callable[[Story], None], said: str) -> None:
    """And one is enough to fail."""
    story = sampled(restarts())
    change(story)
    assert said in list(figures(story)[0].broken())


def test_a_listener_of_which_the_app_says_nothing_is_not_within_the_limits() -> None:
    """Its log has one new listener, its sockets two."""
    story = sampled(restarts(1), lambda t: [listener(17 if t < CLOSED_S else 18 if t < 12 else 19)])
    found, said = figures(story)
    assert found.outside
    assert "listening: the app says NOTHING" in said


def test_a_hole_must_be_a_gap() -> None:
    """More than three intervals without a look; the gap covers them all."""
    story = sampled(restarts(1))
    lost = [one for one in story.observations if one.stream is Stream.LISTENERS and at(0, 2) <= one.at_ns < at(0, 3)]
    assert lost
    for one in lost:
        story.observations.remove(one)
    assert "1 holes are no gap" in list(figures(story)[0].broken())
    story.gaps.append(Gap(Stream.LISTENERS, "pod-0", at(0, 0), at(0, 5), "planted"))
    found, _ = figures(story)
    assert (found.holes, found.gaps) == (0, 1)


def test_slow_looks_are_seen_in_the_median() -> None:
    """30 ms between any two."""
    found = Figures(inside=1, intervals_ms=[30.0, 20.0, 31.0], cpu_shares=[0.01])
    assert list(found.broken()) == ["the median interval is 30.00 ms, more than 25 ms"]


def test_a_recording_without_samples_is_named_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's run is older than the sampler: there is no figure to print, and no limit that it could miss."""
    place = Path(__file__).parents[2] / "data" / "s1-knative-1.23"
    assert main([str(place)]) == NO_SAMPLES == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{place} has no samples of the listening sockets. It was recorded without the sampler")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Figures(inside=1, cpu_shares=[0.01]), "no interval between two looks under load"),
        (Figures(inside=1, intervals_ms=[20.0], look_us=[40.0]), "no cycle in which the sampler printed two lines"),
    ],
)
def test_a_figure_that_is_missing_is_not_within_its_limit(found: Figures, said: str) -> None:
    """In words, not as an infinite number."""
    assert list(found.broken()) == [said]
    assert "inf" not in "\n".join(found.lines())
