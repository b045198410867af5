"""Combines doubts and claims into one ruling. A unit test holds the full truth table.

    any doubt                                   inconclusive
    no claim                                    inconclusive
    any claim undecided                         inconclusive
    any claim not as expected                   regression
    every claim as expected                     pass

Inconclusive takes precedence: a regression needs sufficient evidence, as a pass does. The reasons of an inconclusive run also name
each deviation from an expectation. A run with a deviation is therefore never inconclusive because of the machine alone
(`Verdict.machine_alone`): if it were measured again, its outcome would decide what counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import ClaimResult, Expectation, Observed, Reason, Ruling, Verdict


def rule(doubts: Sequence[str], claims: Sequence[ClaimResult]) -> Verdict:
    """The verdict for these doubts and claims. Its reasons are what decided, most important first. Defined for every input."""
    undecided = _undecided(claims)
    deviations = [reason for one in claims if (reason := deviation(one))]
    if doubts or undecided or not claims:
        no_claim = () if claims else ("the scenario makes no claim",)
        return Verdict(Ruling.INCONCLUSIVE, (*doubts, *no_claim, *undecided, *deviations), tuple(claims))
    if deviations:
        return Verdict(Ruling.REGRESSION, tuple(deviations), tuple(claims))
    return Verdict(Ruling.PASS, tuple(f"{one.claim.id}: as expected: {one.why}" for one in claims), tuple(claims))


def _undecided(claims: Sequence[ClaimResult]) -> list[Reason]:
    """Why claims are undecided; claims that rest on the same missing evidence are named together."""
    together: dict[str, list[ClaimResult]] = {}
    for one in claims:
        if one.observed is Observed.UNDECIDED:
            together.setdefault(one.why, []).append(one)
    return [
        Reason(f"{', '.join(one.claim.id for one in alike)}: {why}", Reason.kind_of(alike[0].why))
        for why, alike in together.items()
    ]


def deviation(result: ClaimResult) -> str:
    """How the observation departs from the expectation; "" if it does not or is undecided.

    "worse: ...", "fixed: ...", or "not as predicted: ..." of a number, which may be better or worse.
    """
    if result.claim.bounds and result.observed is Observed.BROKEN:
        return f"not as predicted: {result.claim.id}; {result.why}"
    if result.claim.expected is Expectation.HOLDS and result.observed is Observed.BROKEN:
        return f"worse: {result.claim.id} is expected to hold; {result.why}"
    if result.claim.expected is Expectation.BROKEN and result.observed is Observed.HOLDS:
        return f"fixed: {result.claim.id} is expected to be broken; {result.why}"
    return ""
