"""Blocks of a Markdown page that a command writes, between two marks; the rest of the page is written by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def marks(name: str) -> tuple[str, str]:
    """The lines before and after the block of this name."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def written(page: str, lines: Iterable[str], name: str) -> str:
    """The page with these lines in the block of this name; a page without the block is given it at its end."""
    begin, end = marks(name)
    block = "\n".join([begin, *lines, end])
    before, found, rest = page.partition(begin)
    if not found or end not in rest:
        return f"{page.rstrip()}\n\n{block}\n"
    return before + block + rest.partition(end)[2]


def row(parts: Iterable[str]) -> str:
    """One row of a table. The parts are Markdown; a bar in them must be escaped (`cell`)."""
    return "| " + " | ".join(parts) + " |"


def cell(text: str) -> str:
    """Text as the content of a cell: one line, with its bars escaped."""
    return " ".join(text.replace("|", "\\|").split())
