"""What a query answered, as people and programs read it: an aligned table, CSV, JSON, Parquet."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import duckdb

from harness.adapters.text import printable
from harness.errors import BadInput
from harness.history.query import Question, find, literal, opened, question, told

BATCH = 10_000
TABLE_ROWS = 200
"""So many does a table show; the other formats have them all."""

CELL = 100
"""Characters of one cell of a table."""

PLAIN = frozenset(
    {
        *(
            "BOOLEAN",
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "UHUGEINT",
        ),
        *("FLOAT", "DOUBLE", "VARCHAR"),
    }
)
"""Types that are Python's own; every other is given as DuckDB writes it: times, lists, structs, bytes."""


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def answer(places: Sequence[Path], sql: str, to: TextIO, *, form: Format = Format.TABLE, out: Path | None = None) -> None:
    """Ask the runs at these places, and write the answer to `out`, or to `to` without one.

    out: appears whole or not at all. Raises BadInput (SQL, a file that cannot be written), HistoryError (no run, a damaged one).
    """
    if form is Format.PARQUET and out is None:
        raise BadInput("Parquet is not for a terminal.", fix="Name a file with --out.")
    runs = find(places)
    part = _part(out, runs) if out else None
    try:
        with opened(runs, writable=part) as connection:
            asked = question(connection, sql)
            if part is None or out is None:
                _write(connection, asked, form, to)
                return
            if form is Format.PARQUET:
                with told():
                    connection.execute(f"COPY ({asked.sql}\n) TO {literal(str(part))} (FORMAT parquet)")
            else:
                with part.open("w", encoding="utf-8", newline="") as file:
                    _write(connection, asked, form, file)
        part.replace(out)
    except BrokenPipeError:
        # `| head` has what it wanted; what is still buffered must not complain when the process ends.
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), to.fileno())
    except OSError as error:
        raise BadInput(f"The answer cannot be written: {error.strerror or error}.", where=str(out or "")) from error
    finally:
        if part:
            part.unlink(missing_ok=True)


def _part(out: Path, runs: Sequence[Path]) -> Path:
    """Where the answer lies until it is whole."""
    place = out.resolve()
    if not place.parent.is_dir() or place.is_dir():
        raise BadInput(f"{out} cannot be a file: {'it is a directory' if place.is_dir() else 'its directory is not there'}.")
    if any(place.is_relative_to(run) for run in runs):
        raise BadInput(f"{out} lies within a run that is asked.", fix="A run's files are evidence: write elsewhere.")
    return place.with_name(f".{place.name}.{os.getpid()}.part")


def _write(connection: duckdb.DuckDBPyConnection, asked: Question, form: Format, to: TextIO) -> None:
    rows = _rows(connection, asked)
    if form is Format.CSV:
        writer = csv.writer(to, lineterminator="\n")
        writer.writerow(asked.names)
        writer.writerows(rows)
    elif form is Format.JSON:
        _json(asked.names, rows, to)
    else:
        _table(asked.names, rows, to)


def _rows(connection: duckdb.DuckDBPyConnection, asked: Question) -> Iterator[tuple[Any, ...]]:
    """Row by row, of Python's own types."""
    picked = (
        f"#{at}" if kind in PLAIN else f"CAST(#{at} AS {'DOUBLE' if kind.startswith('DECIMAL') else 'VARCHAR'})"
        for at, kind in enumerate(asked.kinds, 1)
    )
    with told():
        # On a line of its own, for the SELECT may end in a comment.
        answered = connection.execute(f"SELECT {', '.join(picked)} FROM ({asked.sql}\n)")  # noqa: S608 - one SELECT, as `question` made sure
        while rows := answered.fetchmany(BATCH):
            yield from rows


def _json(names: Sequence[str], rows: Iterator[tuple[Any, ...]], to: TextIO) -> None:
    """A list of objects, one a line; what is no number in JSON is null."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"Two columns are named {twice}: an object can hold one.", fix="Give one of them another name with AS.")
    to.write("[")
    for at, row in enumerate(rows):
        values = (None if isinstance(value, float) and not math.isfinite(value) else value for value in row)
        to.write((",\n " if at else "\n ") + json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False))
    to.write("\n]\n")


def _table(names: Sequence[str], rows: Iterator[tuple[Any, ...]], to: TextIO) -> None:
    """Numbers to the right, all else to the left; nothing in it can command a terminal."""
    shown: list[tuple[Any, ...]] = []
    more = False
    for row in rows:
        if len(shown) == TABLE_ROWS:
            more = True
            break
        shown.append(row)
    cells = [[_cell(name) for name in names], *([_cell(value) for value in row] for row in shown)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(names))]
    right = [
        any(isinstance(row[at], int | float) for row in shown) and not any(isinstance(row[at], str) for row in shown)
        for at in range(len(names))
    ]
    for number, texts in enumerate(cells):
        line = "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in zip(texts, widths, right, strict=True)
        )
        to.write(line.rstrip() + "\n")
        if not number:
            to.write("  ".join("-" * width for width in widths) + "\n")
    to.write(f"{len(shown)} {'row' if len(shown) == 1 else 'rows'}{', and more: --format csv has them all' if more else ''}\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = printable(text).replace("\n", "\\n").replace("\t", "\\t")
    return text if len(text) <= CELL else text[: CELL - 1] + "…"
