"""The truth table of the verdict, whole."""

from __future__ import annotations

from itertools import product

import pytest

from harness.judge.algebra import rule
from harness.model import Expectation, Observed, Ruling
from tests.unit.judge.cases import result

H, B = Expectation.HOLDS, Expectation.BROKEN
HOLDS, BROKEN, UNDECIDED = Observed.HOLDS, Observed.BROKEN, Observed.UNDECIDED
P, R, I = Ruling.PASS, Ruling.REGRESSION, Ruling.INCONCLUSIVE  # noqa: E741 - the table is read by its letters

ONE = {(H, HOLDS): P, (H, BROKEN): R, (H, UNDECIDED): I, (B, HOLDS): R, (B, BROKEN): P, (B, UNDECIDED): I}
"""One claim, no doubt: expectation and observation to ruling."""


@pytest.mark.parametrize(("expected", "observed", "ruling"), [(*pair, ruling) for pair, ruling in ONE.items()])
def test_one_claim(expected: Expectation, observed: Observed, ruling: Ruling) -> None:
    """Each expectation with each observation; with a doubt, all six are inconclusive."""
    assert rule((), [result(expected, observed)]).ruling is ruling
    assert rule(("a doubt",), [result(expected, observed)]).ruling is I


@pytest.mark.parametrize(("first", "second"), list(product(ONE, repeat=2)))
def test_two_claims(first: tuple[Expectation, Observed], second: tuple[Expectation, Observed]) -> None:
    """Inconclusive beats regression, regression beats pass; the order of claims says nothing."""
    verdict = rule((), [result(*first, "a"), result(*second, "b")])
    assert verdict.ruling is max((ONE[first], ONE[second]), key=(P, R, I).index)
    assert verdict.ruling is rule((), [result(*second, "b"), result(*first, "a")]).ruling


def test_no_claim_decides_nothing() -> None:
    """A run that claims nothing cannot pass."""
    verdict = rule((), [])
    assert verdict.ruling is I
    assert verdict.reasons == ("the scenario makes no claim",)


def test_reasons_say_what_decided() -> None:
    """Doubts first, then what is undecided, then what was seen against an expectation: nothing is hidden by a doubt."""
    claims = [result(H, BROKEN, "a"), result(B, HOLDS, "b"), result(H, UNDECIDED, "c"), result(H, HOLDS, "d")]
    assert rule(("a doubt",), claims).reasons == (
        "a doubt",
        "c: why",
        "worse: a is expected to hold; why",
        "fixed: b is expected to be broken; why",
    )
    assert rule((), claims[:2]).reasons == ("worse: a is expected to hold; why", "fixed: b is expected to be broken; why")
    assert rule((), claims[3:]).reasons == ("d: as expected: why",)


def test_every_verdict_has_a_reason() -> None:
    """No ruling stands without words."""
    for doubts, one, claimed in product(((), ("d",)), ONE, (True, False)):
        assert rule(doubts, [result(*one)] if claimed else []).reasons
