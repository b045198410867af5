"""The page of a comparison, from the files of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import history as history_room
from harness import report
from harness.compare import refused_traces
from harness.model import Experiment
from harness.run.analysis import Run
from harness.run.comparing import traces


def write_page(directory: Path, experiment: Experiment, runs: Mapping[str, Sequence[Run]]) -> None:
    """Write `report.html` of an experiment that compares builds; nothing for another one. Raises HistoryError.

    runs: of each arm by its label; their files are read.
    """
    if experiment.design is None:
        return
    every = [run for of_arm in runs.values() for run in of_arm]
    refused = {run.directory.name: refused_traces(history_room.read(run.directory), run.findings) for run in every}
    report.write_comparison(directory, experiment, traces(experiment, runs, refused))
