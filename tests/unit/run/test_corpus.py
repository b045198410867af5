"""Filling the matrix: what is examined, what is left out, and what a version that cannot be made leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.adapters.files import State
from harness.adapters.progress import QUIET
from harness.catalogue.bugs import BUGS, Bug
from harness.errors import DeployError, HostError, ImageError, Interrupted, ToolFailed
from harness.history import corpus as store
from harness.model import BugState, Cell, Decided, KnativeVersion, Seen, Stack
from harness.report import corpus as page
from harness.run import Ask, World, corpus

V16, V17 = KnativeVersion.parse("1.6"), KnativeVersion.parse("1.7")


def stack_of(version: KnativeVersion) -> Stack:
    """Of no cluster."""
    return Stack(version.text, "module", "v1.34.4", "", "", (), ())


def cell(bug: str, version: KnativeVersion, state: BugState, at_ns: int = 1, *, stack: str = "s1") -> Cell:
    """A stored one."""
    return Cell(bug, version.text, stack, Decided(state, "seen"), "", at_ns)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in order, in place of clusters. A version 1.13 cannot be made, B8 cannot be examined."""
    said: list[str] = []

    def prepare(ask: Ask, **more: Any) -> World:
        assert ask.version is not None
        said.append(f"up {ask.version} {ask.cluster}")
        if ask.version == KnativeVersion.parse("1.13"):
            raise ImageError("go build failed")
        more["state"].cluster(ask.cluster)
        return cast("World", SimpleNamespace(stack=SimpleNamespace(stack=stack_of(ask.version))))

    def examine(bug: Bug, world: World, root: Path, *, since_ns: int) -> Cell:
        stack = world.stack.stack
        said.append(f"{bug.id} {stack.knative}{' again' if since_ns else ''}")
        if bug.id == "B8":
            raise DeployError("no namespace")
        made = Cell(bug.id, stack.knative, stack.id, Decided(BugState.PRESENT, "seen"), "", 5)
        store.write_cell(root, made)
        return made

    def gone(*, names: list[str], state: State, **_more: Any) -> None:
        said.append(f"down {names[0]}")
        state.cluster(names[0]).rmdir()

    monkeypatch.setattr(corpus, "prepare", prepare)
    monkeypatch.setattr(corpus, "examine", examine)
    monkeypatch.setattr("harness.run.corpus.Engine.detect", lambda *_args, **_more: None)
    monkeypatch.setattr("harness.run.corpus.take_down.down", gone)
    return said


def fill(tmp_path: Path, bugs: list[str], versions: list[KnativeVersion], **more: Any) -> Mapping[tuple[str, str], Cell]:
    """Run it; the newest cells after it."""
    state, root = State(tmp_path / "state"), tmp_path / "corpus"
    corpus.fill([BUGS[name] for name in bugs], versions, Ask(), root, state=state, progress=QUIET, **more)
    return store.newest(store.read_cells(root))


def test_version_by_version_each_cluster_made_once_and_removed(tmp_path: Path, done: list[str]) -> None:
    """One `up` a version; what is decided is not examined again, also after an interruption."""
    cells = fill(tmp_path, ["B4", "B3"], [V16, V17])
    assert done == [
        "up 1.6.0 e2e-1-6",
        "B4 1.6.0",
        "B3 1.6.0",
        "down e2e-1-6",
        "up 1.7.0 e2e-1-7",
        "B4 1.7.0",
        "B3 1.7.0",
        "down e2e-1-7",
    ]
    assert len(cells) == 4
    done.clear()
    fill(tmp_path, ["B4", "B3"], [V16, V17])
    assert done == []
    fill(tmp_path, ["B3"], [V17], again=True, keep=True)
    assert done == ["up 1.7.0 e2e-1-7", "B3 1.7.0 again"]


def test_a_cluster_that_was_there_stays(tmp_path: Path, done: list[str]) -> None:
    """It is somebody's."""
    home = State(tmp_path / "state").cluster("e2e-1-6")
    (home / "cluster.json").write_text("{}", encoding="utf-8")
    fill(tmp_path, ["B4"], [V16])
    assert done == ["up 1.6.0 e2e-1-6", "B4 1.6.0"]


