"""A fault that hits a pod which is not the workload's: drawn elsewhere, proved by its own stream, held against no cycle's pod."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from harness.adapters.kube import Kube
from harness.analyse.course import off_course
from harness.analyse.sights import Sights
from harness.errors import BadInput, FaultError
from harness.faults import FAULTS, ApiFault, Asked, Case, Sight
from harness.inject import ClusterAccess, elsewhere
from harness.inject import pods as room
from harness.model import CycleMark, Deployed, FaultEvent, FaultSpec, Outcome, Pod, ServiceSpec, Stream
from tests.unit.analyse.story import Story, at, calm

KIND = "activator-delete"
ACTIVATOR = Pod("activator-1", "ua", "10.244.0.3", "node")


def state_of(story: Story, pod: str, ns: int, *, ready: bool = True, deleting: bool = False) -> None:
    """A state of a pod that is not the workload's."""
    story.see(Stream.OTHER_PODS, pod, ns, {"ready": ready, "deleting": deleting, "containers": {}})


def event() -> FaultEvent:
    """The deletion of an activator pod."""
    return FaultEvent(0, KIND, {}, "activator-1", "", at(0, 4), at(0, 4) + 1, 200, "{}")


def missing(story: Story) -> list[str]:
    """The parts of the proof that were not seen."""
    case = Case(FaultSpec(KIND), ServiceSpec(), event(), at(0, 4))
    return [name for name, seen, _ in FAULTS[KIND].proof(case, Sight(story.observations)) if not seen]


def test_it_is_proved_by_the_states_of_those_pods_alone() -> None:
    """A pod of the workload that becomes Ready takes nobody's place there, and an activator pod none of the workload's."""
    story = calm(1)
    state_of(story, "activator-1", at(0, 1))
    state_of(story, "activator-1", at(0, 5), deleting=True)
    story.pod("pod-new", at(0, 6))
    assert missing(story) == ["another pod became Ready"]
    assert "activator-1" not in Sight(story.observations).standing()
    state_of(story, "activator-2", at(0, 7), ready=False)
    assert missing(story) == ["another pod became Ready"]
    state_of(story, "activator-2", at(0, 8))
    assert missing(story) == []
    assert Sight(story.observations).ready_at(at(0, 9)) == {"pod-0", "pod-new"}


def test_the_analysis_finds_them_beside_the_pod_of_the_cycle() -> None:
    """Until the cycle's end; they are no observation of that pod."""
    story = calm(1)
    state_of(story, "activator-1", at(0, 5), deleting=True)
    state_of(story, "activator-2", at(0, 99))
    history = story.history()
    seen = Sights(history.observations).of(history.cycles[0], history.cycles[0].ended_ns)
    assert [one.pod for one in seen if one.stream is Stream.OTHER_PODS] == ["activator-1"]


def test_the_call_names_the_pod_in_its_own_namespace() -> None:
    """By its uid."""
    fault = FAULTS[KIND]
    assert isinstance(fault, ApiFault)
    deployed = Deployed("kind", "ns", "toggle", "toggle-00001", (), ())
    call = fault.call(FaultSpec(KIND), deployed, ACTIVATOR, "0-1")
    assert call is not None
    assert (call.verb, call.namespace, call.name, call.uid) == ("delete", "knative-serving", "activator-1", "ua")


def test_it_is_off_course_for_nobody() -> None:
    """Its pod is not the mark's; a fault of the workload's pods that was put in elsewhere is."""
    story = calm(1)
    mark = CycleMark(0, "pod-0", "old0", at(0, 0), at(0, 4), at(0, 4), at(0, 8), at(0, 12), at(0, 13))
    spec = story.history().meta.spec
    requests = story.history().requests
    for kind, said in ((KIND, False), ("pod-delete", True)):
        asked = type(spec)(**{name: getattr(spec, name) for name in spec.__dataclass_fields__} | {"fault": FaultSpec(kind)})
        fault = FaultEvent(0, kind, {}, "activator-1", "", at(0, 4), at(0, 4) + 1, 200, "{}")
        found = [text for text in off_course(asked, mark, [fault], requests, None) if "put into" in text]
        assert bool(found) is said, found


def test_all_pods_elsewhere_cannot_be_asked_for() -> None:
    """One is drawn."""
    with pytest.raises(BadInput, match="done once, to one pod that is not the workload's"):
        FAULTS[KIND].require(FaultSpec(KIND, pods="all"))


def test_one_that_is_ready_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the run's own random numbers; where none is Ready, the error says where."""
    found: list[dict[str, Any]] = []

    class Api:
        def __init__(self, _kube: object) -> None:
            """As `Objects`."""

        def find(self, _api: str, _kind: str, *, namespace: str, labels: str) -> list[dict[str, Any]]:
            assert (namespace, labels) == ("knative-serving", "app=activator")
            return found

    monkeypatch.setattr(room, "Objects", Api)
    monkeypatch.setattr(Kube, "of", lambda _handle, **_more: None)
    access = ClusterAccess.__new__(ClusterAccess)
    access.handle = None  # type: ignore[assignment]  # nobody asks it
    assert elsewhere(access, FaultSpec("liveness"), Random(1)) == ()  # noqa: S311
    with pytest.raises(FaultError, match="None of 0 pods is Ready"):
        elsewhere(access, FaultSpec(KIND), Random(1))  # noqa: S311
    for number, ready in enumerate(("True", "False", "True")):
        status = {"podIP": f"10.0.0.{number}", "conditions": [{"type": "Ready", "status": ready}]}
        meta = {"name": f"activator-{number}", "uid": f"u{number}"}
        found.append({"metadata": meta, "spec": {"nodeName": "node", "containers": [{"name": "activator"}]}, "status": status})
    drawn = {elsewhere(access, FaultSpec(KIND), Random(seed))[0].name for seed in range(20)}  # noqa: S311
    assert drawn == {"activator-0", "activator-2"}


def test_a_proof_may_rest_on_the_requests() -> None:
    """Those whose outcome became known since; in a history and live alike."""
    asked = [Asked(1, 5, Outcome.OK, 200, "b"), Asked(2, 9, Outcome.HTTP_ERROR, 502, "")]
    seen = Sight((), lambda since_ns: (one for one in asked if one.done_ns >= since_ns))
    assert [one.status for one in seen.requests(6)] == [502]
    assert Sight().requests(0) == ()
