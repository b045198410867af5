"""The findings of several runs taken together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse import merged
from harness.model import Findings, Reason, ReasonKind
from tests.unit.judge.cases import calm, cycle, findings


def part(*indices: int, doubts: tuple[str, ...] = ()) -> Findings:
    """Cycles of these indices."""
    return replace(
        findings(*(cycle(index) for index in indices), doubts=doubts), sent=100, ok=90, by_outcome={"ok": 90, "reset": 10}
    )


def test_cycles_are_numbered_on_and_counts_are_added() -> None:
    """Two cycles of one index would be one."""
    both = merged([("a-1", part(0, 1)), ("a-2", part(0, 2))])
    assert [one.index for one in both.cycles] == [0, 1, 2, 4]
    assert (both.sent, both.ok, both.by_outcome) == (200, 180, {"ok": 180, "reset": 20})
    one = part(0).ledger
    assert both.ledger.client_failures == 2 * one.client_failures
    assert merged([("a-1", part(0, 1))]).cycles == part(0, 1).cycles


def test_a_doubt_of_one_run_is_a_doubt_of_all() -> None:
    """It names its run and stays of its kind."""
    late = Reason("late", ReasonKind.MACHINE)
    both = merged([("a-1", part(0, doubts=(late,))), ("a-2", part(0, doubts=("a gap",)))])
    assert both.doubts == ("a-1: late", "a-2: a gap")
    assert [Reason.kind_of(doubt) for doubt in both.doubts] == [ReasonKind.MACHINE, ReasonKind.EVIDENCE]


def test_rates_and_pacing() -> None:
    """A run without a cycle that counts has no rate to add; of quantiles the worst stands."""
    slow = replace(part(0), rate_rps=10.0, pacing_p50_us=1.0, pacing_p99_us=9.0)
    fast = replace(findings(calm(0), calm(1)), rate_rps=40.0, pacing_p50_us=2.0, pacing_p99_us=3.0)
    void = replace(findings(cycle(0, voided="late")), rate_rps=999.0, pacing_p50_us=0.0, pacing_p99_us=0.0)
    both = merged([("a", slow), ("b", fast), ("c", void)])
    assert (both.rate_rps, both.pacing_p50_us, both.pacing_p99_us) == (30.0, 2.0, 9.0)


def test_nothing_cannot_be_merged() -> None:
    """It would look like a run in which nothing failed."""
    with pytest.raises(ValueError, match="no findings"):
        merged([])
