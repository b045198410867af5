"""A lane is a behaviour on a route."""

from __future__ import annotations

import pytest

from harness.model import LANES, POD_ROUTE, QUEUE_PROXY_ROUTE, USERS_ROUTE, Behaviour, Lane


@pytest.mark.parametrize("lane", Lane)
def test_each_lane_has_both(lane: Lane) -> None:
    """One that lacks them could be planned, and not be sent."""
    assert lane.behaviour in Behaviour
    assert lane.route in {USERS_ROUTE, QUEUE_PROXY_ROUTE, POD_ROUTE}


def test_no_two_lanes_are_the_same() -> None:
    """They could not be told apart but by name."""
    assert len({(lane.behaviour, lane.route) for lane in Lane}) == len(Lane)


def test_the_codes_of_recordings_are_the_lanes_of_today() -> None:
    """A record keeps the code, so the order is part of its format."""
    assert [(lane.value, lane.route) for lane in LANES] == [
        ("get-keepalive", "users"),
        ("post-keepalive", "users"),
        ("get-new-connection", "users"),
        ("get-h2c", "users"),
        ("get-retrying", "users"),
        ("get-queue-proxy", "queue-proxy"),
        ("get-pod", "pod"),
        ("grpc", "users"),
    ]
