"""The three files of a run: `summary.json`, `report.html`, `junit.xml`, beside its raw data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.errors import HistoryError
from harness.model import Findings, History, Verdict
from harness.report.html import html
from harness.report.junit import Run, junit
from harness.report.shape import Summary
from harness.report.summary import summary, text
from harness.report.svg import svg

OWN: Mapping[str, str] = {"summary": "summary.json", "report": "report.html", "junit": "junit.xml"}
KINDS = (".json", ".jsonl", ".parquet")
FOLDERS = ("load", "raw")


def write(directory: Path, history: History, findings: Findings, verdict: Verdict) -> Summary:
    """Write the report of a run into its directory, each file whole or not at all, and return the summary.

    Raises HistoryError when the directory is missing or cannot be written.
    """
    if not directory.is_dir():
        raise HistoryError("There is no such run directory.", fix="Give the directory that holds run.json.", where=str(directory))
    found = summary(history, findings, verdict, artifacts=artifacts(directory))
    files = {
        OWN["summary"]: text(found),
        OWN["report"]: html(history, findings, found),
        OWN["junit"]: junit([Run(found)]),
    }
    for name, content in files.items():
        _whole(directory / name, content)
    return found


def write_svg(path: Path, history: History, findings: Findings, found: Summary) -> None:
    """Write the timeline as one picture, whole or not at all.

    Raises BadInput for a run without requests, HistoryError when the file cannot be written.
    """
    _whole(path, svg(history, findings, found))


def artifacts(directory: Path) -> dict[str, str]:
    """Name -> relative path of what a reader may want of a run directory; our own three are always named.

    A table that lies there both as lines and as Parquet is named once, as Parquet. Links and hidden files are left out.
    """
    out = dict(OWN)
    for path in sorted(directory.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.name in OWN.values():
            continue
        if path.is_file() and path.suffix in KINDS:
            # ".json" < ".jsonl" < ".parquet" in the order of names: the last one stays.
            out[path.stem] = path.name
        elif path.is_dir() and path.name in FOLDERS:
            out[path.name] = f"{path.name}/"
            out |= _inside(path) if path.name == "raw" else {}
    return out


def _inside(folder: Path) -> dict[str, str]:
    paths = (path.relative_to(folder.parent).as_posix() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path: path for path in sorted(paths)}


def _whole(path: Path, content: str) -> None:
    """The whole text or nothing, also under a kill. The adapters' own writer is out of bounds right of the history."""
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
