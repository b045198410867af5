"""Whether the fault took hold, live and afterwards alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analyse.landed import landed
from harness.analyse.sights import rows_to_observations
from harness.faults import FAULTS, Sight
from harness.faults.fault import READY, RESTART
from harness.model import FaultSpec, Handler, Landed, Observation, Probe, ServiceSpec, Stream
from tests.unit.analyse.story import FAULT_S, S, Story, at, restarts

LIVENESS = FaultSpec("liveness")
ASKED = ServiceSpec(liveness=Probe())


def both(story: Story, spec: FaultSpec = LIVENESS) -> Landed:
    """The answer over a feed that grows line by line and over the history's table, which must be one."""
    event = story.faults[0] if story.faults else None
    service = story.meta.spec.service
    growing = Sight()
    for one in story.observations:
        growing.add([one])
    live = landed(spec, service, event, growing, at(0, FAULT_S))
    recorded = Sight(rows_to_observations(story.history().observations))
    assert landed(spec, service, event, recorded, at(0, FAULT_S)) == live
    return live


def missing(result: Landed) -> list[str]:
    """The parts that were not seen."""
    return [name for name, was, _ in result.parts if not was]


def test_a_liveness_restart_is_proved_by_five_parts() -> None:
    """Answer, probe hit, kill, restart count, new boot."""
    result = both(restarts(1))
    assert result.proved
    assert len(result.parts) == 5


def has(*words: str) -> Callable[[Observation], bool]:
    """Observations whose payload has all these words."""
    return lambda one: all(word in one.payload for word in words)


@pytest.mark.parametrize(
    ("lost", "part"),
    [
        (has('"probe"', "503"), "a failed liveness probe in the app's log"),
        (has("Killing"), "the kubelet kills the container for its liveness"),
        (has('"restarts": 1'), "restartCount grew"),
        (has("new0"), "a new boot in the app's log"),
    ],
)
def test_each_part_is_needed(lost: Callable[[Observation], bool], part: str) -> None:
    """Without one of them there is no proof, and it is named."""
    story = restarts(1)
    assert story.drop(lost)
    result = both(story)
    assert not result.proved
    assert missing(result) == [part]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": 403}, "it answered 403"),
        ({"answer": json.dumps({"boot": "somebody else"})}, "is of boot somebody else"),
        ({"answer": "done"}, "is of boot unknown"),
    ],
)
def test_the_answer_must_be_the_right_apps(change: dict[str, object], words: str) -> None:
    """A fault put into another process proves nothing."""
    story = restarts(1)
    story.faults[0] = replace(story.faults[0], **change)  # type: ignore[arg-type]
    result = both(story)
    assert missing(result) == ["the app answered that it is done"]
    assert words in result.parts[0][2]


def test_the_apps_log_can_stand_for_an_answer_without_boot() -> None:
    """An answer that does not say who gave it is confirmed by the log of who did it."""
    story = restarts(1)
    story.faults[0] = replace(story.faults[0], answer="done")
    story.app("pod-0", "old0", at(0, FAULT_S), "fault", kind="liveness")
    assert both(story).proved


def test_what_was_before_does_not_count() -> None:
    """An earlier failed probe, kill or restart of the same pod is not the fault's doing."""
    story = restarts(1)
    late = at(0, 20)
    result = landed(LIVENESS, ASKED, replace(story.faults[0], sent_ns=late), Sight(story.observations), late)
    assert len(missing(result)) == 4


def test_other_pods_do_not_count() -> None:
    """Evidence is of the pod the fault was put into."""
    story = restarts(2)
    story.drop(lambda one: one.pod == "pod-0")
    assert len(missing(both(story))) == 4


def test_an_event_true_to_a_second_may_have_been_after() -> None:
    """The API cuts event times to seconds: one in the fault's own second counts, one before does not."""
    story = restarts(1)
    event = story.faults[0]
    (kill,) = [one for one in story.observations if "Killing" in one.payload]
    rest = [one for one in story.observations if one is not kill]
    after = kill.at_ns + 900_000_000
    assert not [part for part in missing(landed(LIVENESS, ASKED, event, Sight([*rest, kill]), after)) if "kubelet" in part]
    early = replace(kill, at_ns=kill.at_ns - S)
    assert [part for part in missing(landed(LIVENESS, ASKED, event, Sight([*rest, early]), after)) if "kubelet" in part]


