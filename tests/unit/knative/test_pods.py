"""A Pod of the API as an Observation, and what that Observation says."""

from __future__ import annotations

import json
import re
from typing import Any

from harness.knative.pods import cgroup_pattern, pod, pod_state
from harness.model import Stream

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
    seen = pod(POD, deleted=False, seen_ns=SEEN)
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
    seen = json.loads(pod(bare, deleted=False, seen_ns=SEEN).payload)
    assert (seen["ready"], seen["revision"], seen["containers"]["c"]["waiting"]) == (None, "", "Creating")


def test_a_pod_that_is_gone_is_deleting() -> None:
    """A forced deletion never showed a deletion time."""
    assert json.loads(pod(POD, deleted=True, seen_ns=SEEN).payload)["deleting"] is True


def test_what_is_written_is_read() -> None:
    """Readiness of the pod and of queue-proxy, restarts, id and times of the user container."""
    proxy = {"name": "queue-proxy", "ready": False}
    obj = {**POD, "status": {**POD["status"], "containerStatuses": [*POD["status"]["containerStatuses"], proxy]}}
    state = pod_state(pod(obj, deleted=False, seen_ns=SEEN))
    assert state is not None
    assert (state.seen_ns, state.ready, state.restarts, state.container_id) == (SEEN, True, 1, "abc")
    assert (state.running_since_ns, state.finished_ns, state.last_finished_ns) == (9 * 10**9, None, 8 * 10**9)
    assert state.queue_proxy_ready is False
    gone = pod_state(pod(obj, deleted=True, seen_ns=SEEN))
    assert gone is not None
    assert gone.ready is False


def test_the_control_groups_of_a_pod_are_found_whatever_made_them() -> None:
    """The driver cgroupfs keeps the uid in the path, systemd writes it with "_"; that of another pod is not found."""
    pattern = cgroup_pattern("cf6dfa4f-f1b7-44dd-9321-ab691d856794")
    assert re.search(pattern, "0::/kubelet/kubepods/podcf6dfa4f-f1b7-44dd-9321-ab691d856794/abc")
    assert re.search(pattern, "0::/kubelet-kubepods-podcf6dfa4f_f1b7_44dd_9321_ab691d856794.slice/abc.scope")
    assert not re.search(pattern, "0::/kubelet/kubepods/podcf6dfa4f-f1b7-44dd-9321-ab691d856795/abc")
