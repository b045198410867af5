"""The recordings of tests/data can be made again: what a run refuses before the cluster is asked, it refuses of none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.run import asked_build, require_runnable
from tests.cluster.record import RECORDINGS, Recording


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_each_recording_can_be_measured(recording: Recording, tmp_path: Path) -> None:
    """A rule that came after the recording would otherwise be met on the cluster first."""
    require_runnable(recording.scenario, asked_build("").version, tmp_path, planted=None, workload=None, slots=1)
