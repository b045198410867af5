"""The matrix of the corpus: measured beside claimed, and where the two differ."""

from __future__ import annotations

from harness.model import BugState, Cell, Claimed, Decided, KnativeVersion, VersionRange
from harness.report.corpus import Row, differs, matrix

CLAIMED = Claimed(VersionRange.parse(">=1.1,<1.7"), "1.1 to 1.6.3, fixed in 1.7.0")
ROWS = [Row("B4", "drains for ever", CLAIMED)]
VERSIONS = [KnativeVersion.parse(text) for text in ("1.6", "1.7", "1.13")]


def cell(version: str, state: BugState, **more: object) -> Cell:
    """Measured on 2026-11-28."""
    return Cell("B4", version, "s1", Decided(state, "what | was seen", **more), "", 1_795_838_400_000_000_000)  # type: ignore[arg-type]


def test_a_difference_is_marked_and_only_a_decided_cell_differs() -> None:
    """Masked and inconclusive cells contradict nothing; neither does a bug of which upstream names no version."""
    assert not differs(cell("1.6.0", BugState.PRESENT), CLAIMED)
    assert differs(cell("1.7.0", BugState.PRESENT), CLAIMED)
    assert differs(cell("1.6.3", BugState.ABSENT), CLAIMED)
    assert not differs(cell("1.6.0", BugState.MASKED, masked_by="B2"), CLAIMED)
    assert not differs(cell("1.7.0", BugState.PRESENT), Claimed(None, "not known"))


def test_the_table() -> None:
    """One row a bug, one column a version, and the words with their date below."""
    cells = {
        ("B4", "1.6.0"): cell("1.6.0", BugState.MASKED, masked_by="B2"),
        ("B4", "1.7.0"): cell("1.7.0", BugState.PRESENT, attempts=3, upper=0.71),
    }
    lines = matrix(ROWS, VERSIONS, cells)
    assert lines[0] == "| bug | 1.6.0 | 1.7.0 | 1.13.0 | claimed upstream |"
    assert lines[2] == "| B4: drains for ever | masked by B2 | present, rate < 0.71 ! | - | 1.1 to 1.6.3, fixed in 1.7.0 |"
    assert "- 1.6.0, 2026-11-28, stack s1: **masked by B2**. what \\| was seen." in lines
    assert any(line.endswith("**Contradicts the claim.**") for line in lines)
