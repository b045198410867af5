"""The edges of a cycle, and what each rests on."""

from __future__ import annotations

from dataclasses import replace

from harness.analyse import analyse
from harness.analyse.anatomy import EDGES
from harness.model import Bracket, Stream
from tests.unit.analyse.story import (
    CLOSED_S,
    FAILED_S,
    FAULT_S,
    KILLING_S,
    LISTENING_S,
    MS,
    SIGTERM_S,
    STARTED_S,
    S,
    Story,
    at,
    restarts,
)


def edges(story: Story, cycle: int = 0) -> dict[str, Bracket]:
    """The anatomy of one cycle."""
    return dict(analyse(story.history()).cycles[cycle].anatomy)


def span(bracket: Bracket, cycle: int = 0) -> tuple[float, float]:
    """Its ends in seconds of the cycle."""
    return (bracket.lo_ns - at(cycle, 0)) / S, (bracket.hi_ns - at(cycle, 0)) / S


def test_a_liveness_restart() -> None:
    """Every edge of the pod's own is there, in order, true to its clock; readiness never flipped."""
    seen = edges(restarts(), 1)
    assert list(seen) == [edge for edge in EDGES if not edge.endswith(("unready", "again"))]
    assert span(seen["fault"], 1) == (FAULT_S, FAULT_S + 0.001)
    assert span(seen["first-failed-probe"], 1) == (FAILED_S - 1, FAILED_S)
    assert span(seen["sigterm"], 1) == (SIGTERM_S, SIGTERM_S)
    assert span(seen["listener-closed"], 1) == (CLOSED_S, CLOSED_S)
    assert span(seen["listening"], 1) == (LISTENING_S, LISTENING_S)
    lo, hi = span(seen["first-ok"], 1)
    assert lo < LISTENING_S <= hi < LISTENING_S + 0.03


def test_the_finest_clock_stands() -> None:
    """Of an event true to a second and a journal true to a microsecond, the journal's time is taken."""
    story = restarts()
    assert edges(story)["killing"].resolution_ns == S
    assert edges(story)["killing"].hi_ns - edges(story)["killing"].lo_ns < S
    story.see(Stream.KUBELET, "", at(0, KILLING_S), '"Killing container with a grace period" pod="ns/pod-0"')
    assert span(edges(story)["killing"]) == (KILLING_S, KILLING_S)
    assert span(edges(story)["container-started"]) == (STARTED_S, STARTED_S)
    story.drop(lambda one: one.stream is Stream.CONTAINERD)
    started = edges(story)["container-started"]
    assert span(started) == (STARTED_S, STARTED_S + (S - 1) / S)
    assert started.resolution_ns == S


def test_what_was_not_seen_is_missing() -> None:
    """No edge is guessed."""
    story = restarts()
    story.drop(lambda one: one.stream in {Stream.APP, Stream.EVENTS})
    assert set(edges(story)) == {"fault", "container-started"}


def test_readiness_flips_are_brackets_between_two_sights() -> None:
    """Last seen ready, first seen not; and back."""
    story = restarts()
    story.pod("pod-0", at(0, 7.6), ready=False)
    story.pod("pod-0", at(0, 10.5), restarts=1, since_ns=at(0, STARTED_S))
    seen = edges(story)
    assert span(replace(seen["pod-unready"], hi_ns=seen["pod-unready"].hi_ns - 2 * MS))[1] == 7.6
    assert seen["pod-unready"].hi_ns <= seen["pod-ready-again"].hi_ns


def test_endpoint_flips_follow_the_private_service() -> None:
    """The public one's slices may hold the activator instead of the pod."""

    def slices(story: Story, seconds: float, service: str, *, ready: bool) -> None:
        endpoints = [{"ip": "1", "pod": "pod-0", "ready": ready, "serving": ready, "terminating": False}]
        story.see(Stream.ENDPOINTS, "", at(0, seconds), {"slice": service, "service": service, "endpoints": endpoints})

    story = restarts()
    slices(story, 1, "toggle-00001", ready=True)
    slices(story, 5, "toggle-00001", ready=False)
    assert "endpoint-unready" not in edges(story)
    gone = {"slice": "s", "service": "toggle-00001-private", "endpoints": []}
    story.see(Stream.ENDPOINTS, "", at(0, 8), gone)
    assert "endpoint-unready" in edges(story)
    assert "endpoint-ready-again" not in edges(story)


def test_what_comes_after_the_cycle_is_not_of_it() -> None:
    """Taking the pod away for the next cycle makes it unready and restarts nothing."""
    story = restarts()
    whole = analyse(story.history()).cycles[0]
    story.see(Stream.PODS, "pod-0", at(0, 14), {"ready": False, "deleting": True, "containers": {}})
    story.app("pod-0", "new0", at(0, 14), "closed", port=8080)
    story.see(
        Stream.EVENTS, "pod-0", at(0, 14), {"reason": "Killing", "message": "Stopping container user-container", "container": ""}, S
    )
    assert analyse(story.history()).cycles[0] == whole
