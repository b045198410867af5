"""What another pod does, or what was before the fault, is never taken for the fault's doing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.judge import judge
from harness.model import Bounds, Expectation, FaultSpec, Observed, Outcome, ResolvedClaim, Stream
from tests.unit.analyse.story import (
    BAD,
    CLOSED_S,
    ENVOY,
    FAULT_S,
    MS,
    Story,
    at,
    calm,
    claim,
    open_questions,
    restarts,
)
from tests.unit.analyse.test_hit import as_twin, twice
from tests.unit.analyse.test_plain import plain

NO_RESTART = claim("no-restart", Expectation.HOLDS)
ONCE = claim("container-restarts-once", Expectation.HOLDS)
NO_FAILURE = claim("requests-do-not-fail", Expectation.BROKEN)
NOT_REFUSED = claim("ready-pod-is-not-refused", Expectation.BROKEN)
ONLY_IN_THE_OUTAGE = claim("failures-only-while-not-listening", Expectation.HOLDS)


def observed(story: Story, asked: ResolvedClaim) -> Observed:
    """What this claim saw."""
    story.spec(claims=(asked,))
    (result,) = judge(story.meta.spec, analyse(story.history())).claims
    return result.observed


def beside(story: Story, pod: str = "pod-b") -> Story:
    """A second pod, which the fault does not hit and which does nothing."""
    of_before = [one for one in story.observations if one.pod == "pod-0" and one.seen_ns < at(0, 0)]
    story.observations = [*map(as_twin, of_before), *story.observations]
    story.cycles[0] = replace(story.cycles[0], pods=("pod-0", pod))
    return story


# --- restarts -----------------------------------------------------------------------------------------------------------


def test_a_pod_beside_the_one_that_was_hit_may_not_restart() -> None:
    """No container is restarted, says the claim, and not: none of this pod."""
    story = beside(calm(1))
    assert observed(story, NO_RESTART) is Observed.HOLDS
    story.pod("pod-b", at(0, 8), restarts=1)
    assert observed(story, NO_RESTART) is Observed.BROKEN


def test_a_restart_elsewhere_is_not_the_one_that_is_claimed() -> None:
    """Of three pods one restarts, once, and the others do not."""
    story = beside(restarts(1))
    assert observed(story, ONCE) is Observed.HOLDS
    story.pod("pod-b", at(0, 9), restarts=1)
    assert observed(story, ONCE) is Observed.BROKEN


def test_a_pod_that_came_in_the_cycle_counts_from_nothing() -> None:
    """It was never seen before the fault, so each of its restarts is of this cycle."""
    story = beside(calm(1))
    story.pod("pod-c", at(0, 6), ready=False)
    assert observed(story, NO_RESTART) is Observed.HOLDS
    story.pod("pod-c", at(0, 9), restarts=2)
    assert observed(story, NO_RESTART) is Observed.BROKEN


def test_the_pods_of_a_cycle_are_counted_where_somebody_asks() -> None:
    """Those that stood, and those that came, whether they got Ready or not."""
    story = calm(1)
    assert [one.pods for one in analyse(story.history()).cycles] == [None]
    story.spec(claims=(replace(NO_RESTART, check="pods", bounds=Bounds(1, 1)),))
    assert [one.pods for one in analyse(story.history()).cycles] == [1]
    story.pod("pod-c", at(0, 6), ready=False)
    assert [one.pods for one in analyse(story.history()).cycles] == [2]


def test_one_pod_without_a_restart_does_not_speak_for_all_that_were_hit() -> None:
    """Of two pods that were hit one restarts."""
    story = twice()
    story.drop(lambda one: one.pod == "pod-b" and one.stream is Stream.PODS and one.seen_ns > at(0, FAULT_S))
    assert observed(story, NO_RESTART) is Observed.BROKEN


# --- from zero ----------------------------------------------------------------------------------------------------------


def from_zero() -> Story:
    """The load meets no pod; the first one comes half a second later, without containers at first, and answers."""
    story = calm(1)
    bare: dict[str, object] = {"ready": None, "deleting": False, "containers": {}}
    story.drop(lambda one: one.stream is Stream.PODS)
    story.see(Stream.PODS, "pod-0", at(0, 0.5), bare)
    story.pod("pod-0", at(0, 1), ready=False)
    story.pod("pod-0", at(0, 2))
    for number, one in enumerate(story.observations):
        if one.seen_ns < at(0, 0):
            story.observations[number] = replace(one, at_ns=at(0, 1), seen_ns=at(0, 1) + MS)
    story.spec(course="from-zero", service=replace(story.meta.spec.service, min_scale=0, initial_scale=0))
    return story


def test_from_zero_is_decided() -> None:
    """Nothing is known of the pod's containers when it is first seen: they begin at no restart."""
    story = from_zero()
    assert open_questions(analyse(story.history())) == ()
    assert observed(story, NO_RESTART) is Observed.HOLDS
    story.pod("pod-0", at(0, 9), restarts=1)
    assert observed(story, NO_RESTART) is Observed.BROKEN


