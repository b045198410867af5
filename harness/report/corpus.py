"""The matrix of the corpus as Markdown: what was measured, with its date, beside what upstream claims. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.model import BugState, Cell, Claimed, KnativeVersion

BEGIN = "<!-- corpus: begin -->"
END = "<!-- corpus: end -->"
"""Between these lines of a page everything is written by the command."""


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
    lines = [_row(head), _row(["---"] * len(head))]
    for row in rows:
        shown = [_short(cells.get((row.id, version.text)), row.claimed) for version in versions]
        lines.append(_row([f"{row.id}: {row.title}", *shown, row.claimed.words]))
    lines += ["", "`!`: the measurement contradicts the claim. `-`: not examined yet.", ""]
    for row in rows:
        of_bug = [cells[row.id, version.text] for version in versions if (row.id, version.text) in cells]
        if of_bug:
            lines += [f"### {row.id}: {row.title}", "", *(_words(cell, row.claimed) for cell in of_bug), ""]
    return lines


def written(page: str, lines: Iterable[str]) -> str:
    """The page with these lines between its two marks; a page without them is given them at its end."""
    block = "\n".join([BEGIN, *lines, END])
    before, found, rest = page.partition(BEGIN)
    if not found or END not in rest:
        return f"{page.rstrip()}\n\n{block}\n"
    return before + block + rest.partition(END)[2]


def _short(cell: Cell | None, claimed: Claimed) -> str:
    if cell is None:
        return "-"
    by = f" by {cell.decided.masked_by}" if cell.decided.masked_by else ""
    bound = f", rate < {cell.decided.upper:.2g}" if cell.decided.upper is not None else ""
    return f"{cell.decided.state}{by}{bound}{' !' if differs(cell, claimed) else ''}"


def _words(cell: Cell, claimed: Claimed) -> str:
    day = datetime.fromtimestamp(cell.at_ns / 1e9, UTC).strftime("%Y-%m-%d")
    said = " ".join(cell.decided.why.replace("|", "\\|").split())
    stack = f"stack {cell.stack}" if cell.stack else "no stack"
    contradicts = " **Contradicts the claim.**" if differs(cell, claimed) else ""
    return f"- {cell.version}, {day}, {stack}: **{_short(cell, claimed).removesuffix(' !')}**. {said}.{contradicts}"


def _row(parts: Iterable[str]) -> str:
    return "| " + " | ".join(parts) + " |"
