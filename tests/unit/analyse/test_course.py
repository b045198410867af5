"""A cycle that did not take the course its mark tells of is never part of a pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from harness.analyse import analyse
from harness.analyse.course import off_course
from harness.judge import judge
from harness.model import Arrivals, Lane, LoadPlan, Outcome, Ruling, Stream
from tests.unit.analyse.story import BAD, BOOT_S, FAULT_S, LISTENING_S, Story, at, calm, open_questions, restarts


def marked(story: Story, cycle: int = 0, **changed: int) -> None:
    """Another mark of this cycle."""
    story.cycles[cycle] = replace(story.cycles[cycle], **changed)  # type: ignore[arg-type]  # only times are changed here


def without_users(story: Story, from_s: float, until_s: float, cycle: int = 0) -> None:
    """Whoever asked well in this stretch went straight to the pod."""
    for row in story.requests:
        good = row["outcome"] == Outcome.OK.value
        if row["cycle"] == cycle and good and at(cycle, from_s) <= row["intended_ns"] < at(cycle, until_s):
            row["lane"] = Lane.GET_POD.value


def a_pod_twice(story: Story) -> str:
    """Two cycles on one pod."""
    marked(story, 1)
    story.cycles[1] = replace(story.cycles[1], pod="pod-0")
    return "pod-0 was the pod of 2 counted cycles"


def a_second_fault(story: Story) -> str:
    """The same fault, put in twice."""
    story.faults.append(story.faults[0])
    return "cycle 0: 2 faults were put in"


def another_persistence(story: Story) -> str:
    """The fault survives the restart, which nobody asked for."""
    story.faults[1] = replace(story.faults[1], params={"persistent": True})
    return "cycle 1: the fault liveness was put in with persistent True though False was asked"


def a_fault_of_another_boot(story: Story) -> str:
    """The fault went into a process that is not the cycle's."""
    marked(story, 0)
    story.cycles[0] = replace(story.cycles[0], boot="other")
    return "cycle 0: the fault was put into pod-0 of boot old0, not into pod-0 of boot other"


def a_late_mark(story: Story) -> str:
    """By its mark the fault came when all was over."""
    marked(story, 0, fault_ns=story.cycles[0].recovered_ns, landed_ns=story.cycles[0].recovered_ns)
    return "cycle 0: its mark has the fault +8.900 s from where it was put in"


def never_steady(story: Story) -> str:
    """Nobody says that the steady state was proved."""
    marked(story, 1, steady_ns=0)
    return "cycle 1: its mark does not say when: steady_ns"


def steady_after_the_fault(story: Story) -> str:
    """The steady state was proved when the fault was in already."""
    marked(story, 1, steady_ns=at(1, FAULT_S + 1))
    return "cycle 1: its mark has steady_ns 1.000 s after fault_ns"


def a_failure_before_the_fault(story: Story) -> str:
    """The service was not steady, and this request's evidence is complete."""
    story.request(0, at(0, 3.901), Outcome.HTTP_ERROR, status=502, answer=BAD)
    story.refused_line("pod-0", at(0, 3.902))
    return "cycle 0: 1 requests failed in the steady state before the fault"


def users_leave_before_the_recovery(story: Story) -> str:
    """All the way of a user that is left is the outage."""
    without_users(story, LISTENING_S, 14)
    return "cycle 0: nobody asked the way of a user for 2.9 s between the load's start and the recovery"


def too_many_voided(story: Story) -> str:
    """More cycles were thrown away than may be."""
    story.spec(cycles=1, max_replacements=0)
    story.generators[0] = replace(story.generators[0], steal=0.5)
    return "1 cycles are voided, 0 may be replaced"


def a_recovery_with_failures(story: Story) -> str:
    """The mark has the recovery while users were still refused."""
    marked(story, recovered_ns=at(0, LISTENING_S - 0.5))
    return "cycle 0: 20 requests failed in the 0.6 s before the recovery in its mark"


def a_cycle_left_open(story: Story) -> str:
    """Enough other cycles count, and yet the run does not say what became of this one."""
    story.spec(cycles=1)
    marked(story, 1, recovered_ns=0)
    return "cycle 1: neither finished nor given up"


def unready_by_its_slice_alone(story: Story) -> str:
    """Who routes took the pod out, and the pod was never seen unready."""
    endpoint(story, at(0, 6), ready=False)
    return "cycle 0: the evidence contradicts itself: endpoint-unready: "


def endpoint(story: Story, ns: int, *, ready: bool, service: str = "toggle-00001-private", name: str = "s") -> None:
    """A sight of the slice that lists the first cycle's pod."""
    listed = [{"ip": "10.244.0.9", "pod": "pod-0", "ready": ready, "serving": ready, "terminating": False}]
    story.see(Stream.ENDPOINTS, "", ns, {"slice": name, "service": service, "endpoints": listed})


PLANTS = [
    a_pod_twice,
    a_second_fault,
    another_persistence,
    a_fault_of_another_boot,
    a_late_mark,
    never_steady,
    steady_after_the_fault,
    a_failure_before_the_fault,
    users_leave_before_the_recovery,
    too_many_voided,
    a_recovery_with_failures,
    a_cycle_left_open,
    unready_by_its_slice_alone,
]


def doubts_of(story: Story) -> tuple[str, ...]:
    """What analysis doubts of it, or leaves open."""
    return open_questions(analyse(story.history()))


