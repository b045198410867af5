"""What lies where in a run directory.

artifacts/latest/<scenario>                     -> ../<scenario>/<run>
artifacts/<scenario>/<YYYYMMDDTHHMMSSZ>-<id>/
    run.json            RunMeta and the version of this layout
    *.jsonl             one line a row, while running
    *.parquet           the same rows and those of load/, once closed
    closed.json         rows and SHA-256 of each table; written last: with it the Parquet files stand, without it the lines do
    raw/                logs as they came, kept
    load/cycle-000/     spec.json, records.bin, answers.jsonl, generator.json of one generator process; attempts.bin where a lane of
                        it tries again, and a table of them only then
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

KIND = "knative-chaos history"
"""What run.json says it is."""

RUN = "run.json"
CLOSED = "closed.json"
RAW = "raw"
LOAD = "load"

_CYCLE = re.compile(r"cycle-(\d{3,})")


class Table(StrEnum):
    """One kind of row."""

    OBSERVATIONS = "observations"
    GAPS = "gaps"
    FAULTS = "faults"
    PHASES = "phases"
    CYCLES = "cycles"
    REQUESTS = "requests"
    ANSWERS = "answers"
    ATTEMPTS = "attempts"
    NODE_CPU = "node_cpu"


JOURNALS: tuple[Table, ...] = (Table.OBSERVATIONS, Table.GAPS, Table.FAULTS, Table.PHASES, Table.CYCLES, Table.NODE_CPU)
"""Those written line by line while running; requests, answers and attempts come from the load directories."""

OPTIONAL = frozenset({Table.ATTEMPTS, Table.NODE_CPU})
"""Those a history may be without: nothing in it could have had such rows."""


def journal(directory: Path, table: Table) -> Path:
    """Where a table's lines lie."""
    return directory / f"{table}.jsonl"


def parquet(directory: Path, table: Table) -> Path:
    """Where a closed table lies."""
    return directory / f"{table}.parquet"


def load_dir(directory: Path, cycle: int) -> Path:
    """Where the generator of this cycle works."""
    return directory / LOAD / f"cycle-{cycle:03d}"


def load_dirs(directory: Path) -> list[tuple[int, Path]]:
    """(cycle, directory) of each generator, by cycle; empty if none ever ran."""
    root = directory / LOAD
    if not root.is_dir():
        return []
    found = ((_CYCLE.fullmatch(place.name), place) for place in root.iterdir())
    return sorted((int(match[1]), place) for match, place in found if match)
