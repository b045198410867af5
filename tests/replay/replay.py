"""Recorded histories and what they showed: tests/data/<name>/ is a run directory with two files beside run.json that say so.

expected.json has findings and verdict, floats rounded; summary.json is the run's own summary, byte for byte.

    python -m tests.replay.replay DIRECTORY...      write both files of recordings from what they show today

Look at the difference before committing it: a recording is real, so what it shows changes only when analysis, judgement or the
summary do.
"""

from __future__ import annotations

import difflib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.adapters.files import write_json
from harness.history.codec import Json, encode
from harness.run import Run, analyse_again

DATA = Path(__file__).parents[1] / "data"
EXPECTED = "expected.json"
SUMMARY = "summary.json"
SHOWN_LINES = 40
"""Of a difference between summaries; whoever wants more runs `keep` and asks git."""


def recordings(root: Path = DATA) -> list[Path]:
    """Every run directory below root that says what it is expected to show, by name."""
    return sorted(path.parent for path in root.glob(f"*/{EXPECTED}"))


def analysed(directory: Path) -> tuple[Run, str]:
    """What `knative-chaos analyze` makes of a copy of this run directory, and the summary.json that it writes there.

    The directory itself is left as it is. Raises HistoryError when it cannot be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / directory.name
        shutil.copytree(directory, copy, ignore=shutil.ignore_patterns(EXPECTED, SUMMARY))
        return analyse_again(copy), (copy / SUMMARY).read_bytes().decode("utf-8")


def shown(run: Run) -> dict[str, Json]:
    """Findings and verdict as JSON; floats to a millionth, which is less than any of them means."""
    return {"findings": _rounded(encode(run.findings)), "verdict": _rounded(encode(run.verdict))}


def differences(directory: Path) -> list[str]:
    """Where what the recording shows departs from its two files. Empty: nowhere.

    Of expected.json "place: expected, shown"; of summary.json the lines of a unified diff.
    """
    return departures(directory, *analysed(directory))


def departures(directory: Path, run: Run, summary: str) -> list[str]:
    """The same of what `analysed` gave."""
    expected = json.loads((directory / EXPECTED).read_text(encoding="utf-8"))
    kept = (directory / SUMMARY).read_bytes().decode("utf-8")
    return [*_compared("", expected, shown(run)), *_unified(kept, summary)]


def keep(directory: Path) -> None:
    """Write what the recording shows now as what is expected of it."""
    run, summary = analysed(directory)
    write_json(directory / EXPECTED, shown(run))
    (directory / SUMMARY).write_bytes(summary.encode("utf-8"))


def _unified(kept: str, seen: str) -> list[str]:
    if kept == seen:
        return []
    before, after = kept.splitlines(), seen.splitlines()
    lines = list(difflib.unified_diff(before, after, f"{SUMMARY} as kept", f"{SUMMARY} as shown", n=1, lineterm=""))
    more = len(lines) - SHOWN_LINES
    # Two texts of the same lines differ in what ends them.
    return [*lines[:SHOWN_LINES], *([f"... {more} lines more"] if more > 0 else [])] or [f"{SUMMARY}: other line ends"]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value


def _compared(place: str, expected: Any, seen: Any) -> list[str]:
    if isinstance(expected, dict) and isinstance(seen, dict):
        keys = sorted({*expected, *seen})
        return [told for key in keys for told in _compared(f"{place}.{key}", expected.get(key), seen.get(key))]
    if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        pairs = enumerate(zip(expected, seen, strict=True))
        return [told for at, (one, other) in pairs for told in _compared(f"{place}[{at}]", one, other)]
    return [] if expected == seen else [f"{place.lstrip('.')}: expected {expected!r}, shown {seen!r}"]


if __name__ == "__main__":
    for given in sys.argv[1:]:
        keep(Path(given))
        print(f"wrote {EXPECTED} and {SUMMARY} of {given}")
