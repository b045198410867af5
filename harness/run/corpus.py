"""The corpus on the cluster: every bug on every version, one version after the other, each cell stored as soon as it is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.adapters.clock import now_ns
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.progress import Progress, work_of
from harness.catalogue.bugs import Bug
from harness.cluster import down as take_down
from harness.cluster.record import known_clusters
from harness.errors import BadInput, HarnessError, HistoryError, HostError, Interrupted
from harness.history import corpus
from harness.model import DECIDED_STATES, BugState, Build, Cell, Decided, KnativeVersion
from harness.run.examine import decided_again, examine, follows, known_of
from harness.run.experiment import cluster_beside
from harness.run.world import Ask, World, prepare

CORPUS_VERSIONS = ("1.1", "1.6", "1.7", "1.13", "1.16", "1.17", "1.18", "1.20", "1.21", "1.22", "1.23")
"""The versions that the matrix is about."""


def open_cells(bugs: Iterable[Bug], version: KnativeVersion, cells: Sequence[Cell]) -> tuple[Bug, ...]:
    """The bugs that are not decided on the newest stack of this version. Pure."""
    known = corpus.newest(cells)
    return tuple(
        bug for bug in bugs if (cell := known.get((bug.id, version.text))) is None or cell.decided.state not in DECIDED_STATES
    )


def decided_versions(bug: Bug, versions: Iterable[KnativeVersion], cells: Sequence[Cell]) -> frozenset[KnativeVersion]:
    """Those of these versions on which the bug is decided already. Pure."""
    return frozenset(version for version in versions if not open_cells([bug], version, cells))


def fill(
    bugs: Sequence[Bug],
    versions: Sequence[KnativeVersion],
    ask: Ask,
    root: Path,
    *,
    state: State,
    progress: Progress,
    again: bool = False,
    keep: bool = False,
    made: Callable[[], None] = lambda: None,
) -> None:
    """Examine these bugs on these versions, version by version.

    A cell that is decided on the newest stack of its version is not examined again unless `again`. A version that cannot be made
    leaves inconclusive cells with the reason, and the next one follows. A cluster that was made for this is removed after its
    version unless `keep`. made: called after each cell. Raises Interrupted, KeyboardInterrupt; BadInput and HostError, which are of
    every version.
    """
    for version in versions:
        wanted = tuple(bugs) if again else open_cells(bugs, version, corpus.read_cells(root))
        if not wanted:
            progress.say(f"{version}: every cell is decided already; --again examines them once more")
            continue
        with cluster_of(Build(version), ask, state=state, progress=progress, keep=keep) as of_version:
            _version(wanted, version, of_version, root, state, progress, again=again, made=made)


@contextmanager
def cluster_of(build: Build, ask: Ask, *, state: State, progress: Progress, keep: bool) -> Iterator[Ask]:
    """The same asked of this build on a cluster of its own; one that is made in the block is removed after it unless `keep`.

    That it cannot be removed is said and raises nothing: what was examined stands, and the next version has another cluster.
    """
    cluster = ask.cluster if ask.context else cluster_beside(ask.cluster, build)
    there = cluster in known_clusters(state)
    try:
        yield replace(ask, build=build, cluster=cluster)
    finally:
        if cluster in known_clusters(state) and not (there or keep or ask.context):
            try:
                take_down.down(engine=Engine.detect(state, prefer=ask.engine), state=state, names=[cluster])
            except HarnessError as error:
                progress.say(f"the cluster {cluster} was not removed: {error}")


def examine_version(
    bug: Bug,
    version: KnativeVersion,
    ask: Ask,
    root: Path,
    *,
    state: State,
    progress: Progress,
    again: bool = False,
    keep: bool = False,
) -> Cell:
    """One bug on one version: the stored cell if it is decided there and follows from its evidence, else examined as `fill` does.

    Raises like `fill`.
    """
    before = corpus.newest(corpus.read_cells(root)).get((bug.id, version.text))
    if before is not None and before.decided.state in DECIDED_STATES and not follows(bug, before, root):
        progress.say(f"{version}: the stored cell does not follow from its evidence; it is examined once more")
        again = True
    fill([bug], [version], ask, root, state=state, progress=progress, again=again, keep=keep)
    return corpus.newest(corpus.read_cells(root))[bug.id, version.text]


def examine_build(bug: Bug, build: Build, ask: Ask, root: Path, *, state: State, progress: Progress, keep: bool = False) -> Cell:
    """One bug on one build, such as a checkout, whatever is stored. Raises what `prepare` and `examine` raise."""
    with cluster_of(build, ask, state=state, progress=progress, keep=keep) as of_build:
        return examine(bug, prepare(of_build, state=state, progress=progress), root, since_ns=now_ns())


def _version(
    bugs: Sequence[Bug],
    version: KnativeVersion,
    ask: Ask,
    root: Path,
    state: State,
    progress: Progress,
    *,
    again: bool,
    made: Callable[[], None],
) -> None:
    try:
        world = prepare(ask, state=state, progress=progress)
    except (Interrupted, BadInput, HostError):  # of every version: a cell would say of this one what is wrong with the host
        raise
    except HarnessError as error:
        progress.say(f"{version} cannot be made: {error}")
        for bug in bugs:
            corpus.write_cell(root, _unmade(bug, version.text, error))
        made()
        return
    begun_ns = now_ns()
    for number, bug in enumerate(bugs, 1):
        _cell(bug, world, root, progress, f"{number} of {len(bugs)}", begun_ns=begun_ns, again=again)
        made()


def _cell(bug: Bug, world: World, root: Path, progress: Progress, place: str, *, begun_ns: int, again: bool) -> None:
    """begun_ns: when this version was begun. Evidence from then on serves several bugs; again, or undecided: none from before."""
    stack = world.stack.stack
    before = corpus.newest(corpus.read_cells(root)).get((bug.id, stack.knative))
    undecided = before is not None and before.stack == stack.id and before.decided.state not in DECIDED_STATES
    try:
        with progress.step(f"{bug.id} on {stack.knative} ({place})", work=work_of("examine", bug.provoked_by)):
            cell = examine(bug, world, root, since_ns=begun_ns if again or undecided else 0)
    except Interrupted:
        raise
    except HarnessError as error:
        decided = Decided(BugState.INCONCLUSIVE, f"it could not be examined: {error}")
        cell = Cell(bug.id, stack.knative, stack.id, decided, "", now_ns())
        corpus.write_cell(root, cell)
    progress.say(f"{bug.id} on {stack.knative}: {cell.decided.state}. {cell.decided.why}")


def _unmade(bug: Bug, version: str, error: HarnessError) -> Cell:
    return Cell(bug.id, version, "", Decided(BugState.INCONCLUSIVE, f"the version cannot be made: {error.what}"), "", now_ns())


def decide_again(root: Path) -> tuple[Cell, ...]:
    """Every stored cell, decided anew from its evidence; written where the decision differs. Needs no cluster.

    Two passes: a bug is present by its own evidence alone, and only what is present masks another one. In one pass a cell could be
    masked by a state that no longer follows from any evidence (B2 and B4 may mask each other).

    A cell whose evidence is gone, damaged or of another stack is EVIDENCE_MISSING, which is undecided. Raises HistoryError for a
    damaged cell.
    """
    before = corpus.read_cells(root)
    alone = [_anew(cell, root, {}) for cell in before]
    open_states = (BugState.INCONCLUSIVE, BugState.MASKED)  # of another bug's presence nothing else depends: evidence is read once
    cells = [
        _anew(cell, root, known_of(alone, cell.version, cell.stack)) if first.decided.state in open_states else first
        for cell, first in zip(before, alone, strict=True)
    ]
    for stored, cell in zip(before, cells, strict=True):
        if stored != cell:
            corpus.write_cell(root, cell)
    return tuple(cells)


def _anew(cell: Cell, root: Path, known: Mapping[str, Decided]) -> Cell:
    """The cell, decided anew, or EVIDENCE_MISSING."""
    try:
        return decided_again(cell, root, known)
    except HistoryError as error:
        return corpus.without_evidence(cell, error.what)
