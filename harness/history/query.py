"""Questions in SQL over one history or many: their tables as views of a DuckDB that can read these files and nothing else.

Every table of a history has two columns more, `run` and `scenario`; the table `runs` has one row a run. A closed run's Parquet
files are read as far as a question needs them; a run that was never closed, or has an older layout, is read whole.
DuckDB is loaded by the first question: every command imports this module.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from harness.errors import BadInput, HistoryError
from harness.history.experiments import EXPERIMENT
from harness.history.latest import never_measured
from harness.history.layout import CLOSED, OPTIONAL, RUN, Table, parquet
from harness.history.reader import FIX, read_closed, read_head, read_tables, require_rows
from harness.history.tables import SCHEMAS, empty
from harness.history.upgrade import Step
from harness.model import KnativeVersion, RunMeta

if TYPE_CHECKING:
    import duckdb

DEEPEST = 4
"""Levels below a directory in which runs are looked for: artifacts/SCENARIO/RUN are two."""

MEMORY = "1GiB"
"""Of DuckDB; past it a question fails with a message instead of taking the machine down. Nothing is spilled to disk."""

ABOUT: Mapping[str, Callable[[Path, RunMeta], str | float | bool | int]] = {
    "run": lambda _, meta: meta.run_id,
    "scenario": lambda _, meta: meta.spec.scenario,
    "title": lambda _, meta: meta.spec.title,
    "knative": lambda _, meta: _release(meta),
    "stack": lambda _, meta: meta.stack.id if meta.stack else "",
    "kubernetes": lambda _, meta: meta.versions.get("kubernetes", ""),
    "source": lambda _, meta: meta.source,
    "rate_rps": lambda _, meta: float(meta.spec.load.rate_rps),
    "request_log": lambda _, meta: meta.spec.request_log,
    "planted": lambda _, meta: meta.host.get("planted", ""),
    "interrupted": lambda _, meta: meta.interrupted,
    "opened_ns": lambda _, meta: meta.anchor_utc_ns,
    "experiment": lambda _, meta: meta.experiment,
    "arm": lambda _, meta: meta.arm,
    "directory": lambda run, _: str(run),
}
"""Columns of `runs`, and where each comes from."""

LAST_MARK = ' QUALIFY row_number() OVER (PARTITION BY "index" ORDER BY file_row_number DESC) = 1'
"""A cycle marked more than once counts as marked last, as for `harness.history.read`."""

_PERMISSIONS = (
    ("enable_external_access", "false"),
    ("autoinstall_known_extensions", "false"),
    ("autoload_known_extensions", "false"),
    ("python_enable_replacements", "false"),
    ("TimeZone", "'UTC'"),
    ("lock_configuration", "true"),
)
"""Set once the files of the runs are known. The last one makes the others final."""


def find(places: Iterable[Path]) -> tuple[Path, ...]:
    """The run directories that these places are, link to or contain, each once, by name.

    Raises HistoryError for a place without any.
    """
    found: dict[Path, None] = {}
    for place in places:
        here = list(_below(place, DEEPEST))
        if not here:
            if (never := never_measured(place)) is not None:
                raise never
            what = "contains no run" if place.is_dir() else "is no directory"
            raise HistoryError(f"{place} {what}.", fix=FIX)
        found.update(dict.fromkeys(run.resolve() for run in here))
    return tuple(sorted(found))


def _below(place: Path, levels: int) -> Iterator[Path]:
    if (place / RUN).is_file():
        yield place
        return
    try:
        inside = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in inside:
        if entry.is_symlink():  # artifacts/latest/SCENARIO; links to anything else are not followed
            if Path(entry.path, RUN).is_file() or Path(entry.path, EXPERIMENT).is_file():
                yield from _below(Path(entry.path), 1)
        elif levels and entry.is_dir():
            yield from _below(Path(entry.path), levels - 1)


class _Rows:
    """Rows for DuckDB by the Arrow interface alone; given a polars frame as such it would ask for another library."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


