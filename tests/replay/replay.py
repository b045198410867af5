"""Recorded histories and what they showed: tests/data/<name>/ is a run directory with an expected.json beside run.json.

    python -m tests.replay.replay DIRECTORY...      write expected.json of recordings from what they show today

Look at the difference before committing it: a recording is real, so what it shows changes only when analysis or judgement do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from harness.adapters.files import write_json
from harness.analyse import analyse
from harness.history import read
from harness.history.codec import Json, encode
from harness.judge import judge

DATA = Path(__file__).parents[1] / "data"
EXPECTED = "expected.json"


def recordings(root: Path = DATA) -> list[Path]:
    """Every run directory below root that says what it is expected to show, by name."""
    return sorted(path.parent for path in root.glob(f"*/{EXPECTED}"))


def shown(directory: Path) -> dict[str, Json]:
    """Findings and verdict of this history as JSON; floats to a millionth, which is less than any of them means."""
    history = read(directory)
    findings = analyse(history)
    verdict = judge(history.meta.spec, findings)
    return {"findings": _rounded(encode(findings)), "verdict": _rounded(encode(verdict))}


def differences(directory: Path) -> list[str]:
    """Where what the recording shows departs from its expected.json: "place: expected, shown". Empty: nowhere."""
    expected = json.loads((directory / EXPECTED).read_text(encoding="utf-8"))
    return _compared("", expected, shown(directory))


def keep(directory: Path) -> None:
    """Write what the recording shows now as what is expected of it."""
    write_json(directory / EXPECTED, shown(directory))


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
        print(f"wrote {Path(given) / EXPECTED}")
