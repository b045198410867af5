"""Listing and help need no cluster, no engine and no state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]


def _pytest(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Pytest on this checkout as somebody with nothing but Python would run it: no engine on PATH, an empty state."""
    env = {"PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path), "KNATIVE_CHAOS_HOME": str(tmp_path / "state")}
    keep = {key: value for key, value in os.environ.items() if key.startswith(("LANG", "LC_", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args],
        cwd=ROOT,
        env={**keep, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_collecting_needs_no_cluster(tmp_path: Path) -> None:
    """Every scenario and every test of the machinery can be listed on a machine with nothing on it."""
    folders = ("tests/scenarios", "tests/cluster")
    done = _pytest(tmp_path, *folders, "--collect-only", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    listed = {line.partition("::")[0].rpartition("/")[0] for line in done.stdout.splitlines() if "::test_" in line}
    assert listed == set(folders)
    assert not (tmp_path / "state").exists()


def test_help_names_our_options(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pytest --help` is where a user looks first. With the conftest of this checkout, in this process, which has its plugins."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # it would import them all anew
    shutil.copy(ROOT / "conftest.py", pytester.path)
    done = pytester.runpytest_inprocess("--help")
    assert done.ret == 0
    for option in ("--kn-source", "--kn-version", "--kn-cycles", "--kn-cluster", "--kn-artifacts", "--kn-request-log"):
        assert option in done.stdout.str()


def test_without_an_engine_a_scenario_fails_with_one_clear_line(tmp_path: Path) -> None:
    """The main path is never skipped: what is missing is said, with the command that mends it."""
    done = _pytest(tmp_path, "tests/scenarios/test_n1.py", "-q", "--tb=line")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "HostError" in done.stdout
    assert "Fix:" in done.stdout
    assert "skipped" not in done.stdout
