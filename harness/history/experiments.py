"""`experiment.json`: which arms were measured in which order, and where their runs lie.

artifacts/<name>/<YYYYMMDDTHHMMSSZ>-<id>/
    experiment.json     an Experiment
    <arm>-<n>/          the run directory of the arm's n-th block
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from harness.adapters.files import write_json
from harness.errors import BadInput, HistoryError
from harness.history.codec import DoesNotFit, decode, encode
from harness.model import Experiment

EXPERIMENT = "experiment.json"
KIND = "knative-chaos experiment"
EXPERIMENT_SCHEMA = 1
"""Raised only when a key changes its meaning."""

LABEL = re.compile(r"[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?")
"""What an arm may be called: it names directories."""


def make_directory(artifacts: Path, experiment: Experiment) -> Path:
    """A new directory for this experiment. Raises BadInput when it cannot be made."""
    stamp = datetime.fromtimestamp(experiment.started_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    directory = artifacts / experiment.name / f"{stamp}-{experiment.id}"
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise BadInput(
            f"The directory of the experiment cannot be made: {error.strerror}.",
            fix="Name a directory you may write with --kn-artifacts.",
            where=str(directory),
        ) from error
    return directory


def write_experiment(directory: Path, experiment: Experiment) -> None:
    """Put the record in place of the one before, whole or not at all."""
    head = {"kind": KIND, "schema": EXPERIMENT_SCHEMA, "ruling": experiment.ruling.value, "experiment": encode(experiment)}
    write_json(directory / EXPERIMENT, head)


def read_experiment(directory: Path) -> Experiment:
    """The record of this experiment. Raises HistoryError when there is none, or it is damaged or of another layout."""
    path = directory / EXPERIMENT
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise HistoryError(
            f"{directory} is not an experiment: it has no {EXPERIMENT}.", fix="Name the directory that holds it."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise HistoryError(f"{EXPERIMENT} is damaged: {error}.", where=str(path)) from error
    if not isinstance(head, dict) or head.get("kind") != KIND or head.get("schema") != EXPERIMENT_SCHEMA:
        raise HistoryError(
            f"{EXPERIMENT} is of another kind or layout; this release reads layout {EXPERIMENT_SCHEMA}.",
            fix="Read it with the release that wrote it.",
            where=str(path),
        )
    try:
        return decode(Experiment, head.get("experiment"))
    except DoesNotFit as error:
        raise HistoryError(f"{EXPERIMENT} is damaged: {error}.", where=str(path)) from error
