"""`artifacts/latest/<scenario>`: a link to the newest run of a scenario."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import HistoryError
from harness.history.experiments import EXPERIMENT
from harness.history.layout import RUN

LATEST = "latest"
"""The directory of the links, below artifacts."""


def never_measured(place: Path) -> HistoryError | None:
    """What is wrong with a place such as artifacts/latest/S1 that is not there; None for any other place."""
    if place.parent.name != LATEST or place.exists() or place.is_symlink():
        return None
    return HistoryError(
        f"No run of {place.name} was measured here yet.",
        fix="Measure it: knative-chaos run SCENARIO. Or name artifacts/demo/S1, a recorded run, after `make demo`.",
        where=str(place),
    )


def link_latest(artifacts: Path, scenario: str, run: Path | None = None) -> Path:
    """Point artifacts/latest/<scenario> at `run`, or at the newest run or experiment there, and return the link.

    The link is relative, so that the directory can be moved, and replaced in one step, so that it is never missing.
    Raises HistoryError when there is no run or the link cannot be made.
    """
    if run is None:
        runs = sorted({place.parent for name in (RUN, EXPERIMENT) for place in (artifacts / scenario).glob(f"*/{name}")})
        if not runs:
            raise HistoryError(f"There is no run of {scenario} below {artifacts}.", fix="knative-chaos run SCENARIO")
        run = runs[-1]
    link = artifacts / LATEST / scenario
    part = link.with_name(f".{scenario}.{os.getpid()}.part")
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        part.symlink_to(Path("..") / scenario / run.name)
        part.replace(link)
    except OSError as error:
        raise HistoryError(f"The link {link} cannot be made: {error.strerror}.", where=str(link)) from error
    return link
