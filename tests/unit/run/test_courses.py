"""What each course does, in which order; and that its milestones are what a mark of it must show."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.course import off_course
from harness.catalogue import N1, S1, S30B
from harness.errors import BadInput, WaitTimeout
from harness.faults import FAULTS, Sight
from harness.history.layout import Table
from harness.history.tables import empty
from harness.model import COURSES as DECLARED
from harness.model import CycleMark, FaultEvent, FaultSpec, KnativeVersion, RunSpec, Scenario, ServiceSpec
from harness.run import require_runnable
from harness.run.courses import COURSES
from harness.run.cycle import pod_that_came
from tests.unit.analyse.story import Story, at, calm

S = 1_000_000_000
EMPTY = replace(N1.service, initial_scale=0, min_scale=0)
VERSION = KnativeVersion.parse("1.23")


class Recorded:
    """A Trial that notes the milestones it is led to, a second apart; `never` does not come."""

    def __init__(self, *, second: bool = False, never: str = "") -> None:
        self.mark = CycleMark(0, "pod-0", "b", 0, 0, 0, 0, 0, 0).reached("load_started", S)
        self.second = second
        self.never = never
        self.calm = self.every_pod = False

    def _reach(self, milestone: str) -> None:
        if milestone == self.never:
            raise WaitTimeout(milestone, 1, "RevisionMissing")
        self.mark = self.mark.reached(milestone, max(self.mark.when(name) for name in (*MILESTONES, *self.mark.at)) + 10 * S)

    async def settle(self, *, calm: bool = False, every_pod: bool = False) -> None:
        """See Trial."""
        self.calm, self.every_pod = calm, every_pod
        self._reach("steady")

    async def measure(self) -> None:
        """See Trial."""
        self._reach("recovered")

    async def inject(self) -> None:
        """See Trial."""
        self._reach("fault")

    async def inject_second(self) -> None:
        """See Trial."""
        if self.second:
            self._reach("second_fault")
            self._reach("second_landed")

    async def await_landed(self) -> None:
        """See Trial."""
        self._reach("landed")

    async def lift(self) -> None:
        """See Trial."""

    async def recover(self) -> None:
        """See Trial."""
        self._reach("recovered")


MILESTONES = ("load_started", "steady", "fault", "landed", "recovered", "ended")


def spec_of(course: str, *, second: bool = False) -> RunSpec:
    """A run of this course."""
    fault = FaultSpec("roll-out") if "fault" in DECLARED[course].milestones else FaultSpec()
    return RunSpec(
        scenario="mine",
        title="",
        service=ServiceSpec(),
        claims=(),
        fault=fault,
        course=course,
        second=FaultSpec("liveness") if second else None,
        after_s=1.0,
    )


def said_of(mark: CycleMark, course: str, *, second: bool = False) -> list[str]:
    """What is wrong with such a mark, silence of users apart."""
    faults = []
    if mark.fault_ns:
        faults.append(FaultEvent(0, "roll-out", {}, "pod-0", "b", mark.fault_ns, mark.fault_ns, 200, ""))
    if mark.when("second_fault"):
        faults.append(FaultEvent(0, "liveness", {}, "pod-0", "b", mark.when("second_fault"), 0, 200, ""))
    found = off_course(spec_of(course, second=second), mark, faults, empty(Table.REQUESTS), None)
    return [text for text in found if "nobody asked" not in text]


def taken(course: str, *, second: bool = False) -> CycleMark:
    """The mark of a cycle that took it to the end."""
    trial = Recorded(second=second)
    asyncio.run(COURSES[course](trial))
    return trial.mark.reached("ended", trial.mark.recovered_ns + S)


def test_every_course_is_declared_and_can_be_taken() -> None:
    """By the same name."""
    assert set(COURSES) == set(DECLARED)
    assert all(DECLARED[name].name == name for name in DECLARED)


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("second", [False, True])
def test_a_course_leaves_the_mark_that_it_declares(course: str, second: bool) -> None:
    """Each milestone, in order, and no other."""
    second = second and bool(DECLARED[course].maybe)
    mark = taken(course, second=second)
    there = [name for name in DECLARED[course].milestones if mark.when(name)]
    assert there == [name for name in DECLARED[course].milestones if second or name not in DECLARED[course].maybe]
    assert sorted(there, key=mark.when) == there
    assert said_of(mark, course, second=second) == []


@pytest.mark.parametrize("course", COURSES)
def test_each_milestone_that_is_missing_is_named(course: str) -> None:
    """Whichever it is."""
    mark = taken(course)
    for name in DECLARED[course].milestones:
        if name not in DECLARED[course].maybe:
            assert any(f"does not say when: {name}_ns" in text for text in said_of(mark.reached(name, 0), course)), name


def test_a_milestone_of_another_course_is_named() -> None:
    """Nothing like it is part of what was asked."""
    mark = taken("disturb").reached("second_fault", 30 * S)
    assert any("second_fault_ns, which is no milestone of the course disturb" in text for text in said_of(mark, "disturb"))


def test_a_second_fault_that_was_asked_for_must_be_there() -> None:
    """Its milestones, and the event in the mark's pod."""
    said = said_of(taken("roll-out"), "roll-out", second=True)
    assert "its mark does not say when: second_fault_ns, second_landed_ns" in said
    assert "the second fault liveness was put in 0 times, not once into pod-0" in said


