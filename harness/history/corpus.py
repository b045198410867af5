"""What examinations of the corpus of bugs leave, below artifacts/corpus.

<version>-<stack>/<trial>/evidence.json     a Trial, the Stack, and everything that was seen of it
<version>-<stack>/<scenario>/<UTC>-<id>/    a run directory, where a bug is provoked under measured load
<version>-<stack>/<bug>.json                a Cell
<version>-none/<bug>.json                   a Cell of a version of which no stack could be made
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from harness.adapters.files import write_json
from harness.errors import HistoryError
from harness.history.codec import DoesNotFit, decode, encode
from harness.model import BugState, Cell, Decided, Seen, Stack, Trial

EVIDENCE = "evidence.json"
EVIDENCE_KIND = "knative-chaos evidence of a trial"
CELL_KIND = "knative-chaos cell of the corpus"
CORPUS_SCHEMA = 1
"""Raised only when a key changes its meaning."""

NO_STACK = "none"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What evidence.json holds. trial: None where a scenario was to be measured and no run was begun. node_image: of the cluster,
    "" where it is not ours, or in evidence of an earlier release.
    """

    stack: Stack
    seen: Seen
    trial: Trial | None = None
    node_image: str = ""


def place_of(root: Path, version: str, stack: str) -> Path:
    """Where everything of one version on one stack lies. stack: its id, "" where none was made."""
    return root / f"{version}-{stack or NO_STACK}"


def write_evidence(directory: Path, evidence: Evidence) -> None:
    """Put it in place of what was there."""
    write_json(directory / EVIDENCE, {"kind": EVIDENCE_KIND, "schema": CORPUS_SCHEMA, "evidence": encode(evidence)})


def read_evidence(directory: Path) -> Evidence:
    """Raises HistoryError when there is none, or it is damaged or of another layout."""
    return _read(directory / EVIDENCE, EVIDENCE_KIND, "evidence", Evidence)


def write_cell(root: Path, cell: Cell) -> Path:
    """Put it in place of the one before; returns its file."""
    path = place_of(root, cell.version, cell.stack) / f"{cell.bug}.json"
    write_json(path, {"kind": CELL_KIND, "schema": CORPUS_SCHEMA, "cell": encode(cell)})
    return path


def read_cells(root: Path) -> tuple[Cell, ...]:
    """All that are stored, newest first; without its evidence one is EVIDENCE_MISSING. Raises HistoryError if one is damaged."""
    found = [_read(path, CELL_KIND, "cell", Cell) for path in sorted(root.glob("*/*.json"))]
    gone = "There is no such directory."
    found = [cell if not cell.evidence or (root / cell.evidence).is_dir() else without_evidence(cell, gone) for cell in found]
    return tuple(sorted(found, key=lambda cell: -cell.at_ns))


def without_evidence(cell: Cell, why: str) -> Cell:
    """The same cell, which its evidence no longer shows; undecided. why: a sentence."""
    was = cell.decided
    if was.state is BugState.EVIDENCE_MISSING:
        return cell
    said = f"{cell.evidence}: {why} It was decided as {was.state}"
    return replace(cell, decided=Decided(BugState.EVIDENCE_MISSING, said))


def newest(cells: Iterable[Cell]) -> Mapping[tuple[str, str], Cell]:
    """By (bug, version): the newest cell of a stack, or of no stack where there is none of any."""
    kept: dict[tuple[str, str], Cell] = {}
    for cell in sorted(cells, key=lambda one: (bool(one.stack), one.at_ns)):
        kept[cell.bug, cell.version] = cell
    return kept


def _read(path: Path, kind: str, key: str, noun: type[T]) -> T:
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise HistoryError(f"There is no {path.name}.", where=str(path.parent)) from error
    except (OSError, ValueError, RecursionError) as error:
        raise HistoryError(f"{path.name} is damaged: {error}.", where=str(path)) from error
    if not isinstance(head, dict) or head.get("kind") != kind or head.get("schema") != CORPUS_SCHEMA:
        raise HistoryError(f"{path.name} is of another kind or layout; this release reads layout {CORPUS_SCHEMA}.", where=str(path))
    try:
        return decode(noun, head.get(key))
    except DoesNotFit as error:
        raise HistoryError(f"{path.name} is damaged: {error}.", where=str(path)) from error
