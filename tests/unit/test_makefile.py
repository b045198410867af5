"""What the targets that take a name run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def made(*words: str, dry: bool = True) -> subprocess.CompletedProcess[str]:
    """`make` with these words; dry: nothing is run, the commands are printed."""
    make = shutil.which("make")
    assert make is not None
    start = [make, "--no-print-directory", *(["-n"] if dry else []), f"VENV={sys.prefix}", f"--old-file={sys.prefix}/.installed"]
    env = {**os.environ, "MAKEFLAGS": "", "NAME": "name-of-the-host"}
    return subprocess.run([*start, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_down_removes_the_cluster_that_is_named_and_else_every_one() -> None:
    """A variable NAME of the environment chooses nothing."""
    chaos = f"{sys.prefix}/bin/knative-chaos"
    assert made("down", "NAME=mine").stdout.splitlines()[-1] == f"{chaos} down mine"
    assert made("down").stdout.splitlines()[-1].rstrip() == f"{chaos} down"


@pytest.mark.parametrize("option", ["--kn-cluster mine", "--context=kind-knative-chaos-mine", "--kn-context prod"])
def test_down_does_not_take_the_cluster_of_kn_args_for_every_one(option: str) -> None:
    """As `make up KN_ARGS="--kn-cluster mine"` made it; a context names a cluster, too."""
    done = made("down", f"KN_ARGS={option}", "CHAOS=false", dry=False)
    assert done.returncode != 0
    assert "Nothing was removed: make down takes the name of a cluster as NAME=mine" in done.stdout
    assert "false down" not in done.stdout
