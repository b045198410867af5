"""The three files of a run: `summary.json`, `report.html`, `junit.xml`, beside its raw data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import HistoryError
from harness.model import Experiment, Findings, History, RefusedTrace, Verdict
from harness.report.comparison import page
from harness.report.html import html
from harness.report.junit import Run, junit
from harness.report.shape import Summary
from harness.report.summary import summary, text
from harness.report.svg import svg

OWN: Mapping[str, str] = {"summary": "summary.json", "report": "report.html", "junit": "junit.xml"}
CLOSED = "closed.json"
RAW = "raw"

JOURNALS = ("observations", "gaps", "faults", "phases", "cycles")
"""Tables that a run that was never closed has as JSON lines."""

TABLES = (*JOURNALS, "requests", "answers")
"""Tables that every closed run has."""

KEPT = ("log:", "journal:")
"""Streams whose unparsed lines are kept below `raw/`."""


def write(directory: Path, history: History, findings: Findings, verdict: Verdict) -> Summary:
    """Write the report of a run into its directory, each file whole or not at all, and return the summary.

    Raises HistoryError when the directory is missing or cannot be written.
    """
    if not directory.is_dir():
        raise HistoryError("There is no such run directory.", fix="Give the directory that holds run.json.", where=str(directory))
    found = summary(history, findings, verdict, artifacts=artifacts(history, closed=(directory / CLOSED).is_file()))
    files = {
        OWN["summary"]: text(found),
        OWN["report"]: html(history, findings, found, logs=(directory / RAW).is_dir()),
        OWN["junit"]: junit([Run(found)]),
    }
    for name, content in files.items():
        _whole(directory / name, content)
    return found


def write_comparison(directory: Path, experiment: Experiment, traces: Sequence[RefusedTrace]) -> Path:
    """Write the page of an experiment that compares builds into its directory, whole or not at all; answers with its path.

    traces: of the counted cycles. Raises HistoryError when it cannot be written.
    """
    path = directory / OWN["report"]
    _whole(path, page(experiment, traces))
    return path


def write_svg(path: Path, history: History, findings: Findings, found: Summary) -> None:
    """Write the timeline as one picture, whole or not at all.

    Raises BadInput for a run without requests, HistoryError when the file cannot be written.
    """
    _whole(path, svg(history, findings, found))


def artifacts(history: History, *, closed: bool) -> dict[str, str]:
    """Name -> relative path of each file of a run directory with this history, by the layout, without looking into the directory.

    A stray file changes nothing, and a copy without its logs gives the same answer (its page does not list them).
    closed: whether the tables are Parquet files.
    """
    out = {**OWN, "run": "run.json"}
    if closed:
        out |= {"closed": CLOSED} | {table: f"{table}.parquet" for table in TABLES}
        out |= {} if history.attempts is None else {"attempts": "attempts.parquet"}
        out |= {"node_cpu": "node_cpu.parquet"} if history.node_cpu else {}
    else:
        out |= {table: f"{table}.jsonl" for table in JOURNALS}
        out |= {"node_cpu": "node_cpu.jsonl"} if history.node_cpu else {}
    if history.generators or not history.requests.is_empty():
        out["load"] = "load/"
    streams = history.observations["stream"].unique().to_list()
    if any(str(stream).startswith(KEPT) for stream in streams):
        out["raw"] = f"{RAW}/"
    return out


def _whole(path: Path, content: str) -> None:
    """Write the whole text or nothing, even if the process is killed. Not `adapters.files`: this package may not import it."""
    try:
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(fd, "w", encoding="utf-8", errors="replace", newline="\n") as out:
                out.write(content)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise HistoryError(
            f"{path.name} cannot be written: {error.strerror}.",
            fix="Make the directory, make it writable or free space in it, then run `knative-chaos report` again.",
            where=str(path.parent),
        ) from error
