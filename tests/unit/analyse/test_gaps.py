"""Which gaps keep which cycle from deciding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.judge import judge
from harness.model import NOBODY, Fact, Gap, Ruling, Stream
from tests.unit.analyse.story import at, open_questions, restarts


def gap_doubts(*gaps: Gap) -> list[str]:
    """The doubts of an otherwise whole run with these gaps; there are none exactly if it passes."""
    story = restarts()
    story.gaps += gaps
    findings = analyse(story.history())
    assert (judge(story.meta.spec, findings).ruling is Ruling.PASS) == (open_questions(findings) == ())
    return list(open_questions(findings))


def test_a_clock_that_was_set_in_a_cycle_makes_that_cycle_doubtful() -> None:
    """Every time in it may be another; at the end of the run the clock may be right again."""
    said = "clock: it was stepped by +80.0 ms"
    assert gap_doubts(Gap(Stream.CLOCK, "", at(1, 4), at(1, 4.5), said)) == [f"cycle 1: clock has a gap of 0.5 s: {said}"]


def test_a_clock_that_was_set_between_cycles_does_not() -> None:
    """Each cycle is compared with itself."""
    assert gap_doubts(Gap(Stream.CLOCK, "", at(0, 20), at(0, 20.5), "clock: it was stepped by +80.0 ms")) == []


@pytest.mark.parametrize("stream", [Stream.PODS, Stream.APP, Stream.QUEUE_PROXY])
def test_a_gap_in_which_no_known_pod_lost_anything_is_no_doubt(stream: Stream) -> None:
    """It stays in the history; the same gap of the cycle's pod is one."""
    assert gap_doubts(Gap(stream, NOBODY, at(0, 8), at(0, 9), "listed anew")) == []
    assert gap_doubts(Gap(stream, "pod-0", at(0, 8), at(0, 9), "listed anew")) != []


@pytest.mark.parametrize("pods", [1, 3])
def test_a_gap_that_names_no_pod_counts_where_there_may_be_several(pods: int) -> None:
    """A pod that nobody knows of may have come, restarted and gone: with several pods every fact about pods is unknown."""
    story = restarts()
    story.spec(service=replace(story.meta.spec.service, max_scale=pods))
    story.gaps.append(Gap(Stream.PODS, NOBODY, at(0, 8), at(0, 9), "listed anew"))
    unknown = analyse(story.history()).cycles[0].unknown
    assert ({Fact.READINESS, Fact.RESTARTS} <= set(unknown)) is (pods > 1)


def test_events_that_were_missed_are_not_missed_where_the_fault_is_proved_without_them() -> None:
    """The landing is a proof: what proves it was seen, whatever else was lost."""
    assert gap_doubts(Gap(Stream.EVENTS, "pod-0", at(0, 8), at(0, 9), "listed anew")) == []
