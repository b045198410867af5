"""The line that says what happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.judge.algebra import rule
from harness.model import Reason, ReasonKind
from harness.report.headline import bug, headline
from harness.report.summary import summary

SERVING, KUBERNETES = "knative/serving #14980, open at 1.23", "https://github.com/kubernetes/kubernetes/issues/99286"


def made(case: Any, *claims: tuple[str, str, str, str, str], **changed: Any) -> Any:
    """The summary of a case with these claims (id, source, expected, observed, why) and these keys in place of its own."""
    found: Any = summary(case.history, case.findings, case.verdict, artifacts={})
    keys = ("id", "source", "expected", "observed", "why")
    if claims:
        found["claims"] = [dict(zip(keys, claim, strict=True)) | {"statement": claim[0]} for claim in claims]
    return found | changed


def broken(source: str, of: str = "5 of 5", name: str = "ready-pod-is-not-refused") -> tuple[str, str, str, str, str]:
    """A claim expected to be broken, and broken in so many cycles."""
    return name, source, "broken", "broken", f"broken in {of} cycles: 259 requests were refused (cycles 0, 3)"


def fixed(source: str) -> tuple[str, str, str, str, str]:
    """A claim expected to be broken that holds."""
    return "ready-pod-is-not-refused", source, "broken", "holds", "holds in 5 of 5 cycles: no request was refused"


WORSE = ("no-restart", "negative control", "holds", "broken", "broken in 2 of 5 cycles: restarts: 1 (cycles 1, 4)")
HOLDS = ("no-restart", "negative control", "holds", "holds", "holds in 5 of 5 cycles: restarts: 0")


def test_a_reproduced_bug_is_named_by_the_source_of_its_claim(s1: Any) -> None:
    """Another source, another bug: the name is no constant. One bug behind two claims is named once."""
    assert headline(made(s1)) == "REPRODUCED knative/serving #14980 in 5 of 5 cycles"
    assert headline(made(s1, broken(KUBERNETES), HOLDS)) == "REPRODUCED kubernetes/kubernetes #99286 in 5 of 5 cycles"
    twice = made(s1, broken(SERVING), broken(SERVING, name="requests-do-not-fail"))
    assert headline(twice) == "REPRODUCED knative/serving #14980 in 5 of 5 cycles"


def test_a_number_that_was_predicted_otherwise_is_neither_worse_nor_fixed(s1: Any) -> None:
    """It is not as expected, whichever side of the bounds it lies on."""
    off = ("failed-requests-timeout", "a prediction", "holds", "broken", "broken in 2 of 5 cycles: 42 requests, predicted 12 to 26")
    found = made(s1, off, verdict="regression")
    found["claims"][0]["bounds"] = [12, 26]
    assert headline(found) == "NOT AS PREDICTED: failed-requests-timeout: outside of the prediction in 2 of 5 cycles"


def test_several_bugs_are_named_each(s1: Any) -> None:
    """With one count where it is the same, else each with its own."""
    both = made(s1, broken(SERVING), broken(KUBERNETES))
    assert headline(both) == "REPRODUCED knative/serving #14980 and kubernetes/kubernetes #99286 in 5 of 5 cycles"
    apart = made(s1, broken(SERVING), broken(KUBERNETES, "3 of 5"))
    assert headline(apart) == "REPRODUCED knative/serving #14980 in 5 of 5 cycles and kubernetes/kubernetes #99286 in 3 of 5 cycles"


def test_a_broken_claim_without_an_issue_is_named_by_its_check(s1: Any) -> None:
    """A source may be prose."""
    found = made(s1, broken("seen at 1.6, not reported"))
    assert headline(found) == "REPRODUCED ready-pod-is-not-refused, broken as expected, in 5 of 5 cycles"
    listed = made(s1, broken("not reported"), broken(SERVING), broken(KUBERNETES))
    assert headline(listed).startswith(
        "REPRODUCED ready-pod-is-not-refused, broken as expected, knative/serving #14980 and kubernetes/"
    )


def test_a_run_in_which_all_holds_says_in_how_many_cycles(n1: Any) -> None:
    """The counted ones."""
    assert headline(made(n1)) == "HOLDS in 2 of 2 cycles"


def test_worse_and_fixed_are_two_pieces_of_news(s1: Any) -> None:
    """Both are said, what got worse first; the bug that is gone is named."""
    assert headline(made(s1, WORSE, verdict="regression")) == "WORSE: no-restart: broken in 2 of 5 cycles"
    gone = "FIXED knative/serving #14980: ready-pod-is-not-refused: holds in 5 of 5 cycles"
    assert headline(made(s1, fixed(SERVING), verdict="regression")) == gone
    assert (
        headline(made(s1, fixed(SERVING), HOLDS, WORSE, verdict="regression"))
        == f"WORSE: no-restart: broken in 2 of 5 cycles; {gone}"
    )
    assert headline(made(s1, fixed("prose"), verdict="regression")).startswith("FIXED: ready-pod-is-not-refused: holds")


def test_an_inconclusive_run_gives_its_first_reason(s1: Any, troubled: Any) -> None:
    """Whatever its claims saw: it never says REPRODUCED, WORSE or FIXED."""
    assert headline(made(s1, verdict="inconclusive", reasons=["a", "b"])) == "INCONCLUSIVE because a"
    assert headline(made(s1, fixed(SERVING), WORSE, verdict="inconclusive", reasons=["a"])) == "INCONCLUSIVE because a"
    assert headline(made(s1, verdict="inconclusive", reasons=[])) == "INCONCLUSIVE because the evidence does not decide"
    assert headline(made(troubled)).startswith("INCONCLUSIVE because queue-proxy's log has a gap")


def test_a_run_that_the_machine_alone_made_inconclusive_says_so(s1: Any) -> None:
    """Only where every reason is of the machine: with one doubt of the evidence beside it the run is not excused."""
    late = Reason("2 of 5 cycles count (cycle 0: pacing p99 9000 us > 5000 us)", ReasonKind.MACHINE)
    for doubts, because in (((late,), f"of this machine alone: {late}"), ((late, "a gap"), str(late))):
        found = made(replace(s1, verdict=rule(doubts, s1.verdict.claims)))
        assert headline(found) == f"INCONCLUSIVE because {because}"


def test_an_interrupt_comes_before_other_reasons(s1: Any) -> None:
    """The person who pressed Ctrl-C knows why."""
    found = made(s1, verdict="inconclusive", interrupted="Interrupted: SIGINT", reasons=["a"])
    assert headline(found) == "INCONCLUSIVE because the run was interrupted: Interrupted: SIGINT"


def test_hostile_text_stays_one_visible_line(s1: Any, hostile: str) -> None:
    """A reason may come from a log."""
    assert headline(made(s1, verdict="inconclusive", reasons=[f"{hostile}\nnext"])).isprintable()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("knative/serving #14980, open at 1.23", "knative/serving #14980"),
        ("knative/serving#14980", "knative/serving #14980"),
        ("see https://github.com/knative-extensions/net-kourier/pull/838.", "knative-extensions/net-kourier #838"),
        ("knative/serving #1, mended by knative/serving #2", "knative/serving #1"),
        ("https://github.com/a/b/issues/7 and c/d#8", "a/b #7"),
        ("issue #14980", ""),
        ("harness/judge/checks.py", ""),
        ("https://github.com/knative/serving", ""),
        ("", ""),
    ],
)
def test_an_issue_is_read_from_a_source(source: str, name: str) -> None:
    """The first one named; a number without a repository is none."""
    assert bug(source) == name
