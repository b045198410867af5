"""A fault that hits all of several pods: what each shows, and what that is for the cycle."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.analyse.course import off_course
from harness.model import CycleFindings, FaultEvent, FaultSpec, Observation, Stream
from tests.unit.analyse.story import FAULT_S, MS, Story, at, restarts


def twice() -> Story:
    """Two pods that do the same at the same time; each is asked for half of the requests, which nobody tells apart."""
    story = restarts(1)
    for one in list(story.observations):
        of_requests = one.stream is Stream.QUEUE_PROXY and '"error"' in one.payload
        if one.pod == "pod-0" and not of_requests:
            story.observations.append(as_twin(one))
    story.spec(fault=FaultSpec("liveness", pods="all"))
    event = story.faults[0]
    other = replace(event, pod="pod-b", boot="twin", answer=json.dumps({"boot": "twin"}))
    story.faults.append(replace(other, sent_ns=event.sent_ns + 5 * MS, answered_ns=event.answered_ns + 5 * MS))
    story.cycles[0] = replace(story.cycles[0], pods=("pod-0", "pod-b"))
    return story


def as_twin(one: Observation) -> Observation:
    """The same of the second pod."""
    payload = one.payload.replace("pod-0", "pod-b").replace('"old0"', '"twin"').replace('"new0"', '"twin-new"')
    return replace(one, pod="pod-b", payload=payload)


def cycle_of(story: Story) -> CycleFindings:
    """The findings of its only cycle."""
    return analyse(story.history()).cycles[0]


def test_every_pod_that_was_hit_must_prove_the_landing() -> None:
    """Each part is named with its pod; one pod without a failed probe is enough to prove nothing."""
    whole = cycle_of(twice())
    assert whole.landed.proved
    assert {name.partition(": ")[0] for name, _, _ in whole.landed.parts} == {"pod-0", "pod-b"}
    assert whole.others_hit is not None
    assert [one.pod for one in whole.others_hit] == ["pod-b"]
    assert set(whole.others_hit[0].anatomy) >= {"fault", "killing", "listener-closed", "listening"}
    spoilt = twice()
    spoilt.drop(lambda one: one.pod == "pod-b" and '"probe"' in one.payload and '"ok": false' in one.payload)
    assert not cycle_of(spoilt).landed.proved


def test_the_cycle_is_not_in_doubt() -> None:
    """Two faults are what was asked for."""
    said = [text for text in analyse(twice().history()).doubts if "fault" in text]
    assert said == []


@pytest.mark.parametrize("pods", [("pod-0",), ("pod-0", "pod-b", "pod-c")])
def test_a_pod_that_was_left_out_is_a_doubt(pods: tuple[str, ...]) -> None:
    """All that stood must be hit, and no other."""
    story = twice()
    story.cycles[0] = replace(story.cycles[0], pods=pods)
    words = "cycle 0: the fault was put into pod-0, pod-b, not into each of " + ", ".join(pods) + " once"
    assert words in analyse(story.history()).doubts


def test_one_pod_that_is_not_ready_decides_for_all() -> None:
    """So does one that restarted twice, or not at all."""
    story = twice()
    assert cycle_of(story).ready_throughout is True
    assert cycle_of(story).restarts == 1
    story.pod("pod-b", at(0, 9), ready=False, restarts=2)
    assert cycle_of(story).ready_throughout is False
    assert cycle_of(story).restarts == 2
    story.drop(lambda one: one.pod == "pod-b" and one.stream is Stream.PODS and one.seen_ns > at(0, FAULT_S))
    assert cycle_of(story).restarts == 0


def test_a_failure_in_the_outage_of_its_own_pod_is_inside() -> None:
    """A second pod that is away for longer explains what it refused itself, and nothing that the first one did."""
    story = twice()
    assert cycle_of(story).outside_window == 0
    for number, one in enumerate(story.observations):
        if one.pod == "pod-0" and '"listening"' in one.payload and one.at_ns > at(0, FAULT_S):
            payload = json.loads(one.payload)
            earlier = payload["t_ns"] - 1000 * MS
            story.observations[number] = replace(one, at_ns=earlier, payload=json.dumps(payload | {"t_ns": earlier}))
    assert cycle_of(story).outside_window
    for number, one in enumerate(story.observations):
        if one.stream is Stream.QUEUE_PROXY and '"error"' in one.payload and one.at_ns > at(0, 9):
            story.observations[number] = replace(one, pod="pod-b")
    assert cycle_of(story).outside_window == 0
    story.faults = story.faults[:1]
    story.spec(fault=FaultSpec("liveness"))
    story.cycles[0] = replace(story.cycles[0], pods=("pod-0",))
    assert cycle_of(story).outside_window


def test_of_a_fault_that_hits_one_pod_the_last_event_counts() -> None:
    """As ever: a second one is a doubt of its own."""
    story = restarts(1)
    story.faults.append(FaultEvent(**{name: getattr(story.faults[0], name) for name in FaultEvent.__slots__}))
    assert "cycle 0: 2 faults were put in" in analyse(story.history()).doubts


def rolled_out(**second: object) -> tuple[str, ...]:
    """What is doubted of the course of a roll-out with a liveness failure beside it, which differs from what was asked so."""
    story = restarts(1)
    (event,) = story.faults
    story.faults = [
        replace(event, kind="roll-out", params={}, sent_ns=event.sent_ns - 100 * MS),
        replace(event, **second),  # type: ignore[arg-type]
    ]
    story.spec(fault=FaultSpec("roll-out"), second=FaultSpec("liveness"), course="roll-out")
    marks = {"second_fault": event.sent_ns, "second_landed": event.sent_ns + 1000 * MS}
    begun = replace(story.cycles[0], steady_ns=at(0, 3.5), fault_ns=event.sent_ns - 100 * MS)
    story.cycles[0] = replace(begun, at=marks)
    history = story.history()
    return tuple(off_course(history.meta.spec, history.cycles[0], history.faults, history.requests, history.attempts))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"params": {"persistent": True}}, "the fault liveness was put in with persistent True though False was asked"),
        ({"boot": "another"}, "the fault was put into pod-0 of boot another, not into pod-0 of boot old0"),
        ({"sent_ns": at(0, 9)}, f"its mark has the fault {FAULT_S - 9:.3f} s from where it was put in"),
        ({"pod": "pod-b"}, "the second fault liveness was put in 1 times, not once into pod-0"),
    ],
)
def test_a_second_fault_is_held_against_what_was_asked_too(changed: dict[str, object], words: str) -> None:
    """It is the one that the claims of a roll-out under fire rest on."""
    assert rolled_out() == ()
    assert words in rolled_out(**changed)


def test_the_line_of_a_second_fault_is_not_the_first_ones() -> None:
    """A roll-out tells the app nothing: what its log says of a fault is about another one, which came later."""
    story = restarts(1)
    story.app("pod-0", "old0", at(0, FAULT_S + 0.2), "fault", kind="liveness")
    story.faults[0] = replace(story.faults[0], kind="roll-out", params={})
    story.spec(fault=FaultSpec("roll-out"), second=FaultSpec("liveness"), course="roll-out")
    assert [text for text in cycle_of(story).disputes if text.startswith("fault:")] == []
