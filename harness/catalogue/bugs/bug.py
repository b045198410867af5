"""What an entry of the corpus is: a bug as data, and the pure function that recognises it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.model import BugState, Claimed, Decided, Scenario, Seen, Trial


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug.

    provoked_by: a trial, or a scenario where the bug shows itself under measured load. signature: PRESENT only if the bug was seen,
    ABSENT only if the right behaviour was seen, else INCONCLUSIVE; it is asked again after each look until it decides, and later of
    the stored evidence. claimed: see `Claimed`. maskers: ids of bugs that may keep this one from being provoked; whether one does
    is decided by its own signature, on the same evidence or by its cell on the same stack.
    """

    id: str
    title: str
    source: str
    provoked_by: Trial | Scenario
    signature: Callable[[Seen], Decided]
    claimed: Claimed
    maskers: tuple[str, ...] = ()


def present(why: str) -> Decided:
    """The bug was seen."""
    return Decided(BugState.PRESENT, why)


def absent(why: str) -> Decided:
    """The right behaviour was seen where the bug would show itself."""
    return Decided(BugState.ABSENT, why)


def not_applicable(why: str) -> Decided:
    """The version does not have what the bug is in."""
    return Decided(BugState.NOT_APPLICABLE, why)


def inconclusive(why: str) -> Decided:
    """Neither was seen, so far."""
    return Decided(BugState.INCONCLUSIVE, why)
