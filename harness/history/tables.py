"""The tables of a history: their columns, and rows to and from the nouns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

import polars as pl

from harness.errors import HistoryError
from harness.faults import FAULTS
from harness.history import upgrade
from harness.history.codec import DoesNotFit, decode, encode
from harness.history.layout import Table
from harness.history.upgrade import Step
from harness.model import Answer, CycleMark, FaultEvent, Gap, Lane, NodeCpu, Observation, Outcome, Phase, Stream

T = TypeVar("T")

NOUNS: dict[Table, type[Any]] = {
    Table.OBSERVATIONS: Observation,
    Table.GAPS: Gap,
    Table.FAULTS: FaultEvent,
    Table.PHASES: Phase,
    Table.CYCLES: CycleMark,
    Table.NODE_CPU: NodeCpu,
}
"""What a row of each journal is."""

_SMALL = frozenset({"cpus", "cycle", "index", "instance", "replaces", "status", "threads"})
"""Whole numbers of 32 bits; all others have 64."""


def _columns(noun: type[Any]) -> dict[str, pl.DataType]:
    """A column for each field, in order: numbers as such, all else as text."""
    hints = get_type_hints(noun)
    whole = {name: pl.Int32() if name in _SMALL else pl.Int64() for name, kind in hints.items() if kind is int}
    return {name: whole.get(name, pl.String()) for name in hints}


SCHEMAS: dict[Table, dict[str, pl.DataType]] = {
    **{table: _columns(noun) for table, noun in NOUNS.items()},
    Table.REQUESTS: {
        "cycle": pl.Int32(),
        "seq": pl.Int64(),
        "lane": pl.String(),
        "outcome": pl.String(),
        "status": pl.Int32(),
        "answer": pl.Int32(),
        "reused": pl.Boolean(),
        "intended_ns": pl.Int64(),
        "sent_ns": pl.Int64(),
        "first_byte_ns": pl.Int64(),
        "done_ns": pl.Int64(),
    },
    Table.ANSWERS: {"cycle": pl.Int32()} | _columns(Answer),
}
SCHEMAS[Table.ATTEMPTS] = SCHEMAS[Table.REQUESTS] | {"attempt": pl.Int32()}
"""Column names and types, in order."""

JSON_COLUMNS: dict[type[Any], tuple[str, ...]] = {FaultEvent: ("params",), CycleMark: ("pods", "at")}
"""Fields of a noun that hold more than one value: JSON in the journal's line, and a column of JSON text in the table."""

NAMED: dict[str, Collection[str]] = {"lane": tuple(Lane), "outcome": tuple(Outcome), "stream": tuple(Stream), "kind": tuple(FAULTS)}
"""Columns that hold one of few names, whatever their table."""


def empty(table: Table) -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame(schema=SCHEMAS[table])


