"""The matrix of the corpus as Markdown: what was measured, with its date, beside what upstream claims. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.model import BugState, Cell, Claimed, KnativeVersion
from harness.report.blocks import cell as as_cell
from harness.report.blocks import row

BLOCK = "corpus"
"""The block of the page that the command writes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bug of the matrix."""

    id: str
    title: str
    claimed: Claimed


def differs(cell: Cell, claimed: Claimed) -> bool:
    """Whether what was measured and what upstream claims contradict each other; only a decided cell can.

    A race that did not show itself excludes a rate and not the bug.
    """
    if claimed.affected is None or cell.decided.state not in {BugState.PRESENT, BugState.ABSENT}:
        return False
    claims = claimed.affected.contains(KnativeVersion.parse(cell.version))
    return not claims if cell.decided.state is BugState.PRESENT else claims and cell.decided.upper is None


def matrix(rows: Sequence[Row], versions: Sequence[KnativeVersion], cells: Mapping[tuple[str, str], Cell]) -> list[str]:
    """The table, and below it the words of each cell. cells: by (bug, version)."""
    head = ["bug", *(version.text for version in versions), "claimed upstream"]
    lines = [row(head), row(["---"] * len(head))]
    for bug in rows:
        shown = [_short(cells.get((bug.id, version.text)), bug.claimed) for version in versions]
        lines.append(row([f"{bug.id}: {bug.title}", *shown, bug.claimed.words]))
    lines += ["", "`!`: the measurement contradicts the claim. `-`: not examined yet.", ""]
    for bug in rows:
        of_bug = [cells[bug.id, version.text] for version in versions if (bug.id, version.text) in cells]
        if of_bug:
            lines += [f"### {bug.id}: {bug.title}", "", *(_words(cell, bug.claimed) for cell in of_bug), ""]
    return lines


def _short(cell: Cell | None, claimed: Claimed) -> str:
    if cell is None:
        return "-"
    by = f" by {cell.decided.masked_by}" if cell.decided.masked_by else ""
    bound = f", rate < {cell.decided.upper:.2g}" if cell.decided.upper is not None else ""
    return f"{cell.decided.state}{by}{bound}{' !' if differs(cell, claimed) else ''}"


def _words(cell: Cell, claimed: Claimed) -> str:
    day = datetime.fromtimestamp(cell.at_ns / 1e9, UTC).strftime("%Y-%m-%d")
    said = as_cell(cell.decided.why)
    stack = f"stack {cell.stack}" if cell.stack else "no stack"
    contradicts = " **Contradicts the claim.**" if differs(cell, claimed) else ""
    return f"- {cell.version}, {day}, {stack}: **{_short(cell, claimed).removesuffix(' !')}**. {said}.{contradicts}"
