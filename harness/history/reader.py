"""A run directory, closed or killed, as a History."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from harness.errors import HistoryError
from harness.faults import FAULTS
from harness.history import upgrade
from harness.history.codec import DoesNotFit, Json, decode, encode, require_sane
from harness.history.journal import read_lines
from harness.history.latest import never_measured
from harness.history.layout import CLOSED, JOURNALS, KIND, OPTIONAL, RUN, Table, journal, load_dirs, parquet
from harness.history.load_files import read_attempts, read_load, read_report
from harness.history.tables import checked, empty, nouns, read_parquet
from harness.history.upgrade import HISTORY_SCHEMA, WITH_ANOTHER_RELEASE, Step
from harness.model import CycleMark, FaultEvent, Gap, History, NodeCpu, Phase, RunMeta

FIX = "Name a run directory, such as artifacts/latest/SCENARIO."


def read(directory: Path) -> History:
    """The history in this run directory; the same whether it was closed or its writer was killed.

    A cycle marked more than once counts as marked last; an older layout is upgraded. Raises HistoryError when it is no run
    directory, has a newer layout, or is damaged.
    """
    meta, steps = read_head(directory)
    tables, notes = read_tables(directory, steps)
    cycles: dict[int, CycleMark] = {mark.index: mark for mark in nouns(CycleMark, tables[Table.CYCLES])}
    if (attempts := tables.get(Table.ATTEMPTS)) is not None:
        astray = sorted(set(attempts["cycle"].unique()) - set(tables[Table.REQUESTS]["cycle"].unique()))
        notes += tuple(f"cycle {cycle}: it has attempts and no requests" for cycle in astray)
    faults = nouns(FaultEvent, tables[Table.FAULTS])
    for event in faults:
        _require_known(event.kind, directory)
    reports = ((cycle, read_report(place)) for cycle, place in load_dirs(directory))
    return History(
        meta=meta,
        cycles=tuple(cycles[index] for index in sorted(cycles)),
        faults=faults,
        phases=nouns(Phase, tables[Table.PHASES]),
        gaps=nouns(Gap, tables[Table.GAPS]),
        observations=tables[Table.OBSERVATIONS],
        requests=tables[Table.REQUESTS],
        answers=tables[Table.ANSWERS],
        generators={cycle: report for cycle, report in reports if report is not None},
        notes=notes,
        attempts=attempts,
        node_cpu=() if (node_cpu := tables.get(Table.NODE_CPU)) is None else nouns(NodeCpu, node_cpu),
    )


def read_meta(directory: Path) -> RunMeta:
    """The head of the history. Raises HistoryError like `read`."""
    return read_head(directory)[0]


def read_head(directory: Path) -> tuple[RunMeta, tuple[Step, ...]]:
    """The head of the history, and the steps from its layout to this release's. Raises HistoryError like `read`."""
    path = directory / RUN
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if (never := never_measured(directory)) is not None:
            raise never from error
        raise HistoryError(f"{directory} is not a run directory: it has no {RUN}.", fix=FIX) from error
    except (OSError, ValueError, RecursionError) as error:
        raise HistoryError(f"{RUN} is damaged: {error}.", where=str(path)) from error
    if not isinstance(head, dict) or head.get("kind") != KIND:
        raise HistoryError(f"{directory} is not a run directory: its {RUN} is something else.", fix=FIX)
    steps = upgrade.steps_from(head.get("schema"), str(path))
    try:
        meta = decode(RunMeta, upgrade.meta(head.get("meta"), steps, str(path)))
        require_sane("load.rate_rps", meta.spec.load.rate_rps, 1e-6, 1e9)
        require_sane("match_tolerance_s", meta.spec.match_tolerance_s, 1e-9, 1e6)
    except DoesNotFit as error:
        raise HistoryError(f"{RUN} is damaged: {error}.", where=str(path)) from error
    _require_known(meta.spec.fault.kind, path)
    return meta, steps