def test_the_end_of_a_pod_is_no_liveness_kill() -> None:
    """Deleting a pod also gives a Killing event."""
    story = restarts(1)
    story.drop(has("Killing"))
    stopping = {"reason": "Killing", "message": "Stopping container user-container", "container": "user-container"}
    story.see(Stream.EVENTS, "pod-0", at(0, 12), stopping, S)
    assert missing(both(story)) == ["the kubelet kills the container for its liveness"]


def test_the_kubelets_journal_can_stand_for_the_event() -> None:
    """Events are spam-filtered; the journal is not."""
    story = restarts(1)
    story.drop(has("Killing"))
    words = 'pod="ns/pod-0" containerMessage="Container user-container failed liveness probe, will be restarted"'
    story.see(Stream.KUBELET, "", at(0, 6.5), words)
    assert both(story).proved


def test_no_fault_asked_is_trivially_proved() -> None:
    """NONE needs nothing."""
    assert both(Story(restarts(1).meta), FaultSpec("none")).proved


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind != "none"])
def test_nothing_done_nothing_landed(kind: str) -> None:
    """Without an event there is no proof, whatever was asked."""
    assert not both(Story(restarts(1).meta), FaultSpec(kind)).proved


def test_the_other_faults_have_their_own_proof() -> None:
    """Readiness: a failed probe and its consequence. Exit: a restart. Hang, if no liveness probe ends it: the app's own word."""
    story = restarts(1)
    story.spec(service=ServiceSpec(liveness=Probe(Handler.TCP)))
    story.drop(has('"ready": false'))
    assert missing(both(story, FaultSpec("readiness"))) == [
        "a failed readiness probe in the app's log",
        "the pod was seen not Ready",
    ]
    assert missing(both(story, FaultSpec("hang"))) == ["the fault in the app's log"]
    assert both(story, FaultSpec("exit")).proved
    story.app("pod-0", "old0", at(0, 4.5), "probe", which="readiness", via="http", ok=False)
    story.app("pod-0", "old0", at(0, FAULT_S), "fault", kind="hang")
    assert missing(both(story, FaultSpec("readiness"))) == ["the pod was seen not Ready"]
    story.pod("pod-0", at(0, FAULT_S - 0.5), ready=False)
    assert missing(both(story, FaultSpec("readiness"))) == ["the pod was seen not Ready"]
    story.pod("pod-0", at(0, 5.5), ready=False)
    assert both(story, FaultSpec("readiness")).proved
    assert both(story, FaultSpec("hang")).proved


@pytest.mark.parametrize("handler", [Handler.HTTP, Handler.EXEC])
def test_a_hang_that_a_liveness_probe_ends_is_a_restart_too(handler: Handler) -> None:
    """Taken back at once it would be no fault to anybody: the probe that hung, the kill and the new boot are its proof."""
    story = restarts(1)
    story.spec(service=ServiceSpec(liveness=Probe(handler)))
    assert missing(both(story, FaultSpec("hang"))) == ["a liveness probe left hanging in the app's log"]
    story.app("pod-0", "old0", at(0, 4.5), "hang", which="liveness", via=handler.value)
    assert both(story, FaultSpec("hang")).proved
    assert story.drop(has('"restarts": 1'))
    assert missing(both(story, FaultSpec("hang"))) == ["restartCount grew"]


def test_a_pod_is_as_ready_as_it_was_last_seen() -> None:
    """What was never seen is not ready, nor is another pod's sight this one's."""
    story = Story(restarts(1).meta)
    story.pod("pod-1", at(0, 1))
    assert not Sight(story.observations).is_ready("pod-0")
    for ns, ready in ((at(0, 2), True), (at(0, 3), False), (at(0, 4), None), (at(0, 5), True)):
        story.pod("pod-0", ns, ready=ready)
        assert Sight(story.observations).is_ready("pod-0") is (ready is True)


@pytest.mark.parametrize(
    ("readiness", "takes"), [(None, False), (Probe(Handler.TCP), False), (Probe(), True), (Probe(Handler.EXEC), True)]
)
def test_only_a_probe_that_the_toggle_reaches_takes_ready_away(readiness: Probe | None, takes: bool) -> None:
    """A TCP probe does well; without one of its own a Service has a TCP probe."""
    service = ServiceSpec(readiness=readiness)
    assert (FAULTS["readiness"].ends(FaultSpec("readiness"), service) is READY) is takes
    assert FAULTS["liveness"].ends(FaultSpec("liveness"), service) is RESTART
