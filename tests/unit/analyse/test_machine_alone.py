"""Which runs the machine alone made inconclusive: those may be measured again, and no others."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.judge import judge
from harness.model import Gap, Observed, Outcome, Reason, ReasonKind, Ruling, Stream, Verdict
from tests.unit.analyse.story import BAD, MS, S, Story, at, calm, restarts


def judged(story: Story) -> Verdict:
    """Analysed and judged as a run would be."""
    return judge(story.meta.spec, analyse(story.history()))


def stolen(story: Story, *cycles: int) -> None:
    """The machine's CPU time was stolen in these cycles."""
    for cycle in cycles:
        story.generators[cycle] = replace(story.generators[cycle], steal=0.5)


def late(story: Story, *cycles: int) -> None:
    """The generator stood still for a second in these cycles."""
    for row in story.requests:
        if row["cycle"] in cycles and at(row["cycle"], 1) <= row["intended_ns"] < at(row["cycle"], 2):
            row["sent_ns"], row["done_ns"] = at(row["cycle"], 2), at(row["cycle"], 2) + MS


def one_cycle_late(story: Story) -> None:
    """One of two cycles counts, and what counts is as expected."""
    late(story, 0)


def one_cycle_stolen(story: Story) -> None:
    """The same by stolen CPU time."""
    stolen(story, 1)


def every_cycle_voided(story: Story) -> None:
    """No claim can be decided, which only follows from that."""
    late(story, 0)
    stolen(story, 1)


def more_voided_than_allowed(story: Story) -> None:
    """Enough cycles count, and too many were thrown away."""
    story.spec(cycles=1, max_replacements=0)
    stolen(story, 0)


def clock_set_between_open_and_close(story: Story) -> None:
    """The host's clock was set while the run lasted."""
    story.meta = replace(story.meta, clock_step_ns=S)


def clock_set_in_a_cycle(story: Story) -> None:
    """The same, and set back again."""
    story.gaps.append(Gap(Stream.CLOCK, "", at(0, 2), at(0, 3), "UTC was set by +80.0 ms"))


MACHINE = (
    one_cycle_late,
    one_cycle_stolen,
    every_cycle_voided,
    more_voided_than_allowed,
    clock_set_between_open_and_close,
    clock_set_in_a_cycle,
)


@pytest.mark.parametrize("tell", [restarts, calm])
@pytest.mark.parametrize("plant", MACHINE)
def test_a_busy_machine_or_a_set_clock_is_the_machine_alone(tell: Callable[[], Story], plant: Callable[[Story], None]) -> None:
    """Each of them by itself."""
    story = tell()
    plant(story)
    verdict = judged(story)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert verdict.machine_alone, verdict.reasons


def a_gap(story: Story) -> None:
    """A log may have lost something."""
    story.gaps.append(Gap(Stream.QUEUE_PROXY, "", at(1, 2), at(1, 3), "cut"))


def a_silent_stream(story: Story) -> None:
    """Nothing was ever seen of the events."""
    story.drop(lambda one: one.stream is Stream.EVENTS)


def a_cycle_given_up(story: Story) -> None:
    """The service did not do what the cycle needed."""
    story.cycles[1] = replace(story.cycles[1], given_up="no recovery", recovered_ns=0)


def a_killed_generator(story: Story) -> None:
    """Nobody knows what it would have sent."""
    story.generators[1] = replace(story.generators[1], ended_by="running")


def a_capped_generator(story: Story) -> None:
    """A request was not sent because too many waited for an answer."""
    story.request(1, at(1, 3), Outcome.NOT_SENT, status=0, answer=-1)


def a_failure_nobody_explains(story: Story) -> None:
    """An answer without the line that proves its cause."""
    story.request(1, at(1, 8), Outcome.HTTP_ERROR, status=502, answer=BAD)


EVIDENCE = (a_gap, a_silent_stream, a_cycle_given_up, a_killed_generator, a_capped_generator, a_failure_nobody_explains)


@pytest.mark.parametrize("plant", EVIDENCE)
@pytest.mark.parametrize("machine", [lambda _story: None, one_cycle_late, clock_set_in_a_cycle], ids=["calm", "late", "clock"])
def test_a_doubt_of_evidence_is_never_excused(plant: Callable[[Story], None], machine: Callable[[Story], None]) -> None:
    """Neither by itself nor beside what the machine did."""
    story = restarts()
    plant(story)
    machine(story)
    verdict = judged(story)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert not verdict.machine_alone, verdict.reasons


def test_a_deviation_in_a_cycle_that_counts_is_never_excused() -> None:
    """Measured again it might not show: then the outcome would have decided which run counts."""
    story = calm()
    late(story, 0)
    story.pod("pod-1", at(1, 8), restarts=1, since_ns=at(1, 7))
    verdict = judged(story)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert Observed.BROKEN in {claim.observed for claim in verdict.claims}
    assert not verdict.machine_alone, verdict.reasons


def test_a_claim_that_the_counted_cycles_leave_open_is_never_excused() -> None:
    """It is undecided by what was seen, not for want of a cycle."""
    story = restarts()
    late(story, 0)
    story.pod("pod-1", at(1, 7.6), ready=False)
    story.pod("pod-1", at(1, 10.5), restarts=1, since_ns=at(1, 8.0))
    verdict = judged(story)
    assert any("did not stay Ready" in reason for reason in verdict.reasons)
    assert not verdict.machine_alone, verdict.reasons


@pytest.mark.parametrize("tell", [restarts, calm])
def test_a_decided_run_is_not_inconclusive_by_the_machine(tell: Callable[[], Story]) -> None:
    """Nor is one in which a voided cycle was replaced."""
    story = tell()
    assert not judged(story).machine_alone
    story.spec(cycles=1)
    stolen(story, 0)
    verdict = judged(story)
    assert verdict.ruling is Ruling.PASS
    assert not verdict.machine_alone


def test_a_reason_is_its_words() -> None:
    """It compares, travels and is written as text, and text that nobody classified is of the evidence."""
    reason = Reason("late", ReasonKind.MACHINE)
    assert reason == "late"
    for same in (copy.deepcopy(reason), pickle.loads(pickle.dumps(reason))):  # noqa: S301 - our own
        assert (same, Reason.kind_of(same)) == ("late", ReasonKind.MACHINE)
    assert Reason.kind_of("late") is Reason.kind_of(Reason("late")) is ReasonKind.EVIDENCE