def test_a_rollout_that_never_finishes_ends_its_course() -> None:
    """At the landing, with what was last seen; nothing after it is marked."""
    trial = Recorded(never="landed")
    with pytest.raises(WaitTimeout, match="RevisionMissing"):
        asyncio.run(COURSES["roll-out"](trial))
    assert trial.mark.fault_ns
    assert not trial.mark.recovered_ns


def test_from_zero_waits_until_nothing_fails_any_more() -> None:
    """And a scale-down until as many pods are Ready as it begins with."""
    trial = Recorded()
    asyncio.run(COURSES["from-zero"](trial))
    assert (trial.calm, trial.every_pod) == (True, False)
    asyncio.run(COURSES["scale-down"](trial))
    assert (trial.calm, trial.every_pod) == (False, True)


def test_from_zero_is_about_the_pod_that_stands_not_one_that_was_cleared_away() -> None:
    """Seen in S28A (7234f99b): the ReplicaSet of the cycle before made two more pods, and both were gone before the load began."""
    story = Story(calm(1).meta)
    for name, seconds in (("cleared-1", 1), ("cleared-2", 2)):
        story.pod(name, at(0, seconds), ready=False)
        story.pod(name, at(0, seconds + 1), ready=False, deleting=True)
    story.pod("came", at(0, 6), ready=False)
    followed = ("cleared-1", "cleared-2", "came")
    assert pod_that_came(followed, Sight(story.observations)) == "came"
    assert pod_that_came(followed[:2], Sight(story.observations)) == ""


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_has_its_milestone_in_the_courses_it_declares(kind: str) -> None:
    """A course that injects nothing has no milestone of a fault."""
    assert FAULTS[kind].courses
    assert all(("fault" in DECLARED[name].milestones) is FAULTS[kind].injected for name in FAULTS[kind].courses)


def test_without_a_name_the_fault_decides() -> None:
    """As every run of before did."""
    assert (S1.course_name, N1.course_name) == ("disturb", "idle")


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (replace(S1, course="waltz"), "no course 'waltz'"),
        (replace(S1, course="idle"), "course idle was asked for with the fault liveness"),
        (replace(N1, course="disturb"), "course disturb was asked for with no fault"),
        (replace(S1, course="roll-out"), "course roll-out was asked for with the fault liveness.*one of the courses disturb"),
        (replace(S1, course="scale-down"), "course scale-down was asked for with the fault liveness"),
        (replace(S1, fault=FaultSpec("roll-out"), course="scale-down"), "course scale-down was asked for with the fault roll-out"),
        (replace(S30B, course="disturb"), "course disturb was asked for with the fault scale-down.*one of the courses scale-down"),
        (replace(N1, course="from-zero"), "course from-zero was asked for with an initial scale of None"),
        (
            replace(N1, service=replace(N1.service, initial_scale=0, min_scale=0)),
            "course idle was asked for with an initial scale of 0",
        ),
        (replace(S1, second=FaultSpec("exit")), "A second fault exit was asked for beside liveness in the course disturb"),
        (replace(S1, fault=FaultSpec("roll-out"), course="roll-out", second=FaultSpec("roll-out")), "beside roll-out"),
        (replace(S1, fault=FaultSpec("roll-out"), course="roll-out", second=FaultSpec("readiness")), "readiness cannot land"),
        (
            replace(S1, fault=FaultSpec("roll-out"), course="roll-out", second=FaultSpec("exit", {"speed": 1})),
            "exit has no parameter 'speed'",
        ),
        (
            replace(S1, fault=FaultSpec("roll-out"), course="roll-out", second=FaultSpec("exit", pods="all")),
            "The second fault exit hits one pod",
        ),
        (
            replace(S1, fault=FaultSpec("roll-out"), course="roll-out", second=FaultSpec("none")),
            "The second fault none hits one pod",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(scenario: Scenario, words: str, tmp_path: Path) -> None:
    """Before anything is made."""
    with pytest.raises(BadInput, match=words):
        require_runnable(replace(scenario, name="mine"), VERSION, tmp_path)