def test_a_cluster_that_cannot_be_removed_ends_nothing(tmp_path: Path, done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman may take too long to stop a node on a busy machine; the next version has another cluster."""

    def stuck(**_more: Any) -> None:
        raise ToolFailed(["podman", "rm"], 125, "given PIDs did not die within timeout")

    monkeypatch.setattr("harness.run.corpus.take_down.down", stuck)
    assert len(fill(tmp_path, ["B4"], [V16, V17])) == 2
    assert done == ["up 1.6.0 e2e-1-6", "B4 1.6.0", "up 1.7.0 e2e-1-7", "B4 1.7.0"]


def test_a_version_that_cannot_be_made_says_so_and_the_next_follows(tmp_path: Path, done: list[str]) -> None:
    """Its cells are inconclusive, and are tried again the next time; so is a bug that could not be examined."""
    broken = KnativeVersion.parse("1.13")
    cells = fill(tmp_path, ["B4", "B8"], [broken, V17])
    assert cells["B4", "1.13.0"].decided == Decided(BugState.INCONCLUSIVE, "the version cannot be made: go build failed")
    assert "could not be examined: no namespace" in cells["B8", "1.7.0"].decided.why
    assert cells["B4", "1.7.0"].decided.state is BugState.PRESENT
    assert "down e2e-1-13" not in done, "no cluster was made"
    done.clear()
    fill(tmp_path, ["B4", "B8"], [broken, V17])
    assert done == ["up 1.13.0 e2e-1-13", "up 1.7.0 e2e-1-7", "B8 1.7.0 again", "down e2e-1-7"]


def test_a_host_that_cannot_do_it_is_no_state_of_a_bug(tmp_path: Path, done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be said of every version, and of none truly: nothing is stored, and no further cluster is tried."""

    def lacking(*_args: Any, **_more: Any) -> None:
        raise HostError("No container engine is on this machine.")

    monkeypatch.setattr("harness.run.corpus.prepare", lacking)
    with pytest.raises(HostError):
        fill(tmp_path, ["B4"], [V16, V17])
    assert not list(tmp_path.glob("*/*.json"))
    assert done == []


def test_an_interruption_ends_it_and_keeps_what_was_decided(
    tmp_path: Path, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster that was made for it goes all the same."""
    before = vars(corpus)["examine"]

    def examine(bug: Bug, *others: Any, **more: Any) -> Cell:
        if bug.id == "B3":
            raise Interrupted("Ctrl-C")
        return cast("Cell", before(bug, *others, **more))

    monkeypatch.setattr(corpus, "examine", examine)
    with pytest.raises(Interrupted):
        fill(tmp_path, ["B4", "B3"], [V16])
    assert done == ["up 1.6.0 e2e-1-6", "B4 1.6.0", "down e2e-1-6"]
    assert [one.bug for one in store.read_cells(tmp_path / "corpus")] == ["B4"]


def test_the_newest_cell_counts_and_one_of_a_stack_before_one_of_none() -> None:
    """A version that could not be made today was measured yesterday: that stands."""
    old, new = cell("B4", V16, BugState.PRESENT, 1), cell("B4", V16, BugState.ABSENT, 2, stack="s2")
    unmade = cell("B4", V16, BugState.INCONCLUSIVE, 3, stack="")
    assert store.newest([new, unmade, old]) == {("B4", "1.6.0"): new}
    assert corpus.open_cells([BUGS["B4"]], V16, [new, unmade]) == ()
    assert corpus.open_cells([BUGS["B4"]], V16, [unmade]) == (BUGS["B4"],)
    assert corpus.open_cells([BUGS["B4"], BUGS["B3"]], V16, [new]) == (BUGS["B3"],)


def test_stored_cells_are_decided_again_maskers_first(tmp_path: Path) -> None:
    """A changed signature changes the cell, and what it masks."""
    stack = stack_of(V16)
    place = store.place_of(tmp_path, "1.6.0", stack.id)
    store.write_evidence(place / "liveness-under-load", store.Evidence(stack, Seen(ended=True, error="not served")))
    store.write_cell(tmp_path, Cell("B3", "1.6.0", stack.id, Decided(BugState.PRESENT, "400"), "", 1))
    stale = Decided(BugState.PRESENT, "an older signature")
    store.write_cell(tmp_path, Cell("B1", "1.6.0", stack.id, stale, f"{place.name}/liveness-under-load", 1))
    again = {one.bug: one for one in corpus.decide_again(tmp_path)}
    assert again["B3"].decided.state is BugState.PRESENT
    assert (again["B1"].decided.state, again["B1"].decided.masked_by) == (BugState.MASKED, "B3")
    assert {one.bug: one for one in store.read_cells(tmp_path)} == again


def test_a_cell_whose_evidence_is_gone_is_undecided(tmp_path: Path, done: list[str]) -> None:
    """The plant: the directory was removed; the file in it was removed. Neither masks, and the cell is examined again."""
    root, stack = tmp_path / "corpus", stack_of(V16)
    place = store.place_of(root, "1.6.0", stack.id)
    for bug, trial in (("B3", "http-liveness"), ("B4", "exec-liveness-restart")):
        store.write_cell(root, Cell(bug, "1.6.0", stack.id, Decided(BugState.PRESENT, "seen"), f"{place.name}/{trial}", 1))
    (place / "exec-liveness-restart").mkdir()
    store.write_evidence(place / "liveness-under-load", store.Evidence(stack, Seen(ended=True, error="not served")))
    masked = Decided(BugState.MASKED, "not served; B3 is present", "B3")
    store.write_cell(root, Cell("B1", "1.6.0", stack.id, masked, f"{place.name}/liveness-under-load", 1))
    again = {one.bug: one for one in corpus.decide_again(root)}
    assert {bug: one.decided.state for bug, one in again.items()} == {
        "B1": BugState.INCONCLUSIVE,
        "B3": BugState.EVIDENCE_MISSING,
        "B4": BugState.EVIDENCE_MISSING,
    }
    assert f"{place.name}/http-liveness: There is no such directory. It was decided as present" in again["B3"].decided.why
    assert {one.bug: one for one in store.read_cells(root)} == again
    corpus.decide_again(root)
    assert {one.bug: one for one in store.read_cells(root)} == again
    shown = page.matrix([page.Row("B3", "t", BUGS["B3"].claimed)], [V16], store.newest(store.read_cells(root)))
    assert "| B3: t | evidence missing |" in shown[2]
    fill(tmp_path, ["B3"], [V16])
    assert "B3 1.6.0 again" in done