def frame(table: Table, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """The table of these rows; a key that is no column is dropped. Raises HistoryError for a number its column cannot hold."""
    try:
        return pl.DataFrame(_as_text(table, rows), schema=SCHEMAS[table]) if rows else empty(table)
    except (OverflowError, TypeError, pl.exceptions.PolarsError) as error:
        raise HistoryError(f"A row of {table} is damaged: {str(error).splitlines()[0]}.") from error


def _as_text(table: Table, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    columns = JSON_COLUMNS.get(NOUNS.get(table, type(None)), ())
    if not columns:
        return rows
    return [
        given | {name: json.dumps(given[name], sort_keys=True) for name in columns if not isinstance(given.get(name), str | None)}
        for given in rows
    ]


def checked(table: Table, rows: Iterable[object], where: str) -> pl.DataFrame:
    """The table of rows read as JSON, each checked against its noun. Raises HistoryError naming the first that does not fit."""
    rows = list(rows)
    if NOUNS[table] not in JSON_COLUMNS and (whole := _whole(table, rows)) is not None:
        return whole
    kept: list[dict[str, Any]] = []
    for number, given in enumerate(rows, 1):
        try:
            noun = decode(NOUNS[table], given)
        except DoesNotFit as error:
            raise HistoryError(f"{table}.jsonl, line {number} is damaged: {error}.", where=where) from error
        kept.append(cast("dict[str, Any]", encode(noun)))
    return frame(table, kept)


def _whole(table: Table, rows: Sequence[object]) -> pl.DataFrame | None:
    """The table of rows that all have every column, with values of its very type; None: they must be looked at one by one.

    The same answer for hundreds of thousands of observations, which one by one take many times as long.
    """
    try:
        columns = {name: [row[name] for row in rows] for name in SCHEMAS[table]}  # type: ignore[index]
    except (TypeError, KeyError):
        return None
    hints = get_type_hints(NOUNS[table])
    for name, values in columns.items():
        wanted = hints[name]
        named = isinstance(wanted, type) and issubclass(wanted, StrEnum)
        if not {str if named else wanted}.issuperset(map(type, values)) or (named and not set(wanted).issuperset(values)):
            return None
    try:
        return pl.DataFrame(columns, schema=SCHEMAS[table])
    except (OverflowError, TypeError, pl.exceptions.PolarsError):
        return None


def nouns(noun: type[T], rows: pl.DataFrame) -> tuple[T, ...]:
    """The rows of a journal's table as nouns, in order. Raises HistoryError for a value its noun cannot hold."""
    columns = JSON_COLUMNS.get(noun, ())
    try:
        return tuple(
            decode(noun, given | {name: json.loads(given[name]) for name in columns}) for given in rows.iter_rows(named=True)
        )
    except (DoesNotFit, ValueError, RecursionError) as error:
        raise HistoryError(f"A row is damaged: {error}.") from error


def write_parquet(path: Path, rows: pl.DataFrame) -> None:
    """Write the table whole or not at all, and read it back. Raises HistoryError when what lies there is not what was given."""
    part = path.with_name(f".{path.name}.part")
    try:
        rows.write_parquet(part, compression="zstd")
        if not pl.read_parquet(part, glob=False).equals(rows):
            raise HistoryError(f"{path.name} reads back differently from what was written.", where=str(path))
        part.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise HistoryError(f"{path.name} cannot be written: {error}.", fix="Free some disk.", where=str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Of the file as it lies there. Raises HistoryError when it cannot be read."""
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise HistoryError(f"{path.name} is damaged or gone: {error.strerror}.", where=str(path)) from error


def read_parquet(table: Table, path: Path, sha256: object = None, steps: Sequence[Step] = ()) -> pl.DataFrame:
    """The table of a closed run, in this release's columns. sha256: of the file when it was written; None: nobody wrote it down.

    steps: from the layout of the run to this release's. Raises HistoryError when the file is gone, damaged or of other columns, or
    holds what is never written.
    """
    if sha256 is not None and sha256_of(path) != sha256:
        raise HistoryError(f"{path.name} is damaged: it is not the file that was written when the run was closed.", where=str(path))
    try:
        rows = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        told = str(error).splitlines()
        raise HistoryError(f"{path.name} is damaged or gone: {told[0] if told else error!r}.", where=str(path)) from error
    if upgrade.changes(table, steps):
        rows = frame(table, [upgrade.row(table, given, steps, str(path)) for given in rows.iter_rows(named=True)])
    wanted = SCHEMAS[table]
    wrong = [name for name, kind in wanted.items() if rows.schema.get(name) != kind]
    if wrong:
        raise HistoryError(f"{path.name} has no column {', '.join(wrong)} of the expected type.", where=str(path))
    rows = rows.select(list(wanted))
    if stranger := _never_written(rows):
        raise HistoryError(f"{path.name} is damaged: {stranger}.", where=str(path))
    return rows


def _never_written(rows: pl.DataFrame) -> str:
    """What stands in these rows and no writer writes: nulls, names that are not known, headers that are none. "": nothing."""
    for name, count in rows.null_count().row(0, named=True).items():
        if count:
            return f"{count} rows have no {name}"
    for name, known in NAMED.items():
        if name in rows.columns and (strange := sorted(set(rows[name].unique()) - set(known))):
            return f"{name} is {strange[0]!r}, which is none of {', '.join(known)}"
    if "headers" in rows.columns and not all(map(_are_headers, rows["headers"].unique())):
        return "headers are no JSON object of texts"
    return ""


def _are_headers(text: str) -> bool:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and all(isinstance(value, str) for value in told.values())
