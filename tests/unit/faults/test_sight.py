"""The index of what was seen: a part of it shows only its own streams."""

from __future__ import annotations

import pytest

from harness.faults import Sight
from harness.knative.lines import DRAIN
from harness.model import Stream
from tests.unit.analyse.story import at, restarts

POD = "pod-0"
OF = {
    Stream.APP: lambda sight: sight.app(POD),
    Stream.PODS: lambda sight: sight.states(POD),
    Stream.EVENTS: lambda sight: sight.events(POD),
    Stream.ENDPOINTS: lambda sight: sight.listed_ns(POD, 0),
    Stream.KUBELET: lambda sight: sight.kubelet(),
    Stream.NODE: lambda sight: sight.node(POD),
    Stream.QUEUE_PROXY: lambda sight: sight.stopped_ns(POD, 0),
}
"""What each stream shows of the pod."""


def whole() -> Sight:
    """A restart as every stream shows it. Only queue-proxy's line tells of the stop: no line of containerd does."""
    story = restarts()
    story.drop(lambda seen: seen.stream is Stream.CONTAINERD)
    story.listed(at(0, 1), POD)
    for stream, payload in ((Stream.KUBELET, "line"), (Stream.NODE, "{}"), (Stream.QUEUE_PROXY, DRAIN)):
        story.see(stream, POD, at(0, 1), payload)
    return Sight(story.observations)


@pytest.mark.parametrize("stream", OF)
def test_a_part_shows_its_streams_and_no_other(stream: Stream) -> None:
    """With the stream alone it is as in the whole; without it there is nothing of it."""
    sight = whole()
    assert OF[stream](sight)
    assert OF[stream](sight.limited({stream})) == OF[stream](sight)
    assert not OF[stream](sight.limited(frozenset(OF) - {stream}))
