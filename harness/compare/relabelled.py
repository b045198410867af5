"""How often the test finds a difference where there is none: blocks of measured experiments under every other labelling.

If blocks of one arm differ from each other more than cycles of one block do (a deployment or a session has an effect of its own),
cycles are not exchangeable and the test rejects more often than its level. To exchange the labels of whole blocks keeps that
effect and removes the arm's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

from harness.compare.arrangements import Stratum, arrangements
from harness.compare.cycles import ComparedCycle, strata_of
from harness.model import BASE, HEAD


def labellings(cycles: Sequence[ComparedCycle]) -> Iterator[tuple[ComparedCycle, ...]]:
    """The cycles of one scenario under each labelling of their blocks, with as many of either arm in each stratum as were measured.

    The measured labelling is among them. Of the first half each one is mirrored (the arms exchanged) in the second half.
    """
    blocks: dict[int, list[str]] = {}
    heads: dict[int, set[str]] = {}
    for one in cycles:
        blocks.setdefault(one.stratum, [])
        if one.block not in blocks[one.stratum]:
            blocks[one.stratum].append(one.block)
        if one.arm == HEAD:
            heads.setdefault(one.stratum, set()).add(one.block)
    strata = [combinations(sorted(names), len(heads.get(stratum, ()))) for stratum, names in sorted(blocks.items())]
    for chosen in product(*map(list, strata)):
        as_head = {(stratum, name) for stratum, names in zip(sorted(blocks), chosen, strict=True) for name in names}
        yield tuple(replace(one, arm=HEAD if (one.stratum, one.block) in as_head else BASE) for one in cycles)


def relabelled(cycles: Sequence[ComparedCycle], reading: str) -> Iterator[tuple[Stratum, ...]]:
    """The strata of a reading under each of the labellings. Raises ValueError if a value is not known."""
    return (strata_of(labelled, reading) for labelled in labellings(cycles))


def p_values(cycles: Sequence[ComparedCycle], reading: str) -> list[float]:
    """The two-sided p-value of "no difference" under each labelling."""
    found = []
    for strata in relabelled(cycles, reading):
        done = arrangements(strata)
        found.append(min(1.0, 2 * min(done.p_above(0.0), done.p_below(0.0))))
    return found
