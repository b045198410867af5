"""The words of the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from harness.model import Cause, Outcome
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


@pytest.mark.parametrize(
    ("expected", "observed", "why", "shown"),
    [
        ("holds", "holds", "holds in 5 of 5 cycles: none: 0", "it holds in 5 of 5 cycles, as expected: none: 0"),
        ("broken", "broken", "broken in 5 of 5 cycles: why", "it is broken in 5 of 5 cycles, as expected of a known bug: why"),
        ("holds", "holds", "0.5 of the cycles, within [0.2, 0.8]", "it: 0.5 of the cycles, within [0.2, 0.8], as expected"),
    ],
)
def test_a_pass_says_what_was_found_and_that_it_was_expected(expected: str, observed: str, why: str, shown: str, s1: Any) -> None:
    """In one sentence for each claim. The summary keeps the judge's own words."""
    found: Any = made(s1)
    claims = [{**found["claims"][0], "id": "it", "expected": expected, "observed": observed, "why": why}]
    judged: Any = {**found, "claims": claims, "reasons": ["judged"]}
    assert words.reasons(judged) == [shown]
    judged["verdict"] = "inconclusive"
    assert words.reasons(judged) == ["judged"]


def test_each_outcome_and_cause_has_words() -> None:
    """A new member of the model without words would be shown raw."""
    assert {o.value for o in Outcome} - {"http-error"} == set(words.OUTCOMES)
    assert {c.value for c in Cause} == set(words.CAUSES)


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