def off(story: Story, cycle: int = 0) -> tuple[str, ...]:
    """What of this cycle's course alone is doubted, whatever its load was."""
    history = story.history()
    requests = history.requests.filter(pl.col("cycle") == cycle)
    return tuple(off_course(history.meta.spec, history.cycles[cycle], history.faults, requests, history.attempts))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_course_that_was_not_taken_is_found(plant: Callable[[Story], str]) -> None:
    """Each is named, and the run decides nothing."""
    story = restarts()
    expected = plant(story)
    findings = analyse(story.history())
    assert [text for text in open_questions(findings) if text.startswith(expected)], open_questions(findings)
    assert judge(story.meta.spec, findings).ruling is Ruling.INCONCLUSIVE


def test_a_calm_run_measures_as_long_as_it_was_asked() -> None:
    """Eight seconds of twelve are not what was asked, even if nothing failed in them."""
    story = calm()
    story.spec(after_s=12.0)
    assert "cycle 0: 8.900 s were measured, 12 s were asked" in doubts_of(story)


def test_a_calm_run_without_users_says_nothing() -> None:
    """Four requests the way of a user, then none: nothing was seen of that way."""
    story = calm()
    without_users(story, 0.09, 14, cycle=1)
    assert off(story, 0) == ()
    assert off(story, 1) == ("nobody asked the way of a user for 12.8 s between the load's start and the recovery",)


def test_users_of_no_lane_of_the_plan_are_none() -> None:
    """The plan sends nobody the way of a user, so nobody says what would have become of one."""
    story = restarts()
    story.spec(load=LoadPlan(lanes=((Lane.GET_POD, 1),)))
    assert off(story) == ("nobody asked the way of a user for 12.9 s between the load's start and the recovery",)


def test_a_hidden_failure_before_the_fault() -> None:
    """The client tried again and was answered well; the steady state is one of first attempts."""
    story = restarts()
    row = next(row for row in story.requests if row["cycle"] == 0 and row["intended_ns"] > at(0, 2))
    row["lane"] = Lane.GET_RETRYING.value
    story.attempts.append(row | {"attempt": 0, "outcome": Outcome.TIMEOUT.value, "status": 0, "answer": -1})
    assert off(story) == ("1 requests failed in the steady state before the fault",)


@pytest.mark.parametrize(
    "load",
    [
        LoadPlan(rate_rps=5.0),
        LoadPlan(rate_rps=50.0, arrivals=Arrivals.STEP, to_rate_rps=5.0, over_s=1.0),
        LoadPlan(rate_rps=50.0, lanes=((Lane.GET_KEEPALIVE, 1), (Lane.GET_POD, 9))),
    ],
)
def test_users_of_a_slow_plan_may_be_silent_longer(load: LoadPlan) -> None:
    """Of a user every fifth of a second, three seconds without one are no doubt; of fifty a second they are."""
    story = restarts()
    without_users(story, LISTENING_S, 14)
    story.spec(load=load)
    assert off(story) == ()


def test_a_pod_that_is_unready_itself_contradicts_nobody() -> None:
    """Its slice follows it; and the slice of the other Service follows whoever Knative puts there."""
    story = restarts()
    story.pod("pod-0", at(0, 5.9), ready=False)
    endpoint(story, at(0, 6), ready=False)
    assert not any("endpoint" in doubt for doubt in doubts_of(story))
    story = restarts()
    endpoint(story, at(0, 3), ready=True, service="toggle-00001", name="t")
    endpoint(story, at(0, 6), ready=False, service="toggle-00001", name="t")
    assert doubts_of(story) == ()


def test_a_failure_of_long_before_the_fault_is_not_of_the_steady_state() -> None:
    """What was waited away before the steady state began is the claims' business, not the baseline's."""
    story = restarts()
    story.spec(steady_s=1.0)
    story.request(0, at(0, 2.5), Outcome.HTTP_ERROR, status=502, answer=BAD)
    story.refused_line("pod-0", at(0, 2.501))
    assert off(story) == ()


def test_no_restart_is_seen_where_nobody_asked() -> None:
    """Without a single request of a user no claim holds, the number of restarts included."""
    story = calm()
    without_users(story, -1, 14)
    without_users(story, -1, 14, cycle=1)
    findings = analyse(story.history())
    assert [one.observed.value for one in judge(story.meta.spec, findings).claims] == ["undecided", "undecided"]


def test_the_fault_asked_is_none() -> None:
    """A record of doing nothing is no fault, and no fault is missing."""
    story = calm()
    story.faults.append(replace(restarts().faults[0], kind="none"))
    assert doubts_of(story) == ()


def test_a_new_process_that_never_said_it_listens_leaves_the_end_open() -> None:
    """By the boot alone, or by its answers alone: it may have listened for any part of that time."""
    for lost in ('"listening"', "new0"):
        story = restarts(1)
        story.drop(lambda one, lost=lost: lost in one.payload and "new0" in one.payload and one.stream is Stream.APP)  # type: ignore[misc]
        story.request(0, at(0, 12.5), Outcome.TIMEOUT, status=0, answer=-1)
        assert analyse(story.history()).cycles[0].outside_window is None


def test_without_any_other_process_the_end_is_one_outage() -> None:
    """Nobody else was heard or answered: what failed after the close failed while nobody listened."""
    story = restarts(1)
    story.drop(lambda one: "new0" in one.payload)
    story.requests = [row for row in story.requests if row["intended_ns"] < at(0, BOOT_S)]
    assert analyse(story.history()).cycles[0].outside_window == 0
