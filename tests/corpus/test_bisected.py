"""The search over evidence of real clusters: it finds the releases that fixed B4 and B8, whatever ranges the corpus claims."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalogue.bugs import BUGS, Bug, decide
from harness.history import corpus as store
from harness.history.corpus import EVIDENCE
from harness.model import BugState, Cell, Claimed, Decided, KnativeVersion, VersionRange
from harness.run.bisect import candidates, search
from harness.run.corpus import decided_versions
from harness.run.examine import seen_in
from harness.run.surroundings import Surroundings, differences, surroundings_of
from harness.sources import KNOWN
from tests.corpus.test_evidence import CELLS, ROOT

BY_VERSION = store.newest(CELLS)
WIDE = {"B4": ("1.1", "1.16"), "B8": ("1.14", "1.23")}
"""Ends with at least five releases between them that can be had."""

ANSWERS = {
    "B4": "B4 was fixed in 1.7.0: the release before it that can be had is 1.6.0.",
    "B8": "B8 was fixed in 1.18.0: the release before it that can be had is 1.17.1.",
}


@pytest.mark.parametrize("claimed", [None, "any", "1.1-1.3", ">=1.20"])
@pytest.mark.parametrize("name", sorted(WIDE))
def test_the_release_that_fixed_it(name: str, claimed: str | None) -> None:
    """By the evidence that the searches of 2026-11-28 left; a release without any is inconclusive here. Decided anew each time."""
    old, new = (KnativeVersion.parse(end) for end in WIDE[name])
    versions = candidates(old, new, KNOWN)
    assert len(versions) >= 2 + 5
    false = Claimed(VersionRange.parse(claimed) if claimed else None, "falsified")
    bug: Bug = BUGS[name] if claimed is None else replace(BUGS[name], claimed=false)

    def examine(version: KnativeVersion) -> Cell:
        cell = BY_VERSION.get((name, version.text))
        if cell is None:
            return Cell(name, version.text, "", Decided(BugState.INCONCLUSIVE, "not recorded"), "", 1)
        return replace(cell, decided=decide(bug, seen_in(ROOT / cell.evidence)))

    stored = decided_versions(BUGS[name], versions, CELLS)
    found = search(bug, versions, examine, stored=stored, around=lambda cell: surroundings_of(ROOT / cell.evidence))
    assert found.lines()[0] == ANSWERS[name]
    assert (found.old.decided.state, found.new.decided.state) == (BugState.PRESENT, BugState.ABSENT)
    assert all(cell.evidence for cell in found.cells.values())


def test_the_surroundings_are_read_from_the_evidence(tmp_path: Path) -> None:
    """Kubernetes, ingress, toolchain and app of stored evidence. The plant: another app."""
    cell = BY_VERSION["B8", "1.18.0"]
    read = surroundings_of(ROOT / cell.evidence)
    assert (read.kubernetes, read.ingress, read.toolchain) == ("v1.34.4", "net-kourier v0.48.0", "go1.26.8")
    assert read.app.startswith("dev.local/knative-chaos/toggle:")
    assert "net-kourier-kourier:v0.48.0" in read.ingress_images
    assert "queue" not in read.ingress_images
    copy = shutil.copytree(ROOT / cell.evidence, tmp_path / "evidence")
    text = (copy / EVIDENCE).read_text(encoding="utf-8")
    (copy / EVIDENCE).write_text(text.replace(read.app, "dev.local/knative-chaos/toggle:other"), encoding="utf-8")
    assert differences(read, surroundings_of(copy)) == (f"app: {read.app} and dev.local/knative-chaos/toggle:other",)
    assert surroundings_of(tmp_path) == Surroundings()
