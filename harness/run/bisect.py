"""Which release changed the state of a bug, or of a claim of a scenario: the search over releases, each examined on its cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from harness.catalogue import SCENARIOS, scenario
from harness.catalogue.bugs import BUGS, Bug, bug_named
from harness.catalogue.bugs.of_scenario import of_scenario
from harness.errors import BadInput
from harness.model import BugState, Cell, Decided, KnativeVersion
from harness.run.bisection import Interval, NoAnswer, SameAnswer, bisect
from harness.run.surroundings import Surroundings, differences

ANSWERS = frozenset({BugState.PRESENT, BugState.ABSENT})
"""The states that a search can go by; any other one skips its release."""


@dataclass(frozen=True, slots=True)
class Bisected:
    """What a search found. versions: all candidates, old to new. cells: by version, of those examined."""

    bug: Bug
    versions: tuple[KnativeVersion, ...]
    cells: dict[KnativeVersion, Cell]
    interval: Interval[BugState]

    @property
    def old(self) -> Cell:
        """The newest release that answers as the old end."""
        return self.cells[self.versions[self.interval.old]]

    @property
    def new(self) -> Cell:
        """The oldest release that answers as the new end."""
        return self.cells[self.versions[self.interval.new]]

    def lines(self) -> list[str]:
        """For people: what is sure, the evidence of both ends, and what was skipped between them."""
        what = "introduced" if self.new.decided.state is BugState.PRESENT else "fixed"
        if self.interval.exact:
            head = f"{self.bug.id} was {what} in {self.new.version}: the release before it that can be had is {self.old.version}."
        else:
            head = f"{self.bug.id} was {what} after {self.old.version} and not after {self.new.version}."
        lines = [head]
        for cell in (self.old, self.new):
            lines += [f"  {cell.version}: {cell.decided.state}. {cell.decided.why}", f"    evidence: {cell.evidence}"]
        for index in self.interval.skipped:
            version = self.versions[index]
            skipped = self.cells[version]
            by = f" by {skipped.decided.masked_by}" if skipped.decided.masked_by else ""
            lines.append(f"  {version}: skipped, {skipped.decided.state}{by}. {skipped.decided.why}")
        return lines


def searched(name: str, claim: str = "") -> Bug:
    """What a user wants searched: a bug of the corpus, or a claim of a scenario. Raises BadInput with the names there are."""
    if name.upper() in BUGS:
        if claim:
            raise BadInput(f"{name.upper()} is a bug and has no claims.", fix="Leave --claim out, or name a scenario.")
        return bug_named(name)
    if name.upper() in SCENARIOS:
        return of_scenario(scenario(name), claim)
    known = f"bugs {', '.join(BUGS)}; scenarios {', '.join(SCENARIOS)}"
    raise BadInput(f"There is neither a bug nor a scenario {name!r}; there are: {known}.", fix="Name one of them.")


def candidates(old: KnativeVersion, new: KnativeVersion, known: Sequence[KnativeVersion]) -> tuple[KnativeVersion, ...]:
    """The releases of a search, old to new: both ends and what can be had between them. Raises BadInput for ends in wrong order."""
    if not old < new:
        raise BadInput(f"{old} is not older than {new}.", fix="Give the older release with --old; either end may have the bug.")
    return tuple(sorted({old, new, *(version for version in known if old < version < new)}))


def search(
    bug: Bug,
    versions: Sequence[KnativeVersion],
    examine: Callable[[KnativeVersion], Cell],
    *,
    stored: Collection[KnativeVersion] = (),
    around: Callable[[Cell], Surroundings] = lambda _cell: Surroundings(),
) -> Bisected:
    """Examine the ends, then the middle, until nothing between two different answers is left to examine.

    stored: those whose examination is a look at what is stored; they are asked first, for each of the others needs a cluster.
    around: what stood around Knative in an examination. One that differs from that of the old end answers nothing: Knative may not
    be what changed the answer. Raises BadInput, one line, when an end decides nothing, or both ends agree or are not comparable.
    """
    cells: dict[KnativeVersion, Cell] = {}

    def answer(index: int) -> BugState | None:
        version = versions[index]
        cells[version] = cell = examine(version)
        if cell.decided.state not in ANSWERS:
            return None
        others = differences(around(cells[versions[0]]), around(cell))
        if others:
            why = f"not comparable with {versions[0]}, for more than Knative differs: {'; '.join(others)}"
            cells[version] = replace(cell, decided=Decided(BugState.INCONCLUSIVE, why))
            return None
        return cell.decided.state

    try:
        interval = bisect(len(versions), answer, free=[index for index, one in enumerate(versions) if one in stored])
    except SameAnswer as same:
        both = f"{bug.id} is {same} on both {versions[0]} and {versions[-1]}: no release between them is known to have changed it."
        raise BadInput(both, fix="Choose ends that differ.", where=cells[versions[-1]].evidence) from same
    except NoAnswer as none:
        cell = cells[versions[none.index]]
        by = f" by {cell.decided.masked_by}" if cell.decided.masked_by else ""
        raise BadInput(
            f"{bug.id} is {cell.decided.state}{by} on {cell.version}: {cell.decided.why.rstrip('.')}.",
            fix="Choose an end on which it is present or absent; --again examines once more what is stored.",
            where=cell.evidence,
        ) from none
    return Bisected(bug, tuple(versions), cells, interval)