@pytest.mark.parametrize("pod", ["pod-0", "pod-b"])
def test_from_zero_with_a_pod_there_is_not_from_zero(pod: str) -> None:
    """Whichever it was, and whether or not the mark tells of it: its requests waited for nobody."""
    story = from_zero()
    story.pod(pod, at(0, -2))
    assert f"cycle 0: the load should have met no pod, and {pod} stood" in analyse(story.history()).doubts
    marked = from_zero()
    marked.cycles[0] = replace(marked.cycles[0], pods=(pod,))
    assert f"cycle 0: the load should have met no pod, and {pod} stood" in analyse(marked.history()).doubts


def test_a_pod_on_its_way_out_is_no_pod() -> None:
    """The cycle before left it."""
    story = from_zero()
    story.pod("pod-old", at(0, -8))
    story.pod("pod-old", at(0, -3), deleting=True)
    assert not [text for text in analyse(story.history()).doubts if "should have met no pod" in text]


# --- before the fault ---------------------------------------------------------------------------------------------------


def without_an_outage() -> Story:
    """The fault lands and nobody is refused; long before it, while the load began, one request was."""
    story = restarts(1)
    story.spec(steady_s=1.0)
    for row in story.requests:
        if row["outcome"] != Outcome.OK.value:
            row |= {"outcome": Outcome.OK.value, "status": 200, "answer": 2}
    story.drop(lambda one: one.stream is Stream.QUEUE_PROXY and '"error"' in one.payload)
    story.request(0, at(0, 2.0), Outcome.HTTP_ERROR, status=502, answer=BAD)
    story.refused_line("pod-0", at(0, 2.001))
    return story


@pytest.mark.parametrize("asked", [NO_FAILURE, NOT_REFUSED])
def test_a_failure_before_the_fault_reproduces_nothing(asked: ResolvedClaim) -> None:
    """Nor does the claim hold: something failed, and nobody knows why."""
    assert observed(without_an_outage(), asked) is Observed.UNDECIDED
    assert observed(restarts(1), asked) is Observed.BROKEN


# --- whose outage -------------------------------------------------------------------------------------------------------


def refused_by(pod: str) -> Story:
    """All that was refused was so by this pod, while the one that the fault hit did not listen."""
    story = beside(restarts(1))
    for number, one in enumerate(story.observations):
        if one.stream is Stream.QUEUE_PROXY and '"error"' in one.payload:
            story.observations[number] = replace(one, pod=pod)
    return story


def test_the_outage_of_one_pod_does_not_excuse_another() -> None:
    """queue-proxy's lines say whose port refused."""
    assert observed(refused_by("pod-0"), ONLY_IN_THE_OUTAGE) is Observed.HOLDS
    assert observed(refused_by("pod-b"), ONLY_IN_THE_OUTAGE) is Observed.BROKEN


