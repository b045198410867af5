"""What a comparison reads of a cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.compare.arrangements import Stratum
from harness.model import HEAD


@dataclass(frozen=True, slots=True)
class ComparedCycle:
    """One counted cycle. arm: BASE or HEAD. look: the look for which it was measured, from 1.

    stratum: cycles of one stratum were measured on the same two clusters, close to each other in time. values: by reading; None:
    not known in this cycle. why: why a value is not known, by reading. block: the name of its block.
    """

    scenario: str
    arm: str
    look: int
    stratum: int
    values: Mapping[str, float | None]
    why: Mapping[str, str]
    block: str = ""


def strata_of(cycles: Sequence[ComparedCycle], reading: str) -> tuple[Stratum, ...]:
    """The values of both arms in each stratum, in ascending order of the strata. Each value must be known."""
    found: dict[int, tuple[list[float], list[float]]] = {}
    for one in cycles:
        value = one.values[reading]
        if value is None:
            raise ValueError(f"{reading} is not known in each cycle")
        found.setdefault(one.stratum, ([], []))[one.arm == HEAD].append(value)
    return tuple(Stratum(tuple(base), tuple(head)) for _, (base, head) in sorted(found.items()))
