"""Pod delete, roll out and scale down: what they call, and what of their proof is missing when it did not come to that."""

from __future__ import annotations

import json

import pytest

from harness.faults import FAULTS, ApiFault, Case, Part, Sight
from harness.model import Deployed, FaultEvent, FaultSpec, Pod, ServiceSpec
from tests.unit.analyse.story import Story, at, calm

POD = Pod("pod-0", "u0", "10.244.0.9", "node", "old0")
KNATIVE: dict[str, object] = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "toggle"}}
PLAIN: dict[str, object] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "toggle"}}


def deployed(obj: dict[str, object]) -> Deployed:
    """A workload of this object."""
    return Deployed("kind", "ns", "toggle", "toggle-00001", (POD,), (), applied=json.dumps([obj]))


def api_fault(kind: str) -> ApiFault:
    """By its name."""
    fault = FAULTS[kind]
    assert isinstance(fault, ApiFault)
    return fault


def proof(kind: str, story: Story, *, status: int = 200) -> dict[str, bool]:
    """What of the proof was seen, for a fault at 4 s of the first cycle."""
    event = FaultEvent(0, kind, FAULTS[kind].params, "pod-0", "old0", at(0, 4), at(0, 4) + 1, status, "{}")
    case = Case(FaultSpec(kind), ServiceSpec(initial_scale=3, max_scale=3), event, at(0, 4))
    parts: tuple[Part, ...] = FAULTS[kind].proof(case, Sight(story.observations))
    return {name: seen for name, seen, _ in parts}


def story_of(*pods: str) -> Story:
    """These pods, Ready before the fault, of the first revision."""
    story = calm(1)
    story.observations = []
    for pod in pods:
        story.pod(pod, at(0, 1), revision="toggle-00001")
    return story


def test_a_pod_is_deleted_by_its_uid() -> None:
    """With the grace that it has: no other is asked for."""
    call = api_fault("pod-delete").call(FaultSpec("pod-delete"), deployed(KNATIVE), POD, "0-1")
    assert call is not None
    assert (call.verb, call.kind, call.name, call.uid, call.patch) == ("delete", "Pod", "pod-0", "u0", {})


def test_a_deleted_pod_must_leave_and_another_become_ready() -> None:
    """One that was Ready all the time is no replacement."""
    story = story_of("pod-0", "pod-1")
    assert not any(list(proof("pod-delete", story).values())[1:])
    story.pod("pod-0", at(0, 5), deleting=True)
    story.pod("pod-1", at(0, 6))
    assert list(proof("pod-delete", story).values()) == [True, True, False]
    story.pod("pod-2", at(0, 7), ready=False)
    story.pod("pod-2", at(0, 8))
    assert all(proof("pod-delete", story).values())
    assert not all(proof("pod-delete", story, status=404).values())


@pytest.mark.parametrize("obj", [KNATIVE, PLAIN])
def test_a_roll_out_changes_one_annotation_of_the_template(obj: dict[str, object]) -> None:
    """Each time to another value."""
    call = api_fault("roll-out").call(FaultSpec("roll-out"), deployed(obj), POD, "3-77")
    assert call is not None
    assert (call.verb, call.api_version, call.kind, call.namespace, call.name) == (
        "merge",
        obj["apiVersion"],
        obj["kind"],
        "ns",
        "toggle",
    )
    assert call.patch == {"spec": {"template": {"metadata": {"annotations": {"knative-chaos.dev/rollout": "3-77"}}}}}


def test_a_rollout_that_never_finishes_has_not_landed() -> None:
    """The new revision's pod comes and is never Ready, so the old one stays."""
    story = story_of("pod-0")
    story.pod("pod-new", at(0, 6), ready=False, revision="toggle-00002")
    seen = proof("roll-out", story)
    assert list(seen.values()) == [True, False, False, False]


def test_a_rollout_has_landed_when_the_old_pods_leave() -> None:
    """Ready, then listed, then alone."""
    story = story_of("pod-0", "pod-1")
    story.pod("pod-new", at(0, 6), revision="toggle-00002")
    assert list(proof("roll-out", story).values()) == [True, True, False, False]
    story.listed(at(0, 7), "pod-new")
    story.pod("pod-0", at(0, 8), deleting=True, revision="toggle-00001")
    assert list(proof("roll-out", story).values()) == [True, True, True, False]
    story.pod("pod-1", at(0, 9), deleting=True, revision="toggle-00001")
    assert all(proof("roll-out", story).values())


