"""A copy of a run directory in which every text went through a function: what a bundle is made from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from harness.adapters.files import write_json
from harness.errors import HistoryError
from harness.history.layout import CLOSED, LOAD, RAW, RUN, Table, load_dirs, parquet
from harness.history.reader import read_closed
from harness.history.tables import sha256_of, write_parquet
from harness.model import ANSWERS_FILE, ATTEMPTS_FILE, RECORDS_FILE, REPORT_FILE, SPEC_FILE

GENERATOR_LOG = "generator.log"

MADE_AGAIN = frozenset({"summary.json", "report.html", "junit.xml"})
"""The report's files: whoever rewrites a history makes them anew."""

_OF_A_GENERATOR = frozenset({SPEC_FILE, REPORT_FILE, RECORDS_FILE, ATTEMPTS_FILE, ANSWERS_FILE, GENERATOR_LOG})


class Rewriter(Protocol):
    """What happens to the texts of a run. `value` gets whole JSON values, `text` everything else."""

    def text(self, text: str) -> str:
        """A cell of a table, a log, or part of a path."""
        ...

    def value(self, value: Any) -> Any:
        """A JSON file."""
        ...


def copy(directory: Path, target: Path) -> tuple[str, ...]:
    """Copy the files that the layout knows, but none of the report. Returns the paths, in order, of those that are neither.

    target: must not be there. Links are not followed: what one leads to is none of the run's. Raises HistoryError.
    """
    left: list[str] = []
    try:
        for path in sorted(directory.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                continue
            inside = path.relative_to(directory)
            if path.is_symlink() or not path.is_file() or not _is_known(inside):
                left += [str(inside)] if str(inside) not in MADE_AGAIN else []
                continue
            (target / inside.parent).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / inside)
    except OSError as error:
        raise HistoryError(f"The run cannot be copied: {error.strerror}.", where=str(directory)) from error
    return tuple(left)


def _is_known(inside: Path) -> bool:
    names = {f"{table}.{suffix}" for table in Table for suffix in ("jsonl", "parquet")} | {RUN, CLOSED}
    first, *below = inside.parts
    if not below:
        return first in names
    return first == RAW or (first == LOAD and len(below) == 2 and below[1] in _OF_A_GENERATOR)


def look(directory: Path, *, texts: Callable[[str], object], values: Callable[[Any], object]) -> None:
    """Show every text of a closed run: values of JSON files, different cells of tables, whole logs. Raises HistoryError."""
    for path in _files(directory):
        if path.suffix == ".json":
            values(_json(path))
        else:
            texts(_text(path))
    for table in _tables(directory):
        for _, cells in _texts(_read(parquet(directory, table))):
            for cell in cells:
                texts(cell)


def rewrite(directory: Path, rewriter: Rewriter) -> None:
    """Replace the texts of a closed run, in place, and the digests of its tables with them. Raises HistoryError.

    A table in which nothing changes stays as it is, byte for byte.
    """
    for table in _tables(directory):
        _rewrite_table(parquet(directory, table), rewriter)
    for path in _files(directory):
        if path.suffix == ".json":
            if (new := rewriter.value(old := _json(path))) != old:
                write_json(path, new)
        elif (after := rewriter.text(before := _text(path))) != before:
            path.write_bytes(after.encode("utf-8", "surrogateescape"))
    _rename(directory / RAW, rewriter)
    _seal_again(directory)


def _rename(root: Path, rewriter: Rewriter) -> None:
    """The names of logs and of their directories, which are those of pods and containers; the innermost first."""
    for path in sorted(root.rglob("*"), key=lambda path: (-len(path.parts), path)):
        new = rewriter.text(path.name).replace("/", "-")
        if new != path.name:
            path.rename(path.with_name(new))


def _rewrite_table(path: Path, rewriter: Rewriter) -> None:
    rows = _read(path)
    changed = []
    for name, cells in _texts(rows):
        new = {cell: after for cell in cells if (after := rewriter.text(cell)) != cell}
        if new:
            changed.append(pl.col(name).replace(list(new), list(new.values())))
    if changed:
        write_parquet(path, rows.with_columns(changed))


def _seal_again(directory: Path) -> None:
    """The digests that closing wrote down, of the tables as they are now."""
    rows, sums, notes = read_closed(directory)
    sums = {table: sha256_of(directory / f"{table}.parquet") for table in sums}
    write_json(directory / CLOSED, {"rows": rows, "sha256": sums, "notes": list(notes)})


def _tables(directory: Path) -> list[Table]:
    return [table for table in Table if parquet(directory, table).is_file()]


def _texts(rows: pl.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """(column, its different cells, sorted) of each column of texts."""
    for name, kind in rows.schema.items():
        if kind == pl.String:
            yield name, rows[name].drop_nulls().unique().sort().to_list()


def _files(directory: Path) -> list[Path]:
    """What is no table, the head of the history first: it says most of what is secret."""
    loads = [path for _, place in load_dirs(directory) for path in sorted(place.iterdir()) if path.suffix in {".json", ".log"}]
    raw = sorted(path for path in (directory / RAW).rglob("*") if path.is_file()) if (directory / RAW).is_dir() else []
    return [directory / RUN, directory / CLOSED, *loads, *raw]


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise HistoryError(f"{path.name} is damaged or gone.", where=str(path)) from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise HistoryError(f"{path.name} cannot be read: {error.strerror}.", where=str(path)) from error


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise HistoryError(f"{path.name} is damaged: {error}.", where=str(path)) from error
