"""Faults of the API: one call each, made once, of the very object that is meant."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.adapters.objects import ApiRefused, Ref
from harness.errors import FaultError
from harness.inject import ClusterAccess, inject, last_state, take_back
from harness.inject import api as room
from harness.model import ClusterHandle, Deployed, FaultSpec

SERVICE = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "toggle"}}


class Cluster:
    """In place of `Objects`: what was asked of it, and what it refuses."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.refused: ApiRefused | None = None
        self.there = True

    def __call__(self, _kube: object) -> Cluster:
        """As it is made."""
        return self

    def delete_uid(self, ref: Ref, uid: str) -> bool:
        """As `Objects.delete_uid`."""
        self.asked.append(("delete", str(ref), uid))
        if self.refused:
            raise self.refused
        return self.there

    def merge(self, ref: Ref, patch: dict[str, Any]) -> dict[str, Any]:
        """As `Objects.merge`."""
        self.asked.append(("merge", str(ref), patch))
        if self.refused:
            raise self.refused
        return {}

    def get(self, ref: Ref) -> dict[str, Any]:
        """A Service whose new revision does not come."""
        self.asked.append(("get", str(ref)))
        if self.refused:
            raise self.refused
        condition = {"type": "Ready", "status": "Unknown", "reason": "RevisionMissing"}
        return {"status": {"conditions": [condition]}}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The API server."""
    fake = Cluster()
    monkeypatch.setattr(room, "Objects", fake)
    return fake


@pytest.fixture
def standing(deployed: Deployed) -> Deployed:
    """With what was applied."""
    return replace(deployed, applied=json.dumps([SERVICE]))


def test_a_pod_is_deleted_once(cluster: Cluster, handle: ClusterHandle, standing: Deployed) -> None:
    """The event is of that pod, and says what was called."""
    event = inject(ClusterAccess(handle), standing, standing.pods[0], FaultSpec("pod-delete"), cycle=2)
    assert cluster.asked == [("delete", "Pod ns/pod-1", "u1")]
    assert (event.cycle, event.kind, event.pod, event.boot, event.status) == (2, "pod-delete", "pod-1", "b1", 200)
    assert json.loads(event.answer)["uid"] == "u1"
    assert event.sent_ns <= event.answered_ns


def test_each_roll_out_is_another(cluster: Cluster, handle: ClusterHandle, standing: Deployed) -> None:
    """The same value twice would make no new revision."""
    for _ in range(2):
        inject(ClusterAccess(handle), standing, standing.pods[0], FaultSpec("roll-out"), cycle=0)
    first, second = (patch for _, _, patch in cluster.asked)
    assert first != second


def test_what_was_refused_is_an_error(cluster: Cluster, handle: ClusterHandle, standing: Deployed) -> None:
    """A pod of that name with another uid is refused by the API server."""
    cluster.refused = ApiRefused("DELETE pod-1", status=409, said="the UID in the precondition does not match")
    with pytest.raises(FaultError, match=r"refused to delete Pod ns/pod-1: .*precondition"):
        inject(ClusterAccess(handle), standing, standing.pods[0], FaultSpec("pod-delete"), cycle=0)
    cluster.refused, cluster.there = None, False
    with pytest.raises(FaultError, match="Pod ns/pod-1 is not there"):
        inject(ClusterAccess(handle), standing, standing.pods[0], FaultSpec("pod-delete"), cycle=0)


def test_nobody_is_told_to_scale_a_knative_service_down(cluster: Cluster, handle: ClusterHandle, standing: Deployed) -> None:
    """The event says so by its status."""
    event = inject(ClusterAccess(handle), standing, standing.pods[0], FaultSpec("scale-down"), cycle=0)
    assert (event.status, event.answer, dict(event.params)) == (0, "", {"to": 1})
    take_back(ClusterAccess(handle), standing, standing.pods[0], FaultSpec("scale-down"))
    assert cluster.asked == []


def test_the_last_conditions_can_be_asked_for(cluster: Cluster, handle: ClusterHandle, standing: Deployed) -> None:
    """For the message of a wait in vain, which no refusal may hide."""
    assert last_state(ClusterAccess(handle), standing, FaultSpec("roll-out")) == "Service ns/toggle: Ready=Unknown RevisionMissing"
    cluster.refused = ApiRefused("GET", status=500, said="no")
    assert last_state(ClusterAccess(handle), standing, FaultSpec("roll-out")) == "Service ns/toggle: not known (GET: no)"
    assert last_state(ClusterAccess(handle), standing, FaultSpec("liveness")) == ""
