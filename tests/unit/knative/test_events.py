"""An Event of the API as an Observation, and what that Observation says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.knative import events
from harness.knative.events import EventState, event_state

SEEN = 1_800_000_000_123_456_789


def event(**fields: Any) -> dict[str, Any]:
    """An Event about a container."""
    about = {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{user-container}"}
    return {"metadata": {}, "involvedObject": about, "reason": "Killing", "message": "m", "type": "Normal", **fields}


def test_an_event_of_the_old_api_is_true_to_a_second() -> None:
    """In firstTimestamp, lastTimestamp, count."""
    seen = events.event(
        event(firstTimestamp="1970-01-01T00:00:01Z", lastTimestamp="1970-01-01T00:00:03Z", count=3, eventTime=None),
        deleted=False,
        seen_ns=SEEN,
    )
    assert seen is not None
    assert (seen.pod, seen.container, seen.at_ns, seen.resolution_ns) == ("p", "user-container", 3 * 10**9, 10**9)
    assert json.loads(seen.payload) == {
        "reason": "Killing", "message": "m", "type": "Normal", "count": 3, "container": "user-container",
        "first_ns": 10**9, "last_ns": 3 * 10**9,
    }  # fmt: skip


def test_an_event_of_the_new_api_is_true_to_a_microsecond() -> None:
    """In eventTime; lastTimestamp and count are null there."""
    seen = events.event(event(eventTime="1970-01-01T00:00:01.000005Z", lastTimestamp=None, count=None), deleted=False, seen_ns=SEEN)
    assert seen is not None
    assert (seen.at_ns, seen.resolution_ns, json.loads(seen.payload)["count"]) == (1_000_005_000, 1_000, 1)


def test_a_repeated_event_of_the_new_api_is_as_late_as_its_series() -> None:
    """The field eventTime stays that of the first; series says how many and when last."""
    seen = events.event(
        event(eventTime="1970-01-01T00:00:01.000005Z", series={"count": 4, "lastObservedTime": "1970-01-01T00:00:09.000001Z"}),
        deleted=False,
        seen_ns=SEEN,
    )
    assert seen is not None
    told = json.loads(seen.payload)
    assert (seen.at_ns, told["count"], told["first_ns"], told["last_ns"]) == (9_000_001_000, 4, 1_000_005_000, 9_000_001_000)


def test_an_event_that_expires_is_no_event() -> None:
    """The API forgets events after an hour; nothing has happened then."""
    assert events.event(event(), deleted=True, seen_ns=SEEN) is None


def test_what_is_written_is_read() -> None:
    """Reason, message, count and container."""
    seen = events.event(event(lastTimestamp="1970-01-01T00:00:03Z", count=3), deleted=False, seen_ns=SEEN)
    assert seen is not None
    assert event_state(seen.payload) == EventState("Killing", "m", "Normal", 3, "user-container")
    assert event_state("torn {") is None


@pytest.mark.parametrize(
    ("reason", "message", "kills"),
    [
        ("Killing", "Container user-container failed liveness probe, will be restarted", True),
        ("Killing", "Stopping container user-container", False),
        ("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", False),
    ],
)
def test_a_kill_for_liveness_is_told_from_a_deletion(reason: str, message: str, *, kills: bool) -> None:
    """By the kubelet's own words."""
    assert EventState(reason, message, "Normal", 1, "").kills_for_liveness is kills


@pytest.mark.parametrize(("container", "may"), [("user-container", True), ("", True), ("queue-proxy", False)])
def test_an_event_without_a_container_may_be_about_each(container: str, *, may: bool) -> None:
    """It is about the whole pod."""
    assert EventState("Killing", "m", "Normal", 1, container).may_be_about() is may
