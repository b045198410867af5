"""A plain Deployment: nobody is between its users and the pods, so what the socket saw is the evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.analyse.evidence import straight_lanes
from harness.compare import refused_traces
from harness.model import POD_ROUTE, USERS_ROUTE, Hop, Lane, Route, Stream
from tests.unit.analyse.story import REFUSED, Story, restarts

STRAIGHT = Route(USERS_ROUTE, "127.0.0.1", 1, "h", (Hop.USER_CONTAINER,))
THROUGH = Route(USERS_ROUTE, "127.0.0.1", 1, "h", (Hop.INGRESS, Hop.QUEUE_PROXY, Hop.USER_CONTAINER))


def plain(cycles: int = 2) -> Story:
    """S1 without Knative: what queue-proxy refused, the pod refuses by itself."""
    story = restarts(cycles)
    story.observations = [one for one in story.observations if one.stream is not Stream.QUEUE_PROXY]
    for row in story.requests:
        row["lane"] = Lane.GET_NEW.value
        if row["status"] == 502:
            row.update(outcome="refused", status=0, answer=-1)
    story.meta = replace(story.meta, routes=(STRAIGHT,))
    return story


def test_a_refused_connection_has_its_cause() -> None:
    """Nothing is left without one, and the window is what the clients saw."""
    through, straight = analyse(restarts().history()), analyse(plain().history())
    assert (straight.ledger.unattributed, straight.ledger.unmatched) == (0, 0)
    assert straight.ledger.by_cause["direct"] == through.ledger.by_cause["refused-dial"] > 0
    assert [one.refused_window for one in straight.cycles] == [one.refused_window for one in through.cycles]
    assert all(one.disputes == () for one in straight.cycles)


@pytest.mark.parametrize(
    "said",
    [
        "dial tcp [::1]:8080: connect: connection refused",
        "dial tcp 127.0.0.1:8080: connection refused",
        "queue-proxy: error reverse proxying request: dial tcp 127.0.0.1:8080: connect: connection refused (gave up)",
    ],
)
def test_a_refused_window_does_not_depend_on_the_words(said: str) -> None:
    """The plant: a queue-proxy that answers and logs the same refusals in other words has not got rid of them."""
    story, usual = restarts(), analyse(restarts().history())
    for row in story.answers:
        if row["status"] == 502:
            row["body"] = f"{said}\n"
    for index, one in enumerate(story.observations):
        if one.stream is Stream.QUEUE_PROXY:
            story.observations[index] = replace(one, payload=one.payload.replace(REFUSED, said))
    history = story.history()
    findings = analyse(history)
    assert findings.ledger.unattributed == 0
    assert [one.by_cause for one in findings.cycles] == [one.by_cause for one in usual.cycles]
    assert [one.refused_window for one in findings.cycles] == [one.refused_window for one in usual.cycles] != [None, None]
    assert refused_traces(history, findings) == refused_traces(restarts().history(), usual)


@pytest.mark.parametrize("routes", [(), (THROUGH,)], ids=["a record of an earlier release", "a Knative Service"])
def test_with_somebody_between_nobody_has_said_why(routes: tuple[Route, ...]) -> None:
    """The ingress may have refused it."""
    story = plain()
    story.meta = replace(story.meta, routes=routes)
    findings = analyse(story.history())
    assert findings.ledger.unattributed == findings.ledger.client_failures > 0
    assert [one.refused_window for one in findings.cycles] == [None, None]


def test_the_lanes_of_users_alone_are_straight() -> None:
    """The route to the pods is another one, and known as such by its name."""
    pod = Route(POD_ROUTE, "127.0.0.1", 2, "h", (Hop.USER_CONTAINER,))
    assert straight_lanes((THROUGH, pod)) == frozenset()
    assert straight_lanes((STRAIGHT,)) == {lane for lane in Lane if lane.route == USERS_ROUTE}
