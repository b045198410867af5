"""Analysed twice, a run says the same, byte for byte: wherever and whenever that is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.replay.replay import recordings

PLACES = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "POLARS_MAX_THREADS": "1"},
    {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "POLARS_MAX_THREADS": "4"},
)
"""What may not matter: the order of sets, the time zone, the locale, and how many threads share the work."""


def test_analyze_twice(tmp_path: Path) -> None:
    """`knative-chaos analyze` in two processes that have nothing in common but the run directory's files."""
    recording = next(place for place in recordings() if place.name.startswith("s1"))
    said = []
    quiet = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}  # a recording is no run of this CI
    for number, place in enumerate(PLACES):
        directory = tmp_path / f"{number}" / recording.name
        shutil.copytree(recording, directory)
        command = [sys.executable, "-m", "harness", "analyze", str(directory)]
        done = subprocess.run(command, env={**quiet, **place}, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        said.append((directory / "summary.json").read_bytes())
    assert said[0] == said[1]
    assert b'"verdict": "pass"' in said[0]
