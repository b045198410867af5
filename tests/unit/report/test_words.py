"""The words of the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.judge.algebra import rule
from harness.model import Cause, Observed, Outcome, Reason, ReasonKind, Ruling
from harness.report import words
from harness.report.summary import summary


def made(case: Any) -> Any:
    """The summary of a case."""
    return summary(case.history, case.findings, case.verdict, artifacts={})


@pytest.mark.parametrize(
    ("expected", "observed", "state"),
    [
        ("holds", "holds", "as-expected"),
        ("broken", "broken", "known-bug"),
        ("holds", "broken", "worse"),
        ("broken", "holds", "fixed"),
        ("holds", "undecided", "undecided"),
        ("broken", "undecided", "undecided"),
    ],
)
def test_each_pair_of_expected_and_seen_has_a_word(expected: str, observed: str, state: str, s1: Any) -> None:
    """The whole table."""
    claim = made(s1)["claims"][0]
    claim |= {"expected": expected, "observed": observed}
    assert words.claim_state(claim) == state
    assert words.CLAIM_STATES[state]


def test_each_outcome_and_cause_has_words() -> None:
    """A new member of the model without words would be shown raw."""
    assert {o.value for o in Outcome} - {"http-error"} == set(words.OUTCOMES)
    assert {c.value for c in Cause} == set(words.CAUSES)
    assert set(Ruling) == set(words.RULINGS)


def test_the_headline_says_in_which_way_a_run_was_not_as_expected(s1: Any) -> None:
    """Worse and fixed are two different pieces of news."""
    found = made(s1)
    found["verdict"] = "regression"
    found["claims"][0]["observed"] = Observed.HOLDS.value
    assert words.headline(found) == "Not as expected: 1 known bug gone."
    found["claims"][1]["observed"] = Observed.BROKEN.value
    assert words.headline(found) == "Not as expected: 1 claim worse and 1 known bug gone."


def test_the_headline_says_that_the_machine_alone_is_the_reason(s1: Any) -> None:
    """Only where every reason is of the machine: one doubt of the evidence beside it, and the run is not excused."""
    late = Reason("2 of 5 cycles count (cycle 0: pacing p99 9000 us > 5000 us)", ReasonKind.MACHINE)
    for doubts, said in (
        ((late,), f"Inconclusive because of the machine alone: {late}."),
        ((late, "a gap"), words.RULINGS[Ruling.INCONCLUSIVE]),
    ):
        verdict = rule(doubts, s1.verdict.claims)
        found = made(replace(s1, verdict=verdict))
        assert words.headline(found) == said
        assert found["reasons"][0] == late


def test_an_interrupted_run_says_so(s1: Any) -> None:
    """Before anything else."""
    found = made(s1)
    found["interrupted"] = "Ctrl-C in cycle 2"
    assert words.headline(found).startswith("The run was interrupted")


@pytest.mark.parametrize(
    "key", ["attributed", "unattributed", "client_failures", "matched", "unmatched", "queue_proxy_refused_lines"]
)
def test_a_number_changed_in_the_ledger_is_noticed(key: str, s1: Any) -> None:
    """Both columns are added up, whatever number is wrong."""
    found = made(s1)
    assert words.imbalance(found) == []
    found["ledger"][key] += 1
    assert words.imbalance(found)


@pytest.mark.parametrize(
    ("lo", "hi", "said"),
    [(2.31, 2.312, "+2.31 s"), (-0.5, -0.5, "-0.50 s"), (2.0, 3.0, "+2.00 to +3.00 s"), (0.0, 0.002, "+0.00 s")],
)
def test_an_offset_shows_its_bracket_where_one_can_see_it(lo: float, hi: float, said: str) -> None:
    """Narrow brackets as one number."""
    assert words.offset(lo, hi) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.42, "0.4 s"), (45.2, "45 s"), (99.9, "100 s"), (119.6, "2 min 00 s"), (3725.0, "62 min 05 s"), (None, "unknown")],
)
def test_a_duration_reads_well(seconds: float | None, said: str) -> None:
    """From tenths of a second to an hour."""
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("us", "said"), [(42.0, "42 us"), (1500.0, "1.5 ms"), (2_500_000.0, "2.50 s"), (None, "unknown")])
def test_lateness_has_the_unit_one_reads_best(us: float | None, said: str) -> None:
    """Microseconds, milliseconds, seconds."""
    assert words.micros(us) == said


def test_hostile_text_becomes_one_visible_line(hostile: str) -> None:
    """Nothing of it is lost but what one cannot see anyway."""
    shown = words.plain(hostile + "\nnext\u2028line")
    assert shown.isprintable()
    assert '<script>alert("x")</script>' in shown
