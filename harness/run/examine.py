"""One bug on one world: provoked, seen, stored, decided. And decided again from what was stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from harness import history as history_room
from harness.adapters.clock import mono_s, now_ns
from harness.catalogue import resolve
from harness.catalogue.bugs import BUGS, Bug, decide
from harness.errors import DeployError, HarnessError, HistoryError, Interrupted, WaitTimeout
from harness.history import corpus
from harness.history.layout import RUN
from harness.history.tables import nouns
from harness.model import BugState, Cell, Decided, Observation, RunMeta, Scenario, Seen, Stream, Trial
from harness.run.analysis import analyse_again
from harness.run.session import measure
from harness.run.trial import try_out
from harness.run.world import World

READ = (Stream.PODS, Stream.EVENTS, Stream.QUEUE_PROXY, Stream.ACTIVATOR)
"""The streams of a measured run that signatures read."""


def examine(bug: Bug, world: World, root: Path, *, since_ns: int = 0) -> Cell:
    """Provoke the bug on this world, or read the evidence of the same provocation on the same stack, and decide.

    root: the directory of the corpus. since_ns: stored evidence that is older is not read. The evidence, and a cell for each bug
    with the same provocation, are stored. Raises Interrupted, and BadInput or HostError when nothing could be done; that the
    workload does not stand is evidence and no error.
    """
    stack = world.stack.stack
    place = corpus.place_of(root, stack.knative, stack.id)
    begun = mono_s()
    evidence, alike = stored(bug, place, since_ns=since_ns), [bug]
    if evidence is None:
        evidence = _provoked(bug, world, place)
        alike += [other for other in BUGS.values() if other.provoked_by == bug.provoked_by and other != bug]
    seen, took_s = seen_in(evidence), round(mono_s() - begun, 1)
    where = str(evidence.resolve().relative_to(root.resolve()))
    for one in reversed(alike):
        known = known_of(corpus.read_cells(root), stack.knative, stack.id)
        cell = Cell(one.id, stack.knative, stack.id, decide(one, seen, known), where, now_ns(), took_s)
        corpus.write_cell(root, cell)
    return cell


def stored(bug: Bug, place: Path, *, since_ns: int = 0) -> Path | None:
    """The newest evidence of the bug's provocation on this stack; None if there is none.

    Evidence of another stack or trial of the same name, or of a scenario that was changed since, is none; nor is that of a trial
    which ended when other signatures had decided, and this one has not.
    """
    home = place / bug.provoked_by.name
    if isinstance(bug.provoked_by, Trial):
        try:
            require_of_place(home, place)
            found = corpus.read_evidence(home)
        except HistoryError:
            return None
        whole = found.seen.ended or bug.shown(found.seen).state is not BugState.INCONCLUSIVE
        return home if found.trial == bug.provoked_by and whole and found.seen.until_ns >= since_ns else None
    for run in sorted((one for one in home.glob("*") if (one / RUN).is_file()), reverse=True):
        meta = history_room.read_meta(run)
        if not meta.interrupted and _is_of(meta, bug.provoked_by, place) and meta.anchor_utc_ns >= since_ns:
            return run
    try:  # a run whose workload never stood
        require_of_place(home, place)
        return home if corpus.read_evidence(home).seen.until_ns >= since_ns else None
    except HistoryError:
        return None


def _is_of(meta: RunMeta, scenario: Scenario, place: Path) -> bool:
    """Whether a run measured this scenario, with its present claims and load, on the stack of this place."""
    if meta.stack is None or corpus.place_of(place.parent, meta.stack.knative, meta.stack.id) != place:
        return False
    spec = resolve(scenario, meta.stack.version)
    claims = [one.id for one in spec.claims]
    was = (meta.spec.fault, meta.spec.service, meta.spec.load, [one.id for one in meta.spec.claims])
    return was == (spec.fault, spec.service, spec.load, claims)


def require_of_place(evidence: Path, place: Path) -> None:
    """Raise HistoryError for evidence that cannot be read, or was seen on another stack than the one whose directory it is in."""
    of_run = (evidence / RUN).is_file()
    stack = history_room.read_meta(evidence).stack if of_run else corpus.read_evidence(evidence).stack
    if stack is None or corpus.place_of(place.parent, stack.knative, stack.id) != place:
        seen_on = f"Knative {stack.knative}, stack {stack.id}" if stack else "an unknown stack"
        raise HistoryError(f"This evidence is of {seen_on}.", fix="Put the evidence of this stack back.", where=str(evidence))


def require_of_provocation(bug: Bug, evidence: Path) -> None:
    """Raise HistoryError for evidence of another trial or scenario: that nothing of this bug is in it says nothing."""
    if (evidence / RUN).is_file():
        name = history_room.read_meta(evidence).spec.scenario
    else:
        trial = corpus.read_evidence(evidence).trial
        name = trial.name if trial else evidence.name
    if name != bug.provoked_by.name:
        raise HistoryError(
            f"This evidence is of {name}; {bug.id} is provoked by {bug.provoked_by.name}.",
            fix="Put the evidence of this bug back.",
            where=str(evidence),
        )


def follows(bug: Bug, cell: Cell, root: Path) -> bool:
    """Whether the state of a stored cell follows from its evidence; not, if that is gone, or of another stack."""
    if not cell.evidence:
        return False
    try:
        return _anew(bug, cell, root, known_of(corpus.read_cells(root), cell.version, cell.stack)).state is cell.decided.state
    except HistoryError:
        return False


def _anew(bug: Bug, cell: Cell, root: Path, known: Mapping[str, Decided]) -> Decided:
    require_of_place(root / cell.evidence, corpus.place_of(root, cell.version, cell.stack))
    require_of_provocation(bug, root / cell.evidence)
    return decide(bug, seen_in(root / cell.evidence), known)


def seen_in(evidence: Path) -> Seen:
    """What a directory with evidence holds: a run directory, or one with evidence.json. Pure but for the files.

    Raises HistoryError.
    """
    if not (evidence / RUN).is_file():
        return corpus.read_evidence(evidence).seen
    recorded = history_room.read(evidence)
    run = analyse_again(evidence)
    rows = recorded.observations.filter(pl.col("stream").is_in([stream.value for stream in READ]))
    return Seen(
        observations=nouns(Observation, rows),
        template=recorded.meta.pod_spec,
        marks=recorded.cycles,
        findings=run.findings,
        verdict=run.verdict,
        gaps=recorded.gaps,
        until_ns=max((mark.ended_ns for mark in recorded.cycles), default=0),
        ended=True,
        error=recorded.meta.interrupted,
    )


def known_of(cells: Sequence[Cell], version: str, stack: str) -> Mapping[str, Decided]:
    """By bug, what is stored of this stack."""
    return {cell.bug: cell.decided for cell in cells if (cell.version, cell.stack) == (version, stack)}


def decided_again(cell: Cell, root: Path, known: Mapping[str, Decided]) -> Cell:
    """The cell, decided anew from its stored evidence. Raises HistoryError when that is gone, or of another stack."""
    bug = BUGS.get(cell.bug)
    if bug is None or not cell.evidence:
        return cell
    return replace(cell, decided=_anew(bug, cell, root, known))


def _provoked(bug: Bug, world: World, place: Path) -> Path:
    """Carry it out; returns where the evidence lies."""
    home = place / bug.provoked_by.name
    if isinstance(bug.provoked_by, Scenario):
        return _measured(bug.provoked_by, world, place)
    alike = [other for other in BUGS.values() if other.provoked_by == bug.provoked_by]

    def decides(seen: Seen) -> bool:
        return all(one.shown(seen).state is not BugState.INCONCLUSIVE for one in alike)

    seen = try_out(bug.provoked_by, world, decides=decides)
    corpus.write_evidence(home, corpus.Evidence(world.stack.stack, seen, bug.provoked_by, world.handle.node_image))
    return home


def _measured(scenario: Scenario, world: World, place: Path) -> Path:
    """A run; or, where its workload never stood, what is said of that."""
    try:
        return measure(scenario, world, artifacts=place).directory
    except Interrupted as early:
        if not isinstance(early.__cause__, HarnessError):
            raise
        return Path(early.where)
    except (DeployError, WaitTimeout) as error:
        home = place / scenario.name
        seen = Seen(until_ns=now_ns(), ended=True, error=str(error))
        corpus.write_evidence(home, corpus.Evidence(world.stack.stack, seen, node_image=world.handle.node_image))
        return home
