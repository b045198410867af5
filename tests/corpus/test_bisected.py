"""The search over evidence of real clusters: it finds the release that fixed B8, whatever ranges the corpus claims."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.catalogue.bugs import BUGS, Bug, decide
from harness.history import corpus as store
from harness.model import BugState, Cell, Claimed, Decided, KnativeVersion, VersionRange
from harness.run.bisect import candidates, search
from harness.run.corpus import decided_versions
from harness.run.examine import seen_in
from harness.sources import KNOWN
from tests.corpus.test_evidence import CELLS, ROOT

BY_VERSION = store.newest(CELLS)
VERSIONS = candidates(KnativeVersion.parse("1.14"), KnativeVersion.parse("1.23"), KNOWN)


@pytest.mark.parametrize("claimed", [None, "any", "1.1-1.3", ">=1.20"])
def test_the_release_that_fixed_b8(claimed: str | None) -> None:
    """By the evidence that the search of 2026-11-28 left; a release without any is inconclusive here. Decided anew each time."""
    false = Claimed(VersionRange.parse(claimed) if claimed else None, "falsified")
    bug: Bug = BUGS["B8"] if claimed is None else replace(BUGS["B8"], claimed=false)

    def examine(version: KnativeVersion) -> Cell:
        cell = BY_VERSION.get(("B8", version.text))
        if cell is None:
            return Cell("B8", version.text, "", Decided(BugState.INCONCLUSIVE, "not recorded"), "", 1)
        return replace(cell, decided=decide(bug, seen_in(ROOT / cell.evidence)))

    found = search(bug, VERSIONS, examine, stored=decided_versions(BUGS["B8"], VERSIONS, CELLS))
    assert found.lines()[0] == "B8 was fixed in 1.18.0: the release before it that can be had is 1.17.1."
    assert (found.old.decided.state, found.new.decided.state) == (BugState.PRESENT, BugState.ABSENT)
    assert all(cell.evidence for cell in found.cells.values())
