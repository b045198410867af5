"""API objects as observations."""

from __future__ import annotations

import json
from typing import Any

from harness.model import Stream
from harness.observe import payload

SEEN = 1_800_000_000_123_456_789
POD: dict[str, Any] = {
    "metadata": {"name": "p", "uid": "u-1", "labels": {"serving.knative.dev/revision": "app-00001"}},
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Initialized", "status": "False"}, {"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {
                "name": "user-container",
                "restartCount": 1,
                "ready": True,
                "containerID": "containerd://abc",
                "state": {"running": {"startedAt": "1970-01-01T00:00:09Z"}},
                "lastState": {
                    "terminated": {
                        "exitCode": 137,
                        "signal": 9,
                        "reason": "Error",
                        "startedAt": "1970-01-01T00:00:01Z",
                        "finishedAt": "1970-01-01T00:00:08Z",
                    }
                },
            }
        ],
    },
}


def test_a_pod_has_exactly_the_shape_the_model_promises() -> None:
    """Every key of the docstring, in its words, and no other."""
    seen = payload.pod(POD, deleted=False, seen_ns=SEEN)
    assert (seen.stream, seen.pod, seen.at_ns, seen.resolution_ns, seen.seen_ns) == (Stream.PODS, "p", SEEN, 10**9, SEEN)
    assert json.loads(seen.payload) == {
        "uid": "u-1",
        "phase": "Running",
        "ready": True,
        "ip": "10.0.0.1",
        "deleting": False,
        "revision": "app-00001",
        "containers": {
            "user-container": {
                "restarts": 1,
                "ready": True,
                "id": "abc",
                "running_since_ns": 9 * 10**9,
                "waiting": None,
                "terminated": None,
                "last_terminated": {
                    "exit_code": 137,
                    "signal": 9,
                    "reason": "Error",
                    "started_ns": 10**9,
                    "finished_ns": 8 * 10**9,
                },
            }
        },
    }


def test_a_pod_without_a_status_yet_is_unknown_and_not_unready() -> None:
    """Ready is null until the condition exists; a waiting container says what for."""
    bare = {
        "metadata": {"name": "p"},
        "status": {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "Creating"}}}]},
    }
    seen = json.loads(payload.pod(bare, deleted=False, seen_ns=SEEN).payload)
    assert (seen["ready"], seen["revision"], seen["containers"]["c"]["waiting"]) == (None, "", "Creating")


def test_a_pod_that_is_gone_is_deleting() -> None:
    """A forced deletion never showed a deletion time."""
    assert json.loads(payload.pod(POD, deleted=True, seen_ns=SEEN).payload)["deleting"] is True


def test_a_slice_lists_every_address_with_its_conditions() -> None:
    """Null conditions mean what the API says they mean."""
    obj = {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": False, "serving": True, "terminating": True},
             "targetRef": {"kind": "Pod", "name": "p"}},
            {"addresses": ["10.0.0.2", "10.0.0.3"], "conditions": {}},
        ],
    }  # fmt: skip
    assert json.loads(payload.endpoint_slice(obj, deleted=False, seen_ns=SEEN).payload) == {
        "slice": "s-1",
        "service": "s",
        "endpoints": [
            {"ip": "10.0.0.1", "pod": "p", "ready": False, "serving": True, "terminating": True},
            {"ip": "10.0.0.2", "pod": "", "ready": True, "serving": True, "terminating": False},
            {"ip": "10.0.0.3", "pod": "", "ready": True, "serving": True, "terminating": False},
        ],
    }
    assert json.loads(payload.endpoint_slice(obj, deleted=True, seen_ns=SEEN).payload)["endpoints"] == []


def event(**fields: Any) -> dict[str, Any]:
    """An Event about a container."""
    about = {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{user-container}"}
    return {"metadata": {}, "involvedObject": about, "reason": "Killing", "message": "m", "type": "Normal", **fields}


def test_an_event_of_the_old_api_is_true_to_a_second() -> None:
    """In firstTimestamp, lastTimestamp, count."""
    seen = payload.event(
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
    seen = payload.event(
        event(eventTime="1970-01-01T00:00:01.000005Z", lastTimestamp=None, count=None), deleted=False, seen_ns=SEEN
    )
    assert seen is not None
    assert (seen.at_ns, seen.resolution_ns, json.loads(seen.payload)["count"]) == (1_000_005_000, 1_000, 1)


def test_a_repeated_event_of_the_new_api_is_as_late_as_its_series() -> None:
    """The field eventTime stays that of the first; series says how many and when last."""
    seen = payload.event(
        event(eventTime="1970-01-01T00:00:01.000005Z", series={"count": 4, "lastObservedTime": "1970-01-01T00:00:09.000001Z"}),
        deleted=False,
        seen_ns=SEEN,
    )
    assert seen is not None
    told = json.loads(seen.payload)
    assert (seen.at_ns, told["count"], told["first_ns"], told["last_ns"]) == (9_000_001_000, 4, 1_000_005_000, 9_000_001_000)


def test_an_event_that_expires_is_no_event() -> None:
    """The API forgets events after an hour; nothing has happened then."""
    assert payload.event(event(), deleted=True, seen_ns=SEEN) is None
