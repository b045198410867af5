"""One claim over all cycles that count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from harness.errors import BadInput
from harness.judge.checks import CHECKS, Check
from harness.judge.numbers import NUMBERS
from harness.judge.rates import decide_rate
from harness.model import Cause, ClaimResult, CycleFindings, Expectation, Observed, Reading, Reason, ReasonKind, ResolvedClaim


def decide(claim: ResolvedClaim, cycles: Sequence[CycleFindings], checks: Mapping[str, Check] = CHECKS) -> ClaimResult:
    """The result of the claim over these cycles. cycles: those that count.

    One broken cycle breaks a claim that is expected to hold. A claim that is expected to be broken must be broken in every cycle;
    if it is broken in some cycles only, it is undecided. A claim about a rate is decided by the share of cycles or requests
    (`rates`). A claim with bounds is about a number of each cycle (`numbers`). A check that crashes, or that is not registered, is
    undecided, so that every recorded run can be judged.
    """
    check = _check(claim, checks)
    if check is None:
        known = ", ".join(sorted(NUMBERS if claim.bounds else checks))
        return ClaimResult(claim, Observed.UNDECIDED, f"there is no check {claim.check!r}; there are {known}")
    readings = {cycle.index: _reading(check, cycle) for cycle in cycles}
    details = _details([(index, one.observed, one.why) for index, one in readings.items()])
    if claim.rate is not None:
        observed, head, share = decide_rate(claim.rate, readings, cycles)
        return ClaimResult(claim, observed, f"{head}: {details}" if details else head, readings, share)
    observed, head = _combined(claim.expected, [one.observed for one in readings.values()])
    return ClaimResult(claim, observed, f"{head}: {details}" if details else head, readings)


def require_checks(claims: Iterable[ResolvedClaim], checks: Mapping[str, Check] = CHECKS) -> None:
    """Call this before a run. Raises BadInput for the first claim whose check or cause is not known; it lists the known ones."""
    for claim in claims:
        known = NUMBERS if claim.bounds else checks
        if claim.check not in known:
            raise BadInput(
                f"The claim {claim.id!r} names the check {claim.check!r}, which there is not.",
                fix=f"Use one of: {', '.join(sorted(known))}.",
            )
        for cause in claim.bounds.causes if claim.bounds else ():
            if cause not in set(Cause):
                raise BadInput(
                    f"The claim {claim.id!r} names the cause {cause!r}, which there is not.", fix=f"Use one of: {', '.join(Cause)}."
                )


def _check(claim: ResolvedClaim, checks: Mapping[str, Check]) -> Callable[[CycleFindings], Reading] | None:
    """What reads a cycle for this claim; None: it names no check."""
    if claim.bounds is None:
        return checks.get(claim.check)
    number = NUMBERS.get(claim.check)
    return partial(number.within, claim.bounds) if number else None


def _reading(check: Callable[[CycleFindings], Reading], cycle: CycleFindings) -> Reading:
    try:
        return check(cycle)
    except Exception as error:  # noqa: BLE001 - an error in a check must not decide a claim
        return Reading(Observed.UNDECIDED, f"the check crashed with {type(error).__name__}: {error}")


def _combined(expected: Expectation, seen: Sequence[Observed]) -> tuple[Observed, str]:
    total = len(seen)
    if not total:
        return Observed.UNDECIDED, Reason("no cycle counts", ReasonKind.CONSEQUENCE)
    broken, holding, undecided = (seen.count(one) for one in (Observed.BROKEN, Observed.HOLDS, Observed.UNDECIDED))
    if holding == total:
        return Observed.HOLDS, f"holds in {total} of {total} cycles"
    if broken == total or (broken and expected is Expectation.HOLDS):
        return Observed.BROKEN, f"broken in {broken} of {total} cycles"
    if undecided:
        return Observed.UNDECIDED, f"undecided in {undecided} of {total} cycles"
    return Observed.UNDECIDED, f"broken in only {broken} of {total} cycles"


def _details(seen: Sequence[tuple[int, Observed, str]]) -> str:
    """Each distinct reason once, with its cycles; reasons of cycles in which the claim did not hold come first."""
    order = {Observed.BROKEN: 0, Observed.UNDECIDED: 1, Observed.HOLDS: 2}
    cycles: dict[tuple[int, str], list[int]] = {}
    for index, observed, why in seen:
        cycles.setdefault((order[observed], why), []).append(index)
    ranked = sorted(cycles.items(), key=lambda item: (item[0][0], item[1]))
    return "; ".join(f"{why} (cycle{'s' if len(which) > 1 else ''} {', '.join(map(str, which))})" for (_, why), which in ranked)
