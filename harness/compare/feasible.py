"""Whether so few cycles can show a difference at all: a test by arrangements has a smallest possible p-value."""

from __future__ import annotations

from math import comb

from harness.errors import BadInput
from harness.model import Design

MOST_CYCLES = 1000


def least_p(cycles: int, looks: int) -> float:
    """The smallest one-sided p-value of `looks` looks with `cycles` cycles of each arm before each, in two strata."""
    half = cycles // 2
    of_a_look: int = comb(2 * half, half) * comb(2 * (cycles - half), cycles - half)
    return float(1 / of_a_look**looks)


def least_cycles(planned: int, looks: int, alpha: float) -> int:
    """The smallest even number of cycles, 8 or more, with which one of so many readings can be called better or worse."""
    return next(n for n in range(8, MOST_CYCLES, 2) if 2 * planned * least_p(n, looks) <= alpha / looks)


def require_feasible(design: Design) -> None:
    """Raises BadInput for a design that could never call a reading better or worse, or that cannot be split between clusters."""
    if design.looks < 1:
        raise BadInput(f"The number of looks is {design.looks}.", fix="Ask for 1 or more.")
    if design.cycles < 2 or design.cycles % 2:
        raise BadInput(
            f"{design.cycles} cycles cannot be split evenly between two clusters.", fix="Ask for an even number of cycles."
        )
    count, level = len(design.planned), design.alpha / design.looks
    smallest = 2 * count * least_p(design.cycles, design.looks)
    if smallest > level:
        raise BadInput(
            f"With {design.cycles} cycles of each arm at each of {design.looks} looks, the smallest corrected p-value of {count} "
            f"readings is {smallest:.2g}, above {level:.2g}: no difference could be found.",
            fix=f"Ask for {least_cycles(count, design.looks, design.alpha)} cycles, or for fewer scenarios.",
        )