@contextmanager
def opened(runs: Sequence[Path], *, writable: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with the views of these run directories. It may read their Parquet files and write `writable`, and no other file.

    Raises HistoryError for a run that is damaged, of another layout, or there twice.
    """
    import duckdb  # noqa: PLC0415 - see above

    heads = [read_head(run) for run in runs]
    metas = [meta for meta, _ in heads]
    _require_distinct(runs, metas)
    closed = {run for run in runs if (run / CLOSED).is_file()}
    connection = duckdb.connect(":memory:", config={"memory_limit": MEMORY, "temp_directory": ""})
    try:
        views = _Views(connection)
        for run, (meta, steps) in zip(runs, heads, strict=True):
            if run in closed and not steps:
                views.closed(run, meta)
            else:
                views.in_memory(run, meta, steps)
        about = {name: [value(run, meta) for run, meta in zip(runs, metas, strict=True)] for name, value in ABOUT.items()}
        views.make(pl.DataFrame(about))
        files = [*views.files, *([str(writable)] if writable else [])]
        # A path is looked at twice: as the pattern it was escaped into, and as the file that the pattern finds.
        allowed = ", ".join(literal(path) for file in files for path in (file, pattern(file)))
        connection.execute(f"SET allowed_paths = [{allowed}]")
        for name, value in _PERMISSIONS:
            connection.execute(f"SET {name} = {value}")
        yield connection
    finally:
        connection.close()


class _Views:
    """Collects what each table consists of, run by run, and makes one view of it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._parts: dict[Table, list[str]] = {table: [] for table in Table}
        self.files: list[str] = []

    def closed(self, run: Path, meta: RunMeta) -> None:
        """From its Parquet files, each of which must hold what closed.json says."""
        import duckdb  # noqa: PLC0415 - see above

        rows, _, _ = read_closed(run)
        for table in Table:
            if table in OPTIONAL and table.value not in rows:
                continue
            file = str(parquet(run, table))
            self.files.append(file)
            source = f"read_parquet({literal(pattern(file))}, hive_partitioning = false, file_row_number = true)"
            try:
                seen = self._connection.sql(_from(table, source)).count("*").fetchall()[0][0]
            except duckdb.Error as error:
                raise HistoryError(f"{table}.parquet is damaged or gone: {in_one_line(error)}", where=file) from error
            require_rows(table, seen, rows, file)
            self._add(table, meta, _from(table, source) + (LAST_MARK if table is Table.CYCLES else ""))

    def in_memory(self, run: Path, meta: RunMeta, steps: Sequence[Step]) -> None:
        """As `harness.history.read` reads them: a run that was never closed, or has an older layout."""
        tables, _notes = read_tables(run, steps)
        for table, rows in tables.items():
            name = f"open_{table}_{len(self._parts[table])}"
            counted = rows.unique("index", keep="last", maintain_order=True) if table is Table.CYCLES else rows
            self._connection.register(name, _Rows(counted))
            self._add(table, meta, _from(table, name))

    def _add(self, table: Table, meta: RunMeta, part: str) -> None:
        self._parts[table].append(_of(meta.run_id, meta.spec.scenario, part))

    def make(self, runs: pl.DataFrame) -> None:
        """The views."""
        for table, parts in self._parts.items():
            nothing = f"nothing_{table}"
            self._connection.register(nothing, _Rows(empty(table)))
            none = _of("", "", _from(table, nothing))  # gives the view its columns where no run has such a table
            self._connection.execute(f"CREATE VIEW {table} AS " + " UNION ALL ".join([none, *parts]))
        self._connection.register("about", _Rows(runs))
        self._connection.execute("CREATE VIEW runs AS SELECT * FROM about")


@dataclass(frozen=True, slots=True)
class Question:
    """One SELECT that holds, not asked yet. kinds: DuckDB's types of the columns, by their names (which may come twice)."""

    sql: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]


def question(connection: duckdb.DuckDBPyConnection, sql: str) -> Question:
    """Raises BadInput for what is no single SELECT, and for one that does not fit the tables."""
    import duckdb  # noqa: PLC0415 - see above

    with told():
        statements = connection.extract_statements(sql)
        if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
            kinds = " and ".join(one.type.name for one in statements) or "nothing"
            raise BadInput(
                f"A query is one SELECT; this is {kinds}.", fix="Write one SELECT statement; a history cannot be changed."
            )
        text = statements[0].query.rstrip().rstrip(";")
        seen = connection.sql(text)
        return Question(text, tuple(seen.columns), tuple(str(kind) for kind in seen.types))


@contextmanager
def told() -> Iterator[None]:
    """DuckDB's complaints as BadInput in one line."""
    import duckdb  # noqa: PLC0415 - see above

    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.OutOfMemoryException as error:
        raise BadInput(
            f"The query needs more than {MEMORY} of memory.", fix="Aggregate, name the columns you need, or ask for fewer runs."
        ) from error
    except duckdb.PermissionException as error:
        raise BadInput(
            f"The query: {in_one_line(error)}", fix="Query the tables only; files and the network cannot be used."
        ) from error
    except duckdb.Error as error:
        raise BadInput(
            f"The query: {in_one_line(error)}", fix="docs/query.md has the tables; DESCRIBE requests has columns."
        ) from error


def in_one_line(error: duckdb.Error) -> str:
    """What DuckDB says, without the drawing of the place and without its advice on settings."""
    said = str(error).split("\n\n")[0]
    return " ".join(said.split())[:400]


def literal(text: str) -> str:
    """A string of SQL."""
    return "'" + text.replace("'", "''") + "'"


def pattern(path: str) -> str:
    """A glob pattern that finds this path alone: DuckDB takes every path for one, and `a[b]` would find `ab`."""
    return "".join(f"[{one}]" if one in "[*?" else one for one in path)


def _of(run: str, scenario: str, part: str) -> str:
    return f"SELECT {literal(run)} AS run, {literal(scenario)} AS scenario, * FROM ({part})"  # noqa: S608 - escaped literals


def _from(table: Table, source: str) -> str:
    names = ", ".join(f'"{name}"' for name in SCHEMAS[table])
    return f"SELECT {names} FROM {source}"  # noqa: S608 - names of this module's own, and a source made of escaped literals


def _release(meta: RunMeta) -> str:
    """The Knative version in its canonical form, whatever source it came from; as recorded if it is none."""
    if meta.stack:
        return meta.stack.knative
    recorded = meta.versions.get("knative", "")
    try:
        return KnativeVersion.parse(recorded.partition(" ")[0]).text
    except ValueError:
        return recorded


def _require_distinct(runs: Sequence[Path], metas: Sequence[RunMeta]) -> None:
    """A run and a copy of it would count everything twice."""
    known: dict[str, Path] = {}
    for run, meta in zip(runs, metas, strict=True):
        other = known.setdefault(meta.run_id, run)
        if other != run:
            raise HistoryError(
                f"The run {meta.run_id} is there twice: {other} and {run}.", fix="Name the directories so that each run is in one."
            )