def test_a_replacement_of_the_same_revision_is_no_rollout() -> None:
    """A pod that takes the place of a deleted one."""
    story = story_of("pod-0")
    story.pod("pod-0", at(0, 5), deleting=True, revision="toggle-00001")
    story.pod("pod-1", at(0, 6), revision="toggle-00001")
    story.listed(at(0, 7), "pod-1")
    assert list(proof("roll-out", story).values()) == [True, False, False, True]


def test_a_knative_service_scales_down_by_itself() -> None:
    """Nobody is told; a plain Deployment is told its number."""
    fault, asked = api_fault("scale-down"), FaultSpec("scale-down", {"to": 2})
    assert fault.call(asked, deployed(KNATIVE), POD, "0-1") is None
    call = fault.call(asked, deployed(PLAIN), POD, "0-1")
    assert call is not None
    assert call.patch == {"spec": {"replicas": 2}}


def test_a_scale_down_has_landed_when_so_many_are_left() -> None:
    """Two of three must go; nobody was told, so nobody answered."""
    story = story_of("pod-0", "pod-1", "pod-2")
    assert list(proof("scale-down", story, status=0).values()) == [True, False]
    story.pod("pod-1", at(0, 8), deleting=True)
    assert list(proof("scale-down", story, status=0).values()) == [True, False]
    story.pod("pod-0", at(0, 9), deleting=True)
    assert all(proof("scale-down", story, status=0).values())


def test_one_pod_cannot_scale_down() -> None:
    """Less than that was never there."""
    assert not all(proof("scale-down", story_of("pod-0"), status=0).values())


def test_pods_that_were_replaced_are_not_scaled_down() -> None:
    """As after an eviction: two of three leave, and two others stand in for them."""
    story = story_of("pod-0", "pod-1", "pod-2")
    for second, pod in enumerate(("pod-1", "pod-2")):
        story.pod(pod, at(0, 8 + second), deleting=True)
        story.pod(f"pod-{second + 3}", at(0, 8.5 + second), ready=False)
    assert list(proof("scale-down", story, status=0).values()) == [True, False]
    story.pod("pod-3", at(0, 12), deleting=True)
    story.pod("pod-4", at(0, 12), deleting=True)
    assert all(proof("scale-down", story, status=0).values())


@pytest.mark.parametrize("at_first", [3, 4])
def test_more_pods_than_max_scale_are_not_scaled_down(at_first: int) -> None:
    """The autoscaler never asks for 4 of at most 3, so something else made the fourth pod, and took it away."""
    story = story_of(*(f"pod-{number}" for number in range(at_first)))
    for number in range(1, at_first):
        story.pod(f"pod-{number}", at(0, 7 + number), deleting=True)
    assert all(proof("scale-down", story, status=0).values()) is (at_first == 3)


def test_pods_of_another_revision_are_not_what_is_left() -> None:
    """As after a roll-out: all three leave, and a new one stands."""
    story = story_of("pod-0", "pod-1", "pod-2")
    for number in range(3):
        story.pod(f"pod-{number}", at(0, 8), deleting=True)
    story.pod("pod-3", at(0, 9))
    assert list(proof("scale-down", story, status=0).values()) == [True, False]


def test_pods_that_left_before_the_fault_are_not_scaled_down_by_it() -> None:
    """They were still Ready, and already being deleted."""
    story = story_of("pod-0", "pod-1")
    story.pod("pod-1", at(0, 3), deleting=True)
    assert not all(proof("scale-down", story, status=0).values())


def test_a_pod_that_was_there_before_replaces_nobody() -> None:
    """It was on its way up when the other one was deleted, whatever became of that one."""
    story = story_of("pod-0")
    story.pod("pod-1", at(0, 3), ready=False)
    story.pod("pod-0", at(0, 5), deleting=True)
    story.pod("pod-1", at(0, 6))
    assert list(proof("pod-delete", story).values()) == [True, True, False]
