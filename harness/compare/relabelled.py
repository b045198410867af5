"""How often the test finds a difference where there is none: blocks of measured experiments under every other labelling.

If blocks of one arm differ from each other more than cycles of one block do (a deployment or a session has an effect of its own),
cycles are not exchangeable and the test rejects more often than its level. To exchange the labels of whole blocks keeps that
effect and removes the arm's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from harness.compare.arrangements import Stratum, arrangements
from harness.compare.cycles import ComparedCycle
from harness.model import HEAD


def relabelled(cycles: Sequence[ComparedCycle], reading: str) -> Iterator[tuple[Stratum, ...]]:
    """Each labelling of the blocks of one scenario, with as many blocks of either arm in each stratum as were measured.

    The measured labelling is among them. Each value must be known.
    """
    blocks: dict[int, dict[str, list[float]]] = {}
    heads: dict[int, set[str]] = {}
    for one in cycles:
        value = one.values[reading]
        if value is None:
            raise ValueError(f"{reading} is not known in each cycle")
        blocks.setdefault(one.stratum, {}).setdefault(one.block, []).append(value)
        if one.arm == HEAD:
            heads.setdefault(one.stratum, set()).add(one.block)
    yield from product(*(list(_of_stratum(named, len(heads.get(stratum, ())))) for stratum, named in sorted(blocks.items())))


def _of_stratum(blocks: dict[str, list[float]], heads: int) -> Iterator[Stratum]:
    for chosen in combinations(sorted(blocks), heads):
        base = [value for name, values in blocks.items() if name not in chosen for value in values]
        yield Stratum(tuple(base), tuple(value for name in chosen for value in blocks[name]))


def p_values(cycles: Sequence[ComparedCycle], reading: str) -> list[float]:
    """The two-sided p-value of "no difference" under each labelling."""
    found = []
    for strata in relabelled(cycles, reading):
        done = arrangements(strata)
        found.append(min(1.0, 2 * min(done.p_above(0.0), done.p_below(0.0))))
    return found
