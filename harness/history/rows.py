"""What a query answered, as people and programs read it: an aligned table, CSV, JSON, Parquet."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from harness.adapters.patience import INTERRUPTED, WITHIN_S, Patience
from harness.adapters.text import printable
from harness.errors import BadInput, Interrupted
from harness.history.query import Question, find, literal, opened, question, told

if TYPE_CHECKING:
    import duckdb

BATCH = 10_000
LONG_S = 7 * 24 * 3600.0
TABLE_ROWS = 200
"""So many does a table show; the other formats have them all."""

CELL = 100
"""Characters of one cell of a table; DuckDB cuts a longer one, so that it is never held here."""

LONGEST = 16 * 2**20
"""Bytes of one value in CSV and JSON; a longer one is refused before it is held here."""

_WHOLE = "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT"
PLAIN = frozenset(f"BOOLEAN {_WHOLE} FLOAT DOUBLE VARCHAR".split())
"""Types that are Python's own; every other is given as DuckDB writes it: times, lists, structs, bytes."""


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def answer(
    places: Sequence[Path],
    sql: str,
    to: TextIO,
    *,
    form: Format = Format.TABLE,
    out: Path | None = None,
    within_s: float = WITHIN_S,
) -> None:
    """Ask the runs at these places, and write the answer to `out`, or to `to` without one.

    out: appears whole or not at all. within_s: of DuckDB's work. Raises BadInput (SQL, a query over a limit, a file that cannot
    be written), HistoryError (no run, a damaged one), Interrupted.
    """
    if form is Format.PARQUET and out is None:
        raise BadInput("Parquet needs a file.", fix="Name a file with --out.")
    if not 0 < within_s <= LONG_S:
        raise BadInput(f"--within {within_s:g} is not a number of seconds above 0 and up to {LONG_S:g}.")
    part: Path | None = None
    try:
        runs = find(places)
        part = _part(out, runs) if out else None
        with opened(runs, writable=part) as connection:
            patience = Patience(connection, within_s, abandoned=lambda: part.unlink(missing_ok=True) if part else None)
            _answer(_Asking(connection, patience, sql), form, part, to)
        if part and out:
            part.replace(out)
    except KeyboardInterrupt as error:
        raise Interrupted(INTERRUPTED) from error
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


class _Asking:
    """One SELECT that is being asked; every word with DuckDB is by patience."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, patience: Patience, sql: str) -> None:
        self._connection = connection
        self._patience = patience
        self.asked: Question = patience(lambda: question(connection, sql))

    def copy(self, to: Path) -> None:
        """All of it as Parquet."""
        copy = f"COPY ({self.asked.sql}\n) TO {literal(str(to))} (FORMAT parquet)"
        with told():
            self._patience(lambda: self._connection.execute(copy))

    def rows(self, form: Format) -> Iterator[tuple[Any, ...]]:
        """Row by row, of Python's own types."""
        picked = ", ".join(_picked(at, kind, form) for at, kind in enumerate(self.asked.kinds, 1))
        with told():
            # On a line of its own, for the SELECT may end in a comment.
            select = f"SELECT {picked} FROM ({self.asked.sql}\n)"  # noqa: S608 - one SELECT, as `question` made sure
            answered = self._patience(lambda: self._connection.execute(select))
            while rows := self._patience(lambda: answered.fetchmany(BATCH)):
                yield from rows


def _picked(at: int, kind: str, form: Format) -> str:
    """The column in a type of Python's own, and of a size that can be held."""
    if kind.startswith("DECIMAL"):
        return f"CAST(#{at} AS DOUBLE)"
    if kind in PLAIN and kind != "VARCHAR":
        return f"#{at}"
    text = f"#{at}" if kind in PLAIN else f"CAST(#{at} AS VARCHAR)"
    if form is Format.TABLE:
        return f"left({text}, {CELL + 1})"
    complaint = literal(f"A value is longer than {LONGEST} bytes: cut it with left(), or write Parquet")
    return f"CASE WHEN strlen({text}) > {LONGEST} THEN error({complaint}) ELSE {text} END"


def _answer(asking: _Asking, form: Format, part: Path | None, to: TextIO) -> None:
    if part is None:
        _write(asking, form, to)
    elif form is Format.PARQUET:
        asking.copy(part)
    else:
        with part.open("w", encoding="utf-8", newline="") as file:
            _write(asking, form, file)


def _write(asking: _Asking, form: Format, to: TextIO) -> None:
    rows, names = asking.rows(form), asking.asked.names
    if form is Format.CSV:
        writer = csv.writer(to, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    elif form is Format.JSON:
        _json(names, rows, to)
    else:
        _table(names, rows, to)


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
    whole = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = printable(whole[: CELL + 1]).replace("\n", "\\n").replace("\t", "\\t")
    return text if len(text) <= CELL else text[: CELL - 1] + "…"
