"""Whether the node got the CPUs it needed: measured seconds, calm and starved, and what becomes of a cycle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from harness.analyse import CPU_WAIT_LIMIT_US, analyse, cpu_wait_us
from harness.judge import judge
from harness.model import NodeCpu, Reason, ReasonKind, Ruling, Stream
from tests.unit.analyse.story import S, Story, calm, restarts

CALM = (261_030_816, 89_595_889, 2_484)
"""(ran_ns, waited_ns, turns) of a second of N1's steady state on a calm machine."""

BUSY = (531_753_418, 3_661_468_999, 3_387)
"""The worst second beside 16 programs in 8 groups that only compute; N1 held, and no request failed."""

STARVED = (86_714_577, 4_908_930_011, 692)
"""A second beside a test suite with three workers; half of its seconds were worse."""

Seconds = Sequence[tuple[int, int, int]]


def samples(seconds: Seconds, from_ns: int = 0) -> tuple[NodeCpu, ...]:
    """One after the other."""
    return tuple(
        NodeCpu(from_ns + at_s * S, from_ns + (at_s + 1) * S, 2, ran_ns, 180, waited_ns, turns)
        for at_s, (ran_ns, waited_ns, turns) in enumerate(seconds)
    )


def test_the_worst_second_is_what_a_cycle_waited() -> None:
    """A short burst is not averaged away."""
    assert cpu_wait_us(samples([CALM, STARVED, CALM]), 0, 3 * S) == pytest.approx(4_908_930.011 / 692)


@pytest.mark.parametrize(("second", "over"), [(CALM, False), (BUSY, False), (STARVED, True)], ids=["calm", "busy", "starved"])
def test_the_limit_lies_between_a_calm_machine_and_a_starved_node(second: tuple[int, int, int], *, over: bool) -> None:
    """As measured; docs/node-cpu.md has the numbers."""
    waited_us = cpu_wait_us(samples([second]), 0, S)
    assert waited_us is not None
    assert (waited_us > CPU_WAIT_LIMIT_US) is over


def test_a_node_that_waits_for_itself_is_no_fault_of_the_machine() -> None:
    """It had half of the two CPUs: what is measured is what keeps it busy, and may not void its own cycles."""
    own = (1_000_000_000, 60_000_000_000, 20_000)
    assert cpu_wait_us(samples([CALM, own]), 0, 2 * S) == pytest.approx(89_595.889 / 2_484)
    assert cpu_wait_us(samples([CALM, (own[0] - 1, *own[1:])]), 0, 2 * S) == pytest.approx(3_000)
    assert cpu_wait_us(samples([own]), 0, S) is None


@pytest.mark.parametrize(
    ("seconds", "until_s", "known"),
    [([], 3, False), ([CALM], 3, False), ([CALM, CALM], 4, True), ([(0, 0, 0), (0, 0, 0)], 2, False)],
    ids=["none", "a third of the cycle", "half of it", "nobody ran"],
)
def test_what_was_not_seen_is_unknown_and_not_zero(seconds: Seconds, until_s: int, *, known: bool) -> None:
    """An earlier release recorded nothing; elsewhere the node may not show."""
    assert (cpu_wait_us(samples(seconds), 0, until_s * S) is not None) is known


def test_seconds_at_the_edge_of_a_cycle_are_not_of_it() -> None:
    """Before the load the pod is made, after the recovery the logs are read again."""
    seconds = samples([STARVED, CALM, CALM, STARVED])
    assert cpu_wait_us(seconds, S // 2, 3 * S + S // 2) == pytest.approx(89_595.889 / 2_484)


def starved(story: Story, cycle: int, *, second: tuple[int, int, int] = STARVED) -> None:
    """A cycle of which one second was like this; the others were calm."""
    begun = story.cycles[cycle].load_started_ns
    length = ((story.cycles[cycle].recovered_ns or story.cycles[cycle].ended_ns) - begun) // S
    seconds = [second if number == length // 2 else CALM for number in range(length)]
    story.node_cpu += samples(seconds, begun)


@pytest.mark.parametrize("tell", [calm, restarts])
def test_a_starved_cycle_does_not_count(tell: Callable[[], Story]) -> None:
    """Whatever its requests came to: the run is inconclusive because of the machine alone."""
    story = tell()
    starved(story, 0)
    found = analyse(story.history())
    voided = [one.voided for one in found.cycles]
    assert voided[0] == "the node's daemons waited 7094 us for a CPU on average in one second > 5000 us"
    assert voided[1:] == [""] * (len(voided) - 1)
    assert Reason.kind_of(voided[0]) is ReasonKind.MACHINE
    verdict = judge(story.meta.spec, found)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert verdict.machine_alone, verdict.reasons


@pytest.mark.parametrize("landed", [True, False])
def test_a_starved_cycle_that_was_given_up_is_the_machines(*, landed: bool) -> None:
    """A node without CPU keeps no promise. What is missing of the landing only follows; without the wait both are evidence."""
    story = restarts()
    if not landed:
        story.drop(lambda one: one.stream in {Stream.EVENTS, Stream.KUBELET} and one.at_ns >= story.cycles[1].load_started_ns)
    late = "the steady state did not come within 36 s"
    story.cycles[1] = replace(story.cycles[1], given_up=late, recovered_ns=0)
    assert not judge(story.meta.spec, analyse(story.history())).machine_alone
    starved(story, 1)
    found = analyse(story.history())
    waited = "the node's daemons waited 7094 us for a CPU on average in one second > 5000 us"
    assert found.cycles[1].voided == f"given up: {late}; {waited}"
    assert f"cycle 1: given up: {late}; {waited}" in found.doubts
    verdict = judge(story.meta.spec, found)
    assert (verdict.ruling, verdict.machine_alone) == (Ruling.INCONCLUSIVE, True), verdict.reasons


def test_a_calm_cycle_counts_and_says_what_it_waited() -> None:
    """Also beside programs that take what the node leaves."""
    story = calm()
    starved(story, 0, second=BUSY)
    found = analyse(story.history())
    assert [one.voided for one in found.cycles] == [""] * len(found.cycles)
    assert found.cycles[0].cpu_wait_us == pytest.approx(3_661_468.999 / 3_387)
    assert [one.cpu_wait_us for one in found.cycles[1:]] == [None] * (len(found.cycles) - 1)
