"""All planned readings at one look, corrected for their number, and what they come to.

At each of K looks the error probabilities are the K-th part of the design's. Whatever the dependence of the looks, the probability
of a wrong decision at any of them is then at most the sum (Bonferroni), and the comparison may end at any look. This spends a
little more than the boundaries of Pocock (1977) and needs no normal distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.compare.correction import holm
from harness.compare.cycles import ComparedCycle, strata_of
from harness.compare.deciding import Levels, Tested, change_of, is_not_worse, tested
from harness.model import BASE, HEAD, Change, Comparison, Design, Difference, Planned

WORDS = {
    Change.WORSE: "worse by more than the margin",
    Change.BETTER: "better by more than the margin",
    Change.SAME: "the difference is smaller than the margin",
    Change.INCONCLUSIVE: "a difference larger than the margin is neither shown nor excluded",
}

NOT_WORSE = "not worse by more than the margin; whether it is better by more is neither shown nor excluded"


def compared(design: Design, cycles: Sequence[ComparedCycle], look: int, reasons: Sequence[str] = ()) -> Comparison:
    """The comparison at this look (from 1), over the cycles measured until then.

    cycles: counted ones, in the order of measuring. reasons: what the evidence lacks; with one, the comparison is inconclusive.
    """
    levels = Levels(design.alpha / design.looks, design.alpha_same / design.looks, design.power, len(design.planned))
    seen = [one for one in cycles if one.look <= look]
    lacking = [*reasons, *_lacking(design, seen, look)]
    sides = [_both(planned, seen) for planned in design.planned]
    done = [_tested(planned, _of(planned, seen), levels) for planned in design.planned]
    corrected = iter(holm([one.p for one in done if one], tests=levels.tests))
    differences = [
        _difference(planned, side, one, next(corrected) if one else 1.0, levels, _unknown(planned, seen))
        for planned, side, one in zip(design.planned, sides, done, strict=True)
    ]
    changes = {(one.planned.scenario, one.planned.reading): one.change for one in differences}
    differences = [_gated(one, changes) for one in differences]
    return Comparison(
        look=look,
        alpha=levels.alpha,
        alpha_same=levels.alpha_same,
        change=Change.INCONCLUSIVE if lacking else _overall(differences),
        differences=tuple(differences),
        reasons=tuple(dict.fromkeys(lacking)),
    )


def _tested(planned: Planned, cycles: Sequence[ComparedCycle], levels: Levels) -> Tested | None:
    """None: a value is not known, or a stratum has one arm alone."""
    if any(one.values.get(planned.reading) is None for one in cycles):
        return None
    strata = strata_of(cycles, planned.reading)
    return tested(planned, strata, levels) if strata and all(one.base and one.head for one in strata) else None


def _overall(differences: Sequence[Difference]) -> Change:
    """One that is worse decides. One that is better does, if every other one is shown not to be worse. Else all must be equal."""
    deciding = [one for one in differences if one.decides]
    changes = {one.change for one in deciding}
    if Change.WORSE in changes:
        return Change.WORSE
    if Change.BETTER in changes and all(one.change is Change.BETTER or one.not_worse for one in deciding):
        return Change.BETTER
    return Change.SAME if changes == {Change.SAME} else Change.INCONCLUSIVE


def _of(planned: Planned, cycles: Sequence[ComparedCycle]) -> list[ComparedCycle]:
    return [one for one in cycles if one.scenario == planned.scenario]


def _both(planned: Planned, cycles: Sequence[ComparedCycle]) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    own = _of(planned, cycles)
    base, head = (tuple(one.values.get(planned.reading) for one in own if one.arm == arm) for arm in (BASE, HEAD))
    return base, head


def _lacking(design: Design, cycles: Sequence[ComparedCycle], look: int) -> list[str]:
    """Fewer cycles than planned, or a stratum with one arm alone."""
    found = []
    for scenario in design.scenarios:
        own = [one for one in cycles if one.scenario == scenario]
        for arm in (BASE, HEAD):
            counted = sum(one.arm == arm for one in own)
            if counted != design.cycles * look:
                found.append(f"{scenario}, {arm}: {counted} cycles count, planned were {design.cycles * look}")
        strata = {one.stratum for one in own}
        if any({one.arm for one in own if one.stratum == stratum} != {BASE, HEAD} for stratum in strata):
            found.append(f"{scenario}: cycles of one arm have none of the other beside them")
    return found


def _unknown(planned: Planned, cycles: Sequence[ComparedCycle]) -> str:
    """Why the reading cannot be compared; "": its value is known in every cycle."""
    missing = [one for one in _of(planned, cycles) if one.values.get(planned.reading) is None]
    if not missing:
        return ""
    why = missing[0].why.get(planned.reading, "")
    return f"not known in {len(missing)} of {len(_of(planned, cycles))} cycles" + (f", for example: {why}" if why else "")


def _difference(
    planned: Planned,
    sides: tuple[tuple[float | None, ...], tuple[float | None, ...]],
    done: Tested | None,
    corrected: float,
    levels: Levels,
    unknown: str,
) -> Difference:
    if done is None:
        return Difference(planned, *sides, Change.INCONCLUSIVE, unknown or "the evidence is incomplete")
    change, not_worse = change_of(planned, done, corrected, levels.alpha), is_not_worse(planned, done)
    return Difference(
        planned=planned,
        base=sides[0],
        head=sides[1],
        change=change,
        why=NOT_WORSE if change is Change.INCONCLUSIVE and not_worse else WORDS[change],
        value=done.value,
        interval=done.interval,
        within=done.within,
        p=done.p,
        corrected=corrected,
        detectable=done.detectable,
        not_worse=not_worse,
    )


def _gated(one: Difference, changes: dict[tuple[str, str], Change]) -> Difference:
    """Where another number of requests failed, other requests were answered, and their times are not comparable."""
    other = one.planned.only_if_same
    if not other or changes[one.planned.scenario, other] is Change.SAME:
        return one
    why = f"{one.why}; it does not decide, because {other} is not the same: other requests were answered"
    return replace(one, why=why, decides=False)