def _require_known(fault: str, path: Path) -> None:
    """Analysis asks the fault itself what proves it: one that this release does not have cannot be analysed."""
    if fault not in FAULTS:
        raise HistoryError(
            f"This run has the fault {fault!r}; this release knows {', '.join(FAULTS)}.",
            fix=f"{WITH_ANOTHER_RELEASE}.",
            where=str(path),
        )


def head_of(meta: RunMeta) -> Json:
    """What run.json holds."""
    return {"kind": KIND, "schema": HISTORY_SCHEMA, "meta": encode(meta)}


def read_tables(directory: Path, steps: Sequence[Step]) -> tuple[Mapping[Table, pl.DataFrame], tuple[str, ...]]:
    """(every table, notes): of a closed run from its Parquet files, of any other from lines and maps. steps: those of `read_head`.

    Missing are those of layout.OPTIONAL that this run could have no rows in.
    """
    return _closed(directory, steps) if (directory / CLOSED).is_file() else _open(directory, steps)


def read_closed(directory: Path) -> tuple[dict[str, int], dict[str, str], tuple[str, ...]]:
    """(rows by table, SHA-256 by table, notes) as closing wrote them down. Raises HistoryError for a damaged file."""
    path = directory / CLOSED
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        sums = dict(told.get("sha256", {}))  # there is none in a history of an earlier release
        return {str(table): int(rows) for table, rows in told["rows"].items()}, sums, tuple(map(str, told["notes"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HistoryError(f"{CLOSED} is damaged: {type(error).__name__}: {error}.", where=str(path)) from error


def require_rows(table: Table, seen: int, rows: Mapping[str, int], path: str) -> None:
    """Raise HistoryError unless the table at this path has as many rows as closing wrote down."""
    if rows.get(table.value) != seen:
        raise HistoryError(f"{table}.parquet has {seen} rows, {CLOSED} says {rows.get(table.value)}.", where=path)


def _closed(directory: Path, steps: Sequence[Step]) -> tuple[Mapping[Table, pl.DataFrame], tuple[str, ...]]:
    rows, sums, notes = read_closed(directory)
    there = [table for table in Table if table not in OPTIONAL or table.value in rows]
    tables = {table: read_parquet(table, parquet(directory, table), sums.get(table.value), steps) for table in there}
    for table, seen in tables.items():
        require_rows(table, seen.height, rows, str(parquet(directory, table)))
    return tables, notes


def _open(directory: Path, steps: Sequence[Step]) -> tuple[Mapping[Table, pl.DataFrame], tuple[str, ...]]:
    tables: dict[Table, pl.DataFrame] = {}
    notes: list[str] = []
    for table in JOURNALS:
        path = journal(directory, table)
        rows, torn = read_lines(path)
        notes += torn
        if table in OPTIONAL and not rows:
            continue
        if upgrade.changes(table, steps):
            rows = [upgrade.row(table, given, steps, str(path)) for given in rows]
        tables[table] = checked(table, rows, str(path))
    if old := [table for table in Table if table not in JOURNALS and upgrade.changes(table, steps)]:
        raise HistoryError(
            f"This run was never closed, and its layout is too old to read {', '.join(old)} from the generator's files.",
            fix=f"{WITH_ANOTHER_RELEASE}.",
            where=str(directory),
        )
    requests, answers = [empty(Table.REQUESTS)], [empty(Table.ANSWERS)]
    attempts: list[pl.DataFrame] = []
    for cycle, place in load_dirs(directory):
        seen, said, _report, torn = read_load(place, cycle)
        superseded, torn_too = read_attempts(place, cycle)
        requests.append(seen)
        answers.append(said)
        attempts += [] if superseded is None else [superseded]
        notes += [f"cycle {cycle}: {note}" for note in (*torn, *torn_too)]
    tables[Table.REQUESTS] = pl.concat(requests)
    tables[Table.ANSWERS] = pl.concat(answers)
    if attempts:
        tables[Table.ATTEMPTS] = pl.concat(attempts)
    return tables, tuple(notes)
