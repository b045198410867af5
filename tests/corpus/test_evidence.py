"""Stored evidence of real clusters: each cell follows from it, on any day and without a cluster."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.adapters.files import State
from harness.adapters.progress import QUIET
from harness.catalogue.bugs import BUGS
from harness.cli import app
from harness.errors import HistoryError
from harness.history import corpus as store
from harness.history.corpus import EVIDENCE
from harness.model import BugState, Cell, KnativeVersion, Seen, Trial
from harness.report.blocks import marks
from harness.report.corpus import BLOCK, differs
from harness.run import Ask, corpus
from harness.run.corpus import decide_again
from harness.run.examine import decided_again, follows, known_of, stored

BEGIN, END = marks(BLOCK)

ROOT = Path(__file__).parent / "evidence"
CELLS = store.read_cells(ROOT)

KNOWN = {
    ("B4", "1.1.0"): BugState.PRESENT,
    ("B4", "1.6.0"): BugState.PRESENT,
    ("B4", "1.7.0"): BugState.ABSENT,
    ("B8", "1.16.0"): BugState.PRESENT,
    ("B8", "1.17.0"): BugState.PRESENT,
    ("B8", "1.18.0"): BugState.ABSENT,
    ("B8", "1.23.0"): BugState.ABSENT,
    ("B3", "1.1.0"): BugState.PRESENT,
}
"""What must be so, whatever a signature says."""


def named(cell: Cell) -> str:
    """For the tests' names."""
    return f"{cell.bug}-{cell.version}"


@pytest.mark.parametrize("cell", CELLS, ids=named)
def test_the_cell_follows_from_its_evidence(cell: Cell) -> None:
    """State and words; what is known of the same stack may mask."""
    assert cell.bug in BUGS
    assert decided_again(cell, ROOT, known_of(CELLS, cell.version, cell.stack)) == cell


@pytest.mark.parametrize("cell", CELLS, ids=named)
def test_what_is_known_is_so_and_no_claim_is_contradicted_unsaid(cell: Cell) -> None:
    """A cell that contradicts upstream is listed in docs/corpus.md with the reason, and here."""
    assert KNOWN.get((cell.bug, cell.version), cell.decided.state) is cell.decided.state
    assert not differs(cell, BUGS[cell.bug].claimed)


def test_there_is_evidence_of_both_states() -> None:
    """Of a bug that is present on one version and absent on another."""
    assert set(KNOWN) <= {(cell.bug, cell.version) for cell in CELLS}
    states = {(cell.bug, cell.decided.state) for cell in CELLS}
    assert {("B4", BugState.PRESENT), ("B4", BugState.ABSENT)} <= states
    assert {("B8", BugState.PRESENT), ("B8", BugState.ABSENT), ("B8", BugState.NOT_APPLICABLE)} <= states


def test_cut_evidence_no_longer_decides(tmp_path: Path) -> None:
    """The plant: without its observations, requests and logs a cell says nothing, and the command says so."""
    copy = shutil.copytree(ROOT, tmp_path / "corpus")
    for path in copy.glob(f"*/*/{EVIDENCE}"):
        whole = store.read_evidence(path.parent)
        kept = type(whole.seen)(until_ns=whole.seen.until_ns, ended=True)
        store.write_evidence(path.parent, store.Evidence(whole.stack, kept, whole.trial))
    states = {cell.decided.state for cell in decide_again(copy)}
    assert states == {BugState.INCONCLUSIVE}


