"""A plain Deployment: nobody is between its users and the pods, so what the socket saw is the evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.analyse.evidence import straight_lanes
from harness.model import POD_ROUTE, USERS_ROUTE, Hop, Lane, Route, Stream
from tests.unit.analyse.story import Story, restarts

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
