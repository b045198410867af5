"""When a stream is whole in a cycle: it was heard at all, of each pod that the cycle began with, and has no gap that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.analyse import analyse, findings
from harness.analyse.facts import Declared, FactValue, readings
from harness.analyse.view import CycleEvidence
from harness.model import Fact, Gap, Stream
from tests.unit.analyse.sampled import sampled
from tests.unit.analyse.story import Story, at, restarts


@pytest.fixture
def cycle(monkeypatch: pytest.MonkeyPatch) -> CycleEvidence:
    """The evidence of a cycle of pod-0, with its sockets sampled; nothing is lost."""
    return evidence_of(sampled(restarts(cycles=1)), monkeypatch)


def evidence_of(story: Story, monkeypatch: pytest.MonkeyPatch) -> CycleEvidence:
    """The evidence of its first cycle, as the facts read it."""
    read: list[CycleEvidence] = []

    def reading(cycle: CycleEvidence, facts: Mapping[Fact, Declared]) -> dict[Fact, FactValue]:
        read.append(cycle)
        return readings(cycle, facts)

    monkeypatch.setattr(findings, "readings", reading)
    analyse(story.history())
    return read[0]


def began_with(cycle: CycleEvidence, *pods: str) -> CycleEvidence:
    """The same with these pods, which all answered."""
    return replace(cycle, mark=replace(cycle.mark, pods=pods), served=frozenset(pods))


def with_gap(cycle: CycleEvidence, stream: Stream, pod: str, from_s: float, until_s: float) -> CycleEvidence:
    """The same with this gap."""
    gap = Gap(stream, pod, at(0, from_s), at(0, until_s), "lost")
    return replace(cycle, history=replace(cycle.history, gaps=(gap,)))


@pytest.mark.parametrize("stream", [Stream.PODS, Stream.APP, Stream.QUEUE_PROXY, Stream.LISTENERS])
def test_a_stream_that_delivered_nothing_of_a_pod_of_the_cycle_is_not_whole(cycle: CycleEvidence, stream: Stream) -> None:
    """Of any pod that it began with, not only of the one that the fault hit."""
    assert cycle.not_whole(stream) == ""
    assert began_with(cycle, "pod-0", "pod-b").not_whole(stream) == f"nothing was seen of pod-b on {stream.value}"
    heard = replace(began_with(cycle, "pod-0", "pod-b"), heard=cycle.heard | {stream: frozenset({"pod-0", "pod-b"})})
    assert heard.not_whole(stream) == ""


@pytest.mark.parametrize("stream", [Stream.KUBELET, Stream.CONTAINERD, Stream.NODE, Stream.EVENTS, Stream.APP])
def test_a_stream_that_delivered_nothing_at_all_is_not_whole(cycle: CycleEvidence, stream: Stream) -> None:
    """The journals of the node are of no pod: one line of anything shows that they were read."""
    assert replace(cycle, heard={}).not_whole(stream) == f"nothing was ever seen on {stream.value}"
    assert replace(cycle, heard={stream: frozenset({"pod-0"})}).not_whole(stream) == ""


def test_the_activator_may_log_nothing(cycle: CycleEvidence) -> None:
    """As it does while all is well."""
    assert replace(cycle, heard={}).not_whole(Stream.ACTIVATOR) == ""


def test_only_a_gap_of_the_pod_whose_sockets_were_the_same_is_bridged(cycle: CycleEvidence) -> None:
    """The looks at one pod show nothing of another one, nor what was lost of all."""
    assert with_gap(cycle, Stream.LISTENERS, "pod-0", 5.0, 5.5).not_whole(Stream.LISTENERS) == ""
    both = replace(began_with(cycle, "pod-0", "pod-b"), heard=cycle.heard | {Stream.LISTENERS: frozenset({"pod-0", "pod-b"})})
    for pod in ("pod-b", ""):
        assert with_gap(both, Stream.LISTENERS, pod, 5.0, 5.5).not_whole(Stream.LISTENERS) == "listeners has a gap of 0.5 s: lost"
    assert with_gap(cycle, Stream.APP, "pod-0", 5.0, 5.5).not_whole(Stream.APP) == "log:user-container has a gap of 0.5 s: lost"
