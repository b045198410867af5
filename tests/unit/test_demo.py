"""`make demo`: a recorded run is analysed on any machine, with no cluster and no state of ours."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

from typer.testing import CliRunner

from harness.cli import app

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "tests" / "data" / "s1-knative-1.23"


def contents(directory: Path) -> dict[str, bytes]:
    """Relative path -> content of every file below."""
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def counted_as_the_page_says(directory: Path) -> str:
    """What the page's own command counts: a recording is without raw/, so it is a query."""
    page = unescape((directory / "report.html").read_text(encoding="utf-8"))
    assert "<code>raw</code>" not in page
    (command,) = re.findall(r"<pre>knative-chaos (query .*?)</pre>", page)
    verb, place, sql = shlex.split(command)
    assert place == "."
    done = CliRunner().invoke(app, [verb, "--format", "csv", str(directory), sql])
    return done.stdout.splitlines()[-1]


def test_the_demo_prints_a_verdict_and_names_its_page(tmp_path: Path) -> None:
    """The target of the Makefile itself, with this interpreter's environment. The recording is copied, not analysed in place."""
    make = shutil.which("make")
    assert make is not None
    before = contents(RECORDING)
    out, state, ci = tmp_path / "demo", tmp_path / "state", tmp_path / "ci.md"
    done = subprocess.run(
        [make, "--no-print-directory", "demo", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/.installed", f"DEMO={out}"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KNATIVE_CHAOS_HOME": str(state),
            "GITHUB_STEP_SUMMARY": str(ci),
            "MAKEFLAGS": "",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "REPRODUCED knative/serving #14980 in 5 of 5 cycles" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == f"Report: {out}/report.html"
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert contents(RECORDING) == before
    assert counted_as_the_page_says(out) == "1305"
    assert not state.exists()
    assert not ci.exists()