def test_the_command_writes_the_page_from_the_evidence_alone(tmp_path: Path) -> None:
    """`corpus --analyze`: no cluster, the matrix between the marks of the page, the rest of the page as it was."""
    copy, page = shutil.copytree(ROOT, tmp_path / "corpus"), tmp_path / "corpus.md"
    page.write_text(f"# Corpus\n\n{BEGIN}\nof yesterday\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        ran = CliRunner().invoke(app, ["corpus", "--analyze", "--corpus", str(copy), "--page", str(page), "--kn-version", "1.18"])
        assert ran.exit_code == 0, ran.output
        text = page.read_text(encoding="utf-8")
        assert text.startswith("# Corpus")
        assert text.endswith(f"{END}\nafter\n")
        assert "of yesterday" not in text
        assert "| B8: A sidecar with an exec readiness probe is not deployed | not applicable |" in text
        assert all(line in ran.output for line in text.partition(BEGIN)[2].partition(END)[0].strip().splitlines())
    assert store.read_cells(copy) == CELLS


def test_the_command_does_not_pass_without_evidence(tmp_path: Path) -> None:
    """The plant: the evidence of one cell is removed. The exit code says that it is not decided."""
    copy = shutil.copytree(ROOT, tmp_path / "corpus")
    words = ["corpus", "--analyze", "--corpus", str(copy), "--kn-version", "1.18", "--bug", "B8"]
    assert CliRunner().invoke(app, words).exit_code == 0
    cell = next(one for one in CELLS if (one.bug, one.version) == ("B8", "1.18.0"))
    shutil.rmtree(copy / cell.evidence)
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 2, ran.output
    assert ran.output.splitlines()[-1] == "not decided: B8 on 1.18.0 (evidence missing)"


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/*/*.json")), ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}")
def test_no_token_is_stored(path: Path) -> None:
    """The app's token is redacted wherever the Service is shown."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'TOGGLE_TOKEN\\",\\"value\\":\\"(?!redacted)', text)


def test_evidence_of_another_release_is_none(tmp_path: Path) -> None:
    """The plant: the evidence of 1.18, where B8 is absent, in the place of 1.17's. No cell follows from it, none is made of it."""
    copy = shutil.copytree(ROOT, tmp_path / "corpus")
    cells = {(cell.bug, cell.version): cell for cell in CELLS}
    cell, other = cells["B8", "1.17.0"], cells["B8", "1.18.0"]
    place = store.place_of(copy, cell.version, cell.stack)
    assert follows(BUGS["B8"], cell, copy)
    shutil.copy(ROOT / other.evidence / EVIDENCE, copy / cell.evidence / EVIDENCE)
    forged = replace(cell, decided=other.decided)
    assert not follows(BUGS["B8"], forged, copy)
    with pytest.raises(HistoryError, match=r"Knative 1\.18\.0"):
        decided_again(forged, copy, {})
    assert not follows(BUGS["B8"], replace(cell, evidence=""), copy)
    assert not follows(BUGS["B8"], replace(cell, evidence="gone"), copy)
    trial = BUGS["B8"].provoked_by
    assert isinstance(trial, Trial)
    for of, found in ((cell, copy / cell.evidence), (other, None)):
        stack = store.read_evidence(ROOT / of.evidence).stack
        store.write_evidence(copy / cell.evidence, store.Evidence(stack, Seen(ended=True), trial))
        assert stored(BUGS["B8"], place) == found


def test_evidence_of_another_provocation_is_none(tmp_path: Path) -> None:
    """The plant: a cell of B3 that names the evidence of B8's trial on the same stack, in which no liveness probe fails."""
    copy = shutil.copytree(ROOT, tmp_path / "corpus")
    cells = {(cell.bug, cell.version): cell for cell in CELLS}
    forged = replace(cells["B3", "1.16.0"], evidence=cells["B8", "1.16.0"].evidence)
    assert not follows(BUGS["B3"], forged, copy)
    store.write_cell(copy, forged)
    anew = {(cell.bug, cell.version): cell.decided for cell in decide_again(copy)}
    assert anew["B3", "1.16.0"].state is BugState.EVIDENCE_MISSING
    assert "provoked by http-liveness" in anew["B3", "1.16.0"].why


def test_a_search_examines_again_what_does_not_follow_from_its_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plant: a cell whose state was edited."""
    copy = shutil.copytree(ROOT, tmp_path / "corpus")
    cell = next(one for one in CELLS if (one.bug, one.version) == ("B8", "1.18.0"))
    asked: list[bool] = []
    monkeypatch.setattr(corpus, "fill", lambda *_args, again, **_more: asked.append(again))
    for state in (cell.decided.state, BugState.PRESENT):
        store.write_cell(copy, replace(cell, decided=replace(cell.decided, state=state)))
        corpus.examine_version(
            BUGS["B8"], KnativeVersion.parse("1.18"), Ask(), copy, state=State(tmp_path / "state"), progress=QUIET
        )
    assert asked == [False, True]