@pytest.mark.parametrize(("pod", "seen"), [("pod-0", Observed.BROKEN), ("pod-b", Observed.HOLDS)])
def test_the_outage_of_one_of_all_pods_that_were_hit_does_not_excuse_another(pod: str, seen: Observed) -> None:
    """Both pods are hit, and pod-0 listens again 1 s before pod-b: what pod-0 fails after that is outside of its own outage."""
    story = twice()
    for number, one in enumerate(story.observations):
        if one.pod == "pod-0" and '"listening"' in one.payload and one.at_ns > at(0, FAULT_S):
            payload = json.loads(one.payload) | {"t_ns": at(0, 9)}
            story.observations[number] = replace(one, at_ns=at(0, 9), payload=json.dumps(payload))
        elif one.stream is Stream.QUEUE_PROXY and '"error"' in one.payload and one.at_ns > at(0, 9):
            story.observations[number] = replace(one, pod="pod-b")
    story.request(0, at(0, 1.001), answer=story.answer(0, 200, "hello", **ENVOY, x_toggle_pod="pod-b", x_toggle_boot="twin"))
    story.request(0, at(0, 9.501), Outcome.HTTP_ERROR, status=502, answer=story.answer(0, 502, "EOF\n", **ENVOY))
    story.refused_line(pod, at(0, 9.502), error="EOF")
    assert observed(story, ONLY_IN_THE_OUTAGE) is seen


def test_a_client_cannot_tell_which_of_several_pods_refused() -> None:
    """Without a queue-proxy nothing names the pod: with one pod both claims are decided, with two neither is."""
    for asked in (ONLY_IN_THE_OUTAGE, NOT_REFUSED):
        assert observed(plain(1), asked) is not Observed.UNDECIDED
        assert observed(beside(plain(1)), asked) is Observed.UNDECIDED
    assert observed(beside(plain(1)), NO_FAILURE) is Observed.BROKEN


def test_the_pod_that_refused_is_the_one_that_must_have_been_ready() -> None:
    """That the one which was hit stayed Ready says nothing of it."""
    story = refused_by("pod-b")
    story.pod("pod-b", at(0, 6), ready=False)
    assert observed(refused_by("pod-0"), NOT_REFUSED) is Observed.BROKEN
    assert observed(story, NOT_REFUSED) is Observed.UNDECIDED


def test_the_end_of_a_deleted_pod_is_no_outage() -> None:
    """It closes its listener for good, so what fails from then on would be excused whoever failed it."""
    story = restarts(1)
    story.app("pod-0", "new0", at(0, 11.2), "closed", port=8080)
    story.pod("pod-0", at(0, 11.1), restarts=1, deleting=True)
    assert observed(story, ONLY_IN_THE_OUTAGE) is Observed.HOLDS
    story.request(0, at(0, 12.5), Outcome.TIMEOUT, status=0, answer=-1)
    assert observed(story, ONLY_IN_THE_OUTAGE) is Observed.UNDECIDED


def test_all_that_stand_at_the_fault_are_hit() -> None:
    """A pod that came between the load's start and the fault was not asked of, and is one of them."""
    story = twice()
    story.pod("pod-c", at(0, 1), ready=False)
    assert not [text for text in analyse(story.history()).doubts if "pod-c" in text]
    story.pod("pod-c", at(0, 2))
    assert "cycle 0: pod-c was Ready at the fault and was not hit by it" in analyse(story.history()).doubts


def test_no_pod_of_two_cycles_is_fresh() -> None:
    """Though it be another one that the fault hit."""
    story = restarts(2)
    for cycle in range(2):
        story.cycles[cycle] = replace(story.cycles[cycle], pods=(f"pod-{cycle}", "pod-b"))
    assert "pod-b was a pod of 2 counted cycles: it was not fresh" in analyse(story.history()).doubts


def test_a_fault_of_one_pod_leaves_others_out() -> None:
    """What stands beside it is as it should be."""
    story = beside(restarts(1))
    story.spec(fault=FaultSpec("liveness"))
    assert analyse(story.history()).doubts == ()
    assert CLOSED_S > FAULT_S
