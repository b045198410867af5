"""A claim over several cycles, and the judge as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.errors import BadInput
from harness.judge import CHECKS, judge, require_checks
from harness.judge.checks import Check
from harness.judge.claims import decide
from harness.model import CycleFindings, Expectation, FaultSpec, Observed, Reading, Ruling, RunSpec, ServiceSpec
from tests.unit.judge.cases import calm, claim, cycle, findings

H, B = Expectation.HOLDS, Expectation.BROKEN
HOLDS, BROKEN, UNDECIDED = Observed.HOLDS, Observed.BROKEN, Observed.UNDECIDED


def told(observed: Sequence[Observed], expected: Expectation) -> tuple[Observed, str]:
    """What a check that says these things, cycle by cycle, comes to."""
    cycles = [cycle(index) for index in range(len(observed))]
    result = decide(
        claim("as-told", expected), cycles, {"as-told": Check(frozenset(), lambda one: Reading(observed[one.index], "told"))}
    )
    return result.observed, result.why


@pytest.mark.parametrize(
    ("seen", "if_holds", "if_broken"),
    [
        ((), UNDECIDED, UNDECIDED),
        ((HOLDS,), HOLDS, HOLDS),
        ((BROKEN,), BROKEN, BROKEN),
        ((UNDECIDED,), UNDECIDED, UNDECIDED),
        ((HOLDS, HOLDS), HOLDS, HOLDS),
        ((BROKEN, BROKEN), BROKEN, BROKEN),
        ((HOLDS, BROKEN), BROKEN, UNDECIDED),
        ((BROKEN, UNDECIDED), BROKEN, UNDECIDED),
        ((HOLDS, UNDECIDED), UNDECIDED, UNDECIDED),
        ((HOLDS, BROKEN, UNDECIDED), BROKEN, UNDECIDED),
    ],
)
def test_cycles_together(seen: tuple[Observed, ...], if_holds: Observed, if_broken: Observed) -> None:
    """One broken cycle breaks what should hold; a bug must show in all cycles, or in none to be gone."""
    assert told(seen, H)[0] is if_holds
    assert told(seen, B)[0] is if_broken
    assert told(seen[::-1], H)[0] is if_holds
    assert told(seen[::-1], B)[0] is if_broken


def test_a_mixed_bug_is_told_by_its_share() -> None:
    """Neither there nor gone: k of n."""
    assert told((BROKEN, HOLDS, HOLDS), B) == (UNDECIDED, "broken in only 1 of 3 cycles: told (cycle 0); told (cycles 1, 2)")


def test_no_cycle_no_decision() -> None:
    """An empty run shows nothing."""
    assert told((), H) == (UNDECIDED, "no cycle counts")


def test_an_unknown_check_is_bad_input_before_a_run() -> None:
    """It is told which there are; known ones pass."""
    require_checks([claim(check) for check in CHECKS])
    with pytest.raises(BadInput, match=r"check 'no-such', which there is not.*Use one of: .*no-restart"):
        require_checks([claim(), claim("no-such")])


def test_an_unknown_check_decides_nothing() -> None:
    """In what was recorded it is undecided, with the checks there are, with and without cycles."""
    for cycles in ([], [cycle(0)]):
        result = decide(claim("no-such"), cycles)
        assert result.observed is UNDECIDED
        assert result.why.startswith("there is no check 'no-such'; there are container-restarts-once, ")


def test_a_crashing_check_decides_nothing() -> None:
    """A crash is undecided, with its name, whatever the other cycles say and whatever is expected."""

    def crashes(seen: CycleFindings) -> Reading:
        return Reading(HOLDS, "well") if seen.index else Reading(HOLDS, str(1 // 0))

    for expected in Expectation:
        result = decide(claim("crashes", expected), [cycle(0), cycle(1)], {"crashes": Check(frozenset(), crashes)})
        assert result.observed is UNDECIDED
        assert "the check crashed with ZeroDivisionError" in result.why


SPEC = RunSpec(
    scenario="x",
    title="x",
    service=ServiceSpec(),
    fault=FaultSpec(),
    claims=(claim("no-restart"), claim("requests-do-not-fail")),
)


def test_the_judge_passes_what_is_as_expected() -> None:
    """Both claims in both cycles."""
    verdict = judge(SPEC, findings(calm(0), calm(1)))
    assert verdict.ruling is Ruling.PASS
    assert [one.claim for one in verdict.claims] == list(SPEC.claims)


def test_voided_cycles_are_not_asked() -> None:
    """What failed while the generator was late says nothing; if nothing else is left, nothing is decided."""
    late = cycle(1, voided="pacing")
    assert judge(SPEC, findings(calm(0), late)).ruling is Ruling.PASS
    assert judge(SPEC, findings(late)).ruling is Ruling.INCONCLUSIVE


def test_a_doubt_keeps_the_judge_from_deciding() -> None:
    """Pass and regression alike."""
    assert judge(SPEC, findings(calm(0), doubts=("d",))).ruling is Ruling.INCONCLUSIVE
    assert judge(SPEC, findings(cycle(0), doubts=("d",))).ruling is Ruling.INCONCLUSIVE
    assert judge(SPEC, findings(cycle(0))).ruling is Ruling.REGRESSION


def test_a_recorded_claim_that_cannot_be_checked_is_told() -> None:
    """The run is inconclusive for it, and the other claims are still decided."""
    verdict = judge(replace(SPEC, claims=(claim("nonsense"), *SPEC.claims)), findings(calm(0)))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert [one.observed for one in verdict.claims] == [UNDECIDED, HOLDS, HOLDS]
    assert verdict.reasons[0].startswith("nonsense: there is no check 'nonsense'")
