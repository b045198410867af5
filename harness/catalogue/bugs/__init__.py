"""The corpus: each bug as data with the pure signature that recognises it, one file each. Imports model, errors, knative and apps.

`decide` is the one place that knows what masking is.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.catalogue.bugs.b0 import B0
from harness.catalogue.bugs.b1 import B1
from harness.catalogue.bugs.b2 import B2
from harness.catalogue.bugs.b3 import B3
from harness.catalogue.bugs.b4 import B4
from harness.catalogue.bugs.b5 import B5
from harness.catalogue.bugs.b6 import B6
from harness.catalogue.bugs.b7 import B7
from harness.catalogue.bugs.b8 import B8
from harness.catalogue.bugs.b9 import B9
from harness.catalogue.bugs.b10 import B10
from harness.catalogue.bugs.b13 import B13
from harness.catalogue.bugs.b14 import B14
from harness.catalogue.bugs.b15 import B15
from harness.catalogue.bugs.b16 import B16
from harness.catalogue.bugs.b17 import B17
from harness.catalogue.bugs.bug import Bug
from harness.errors import BadInput
from harness.model import BugState, Decided, Seen

__all__ = ["BUGS", "Bug", "bug_named", "decide", "in_order"]

_LISTED = (B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B13, B14, B15, B16, B17)

BUGS: Mapping[str, Bug] = {entry.id: entry for entry in _LISTED}


def bug_named(name: str) -> Bug:
    """The entry of that id, upper or lower case. Raises BadInput with the ids there are."""
    found = BUGS.get(name.upper())
    if found is None:
        raise BadInput(f"There is no bug {name!r} in the corpus; there are: {', '.join(BUGS)}.", fix="Name one of them.")
    return found


def in_order(names: tuple[str, ...] = ()) -> tuple[Bug, ...]:
    """These bugs, all without names, each after those that may mask it: their cells are then known. Raises BadInput."""
    wanted = {bug_named(name).id for name in names} or set(BUGS)
    placed: list[Bug] = []

    def place(bug: Bug, above: tuple[str, ...]) -> None:
        for masker in bug.maskers:
            if masker in wanted and masker not in above:
                place(BUGS[masker], (*above, bug.id))
        if bug not in placed:
            placed.append(bug)

    for entry in _LISTED:
        if entry.id in wanted:
            place(entry, ())
    return tuple(placed)


def decide(bug: Bug, seen: Seen, known: Mapping[str, Decided] | None = None) -> Decided:
    """What this evidence says of the bug. known: by id, what was decided of other bugs on the same stack.

    Evidence that does not decide is MASKED if a masker's signature recognises that one in it, or the masker is known to be present.
    """
    own = bug.shown(seen)
    if own.state is not BugState.INCONCLUSIVE or not seen.ended:
        return own
    for masker in bug.maskers:
        shown = BUGS[masker].shown(seen) if masker in BUGS else None
        if shown is not None and shown.state is BugState.PRESENT:
            return Decided(BugState.MASKED, f"{own.why}; the same evidence shows {masker}: {shown.why}", masker)
        of_stack = (known or {}).get(masker)
        if of_stack is not None and of_stack.state is BugState.PRESENT:
            return Decided(BugState.MASKED, f"{own.why}; {masker} is present on this stack: {of_stack.why}", masker)
    return own
