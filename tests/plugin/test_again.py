"""Which failures get a second try, in a real pytest session; and what `.ci/run` makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.again import by_the_machine

ROOT = Path(__file__).parents[2]
ALONE = [("N1.verdict", "inconclusive"), ("N1.machine_alone", "yes"), ("N1.run", "artifacts/N1/a")]
PASSED = [("S1.verdict", "pass"), ("S1.run", "artifacts/S1/b")]


@pytest.mark.parametrize(
    ("properties", "excused"),
    [
        (ALONE, True),
        ([*PASSED, *ALONE], True),
        ([*ALONE, *ALONE], True),
        ([], False),
        (PASSED, False),
        ([("N1.verdict", "inconclusive")], False),
        ([*ALONE, ("N1.verdict", "inconclusive")], False),
        ([*ALONE, ("S1.verdict", "regression")], False),
        ([("other", 1)], False),
    ],
)
def test_the_machine_is_to_blame_only_for_what_it_alone_made_inconclusive(
    properties: list[tuple[str, object]], *, excused: bool
) -> None:
    """Not for a regression or a doubt of evidence in the same test, nor for a test whose runs are as they should be."""
    assert by_the_machine(properties) is excused


TESTS = """
import pytest

def busy(request):
    request.node.user_properties += [("N1.verdict", "inconclusive"), ("N1.machine_alone", "yes")]
    assert False, "9 of 10 cycles count"

def test_passes():
    pass

def test_busy(request):
    busy(request)

@pytest.mark.busy_on_purpose
def test_on_purpose(request):
    busy(request)

def test_regression(request):
    request.node.user_properties.append(("S1.verdict", "regression"))
    assert False

def test_plain():
    assert False

@pytest.fixture
def broken():
    raise OSError("no engine")

def test_error(broken):
    pass

@pytest.fixture
def unclean():
    yield
    raise OSError("something is left")

def test_left(request, unclean):
    busy(request)
"""


def session(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A pytest session over TESTS with our plug-in."""
    (folder / "test_it.py").write_text(TESTS, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = busy_on_purpose\n", encoding="utf-8")
    options = ["-p", "fixtures.again", "-p", "no:cacheprovider", "--kn-again=out/again.txt"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *args],
        cwd=folder,
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.parametrize(
    ("tests", "again"),
    [
        ("passes", False),
        ("passes or test_busy", True),
        ("test_busy or on_purpose", False),
        ("test_busy or regression", False),
        ("test_busy or plain", False),
        ("test_busy or error", False),
        ("left", False),
    ],
)
def test_a_session_names_its_tests_only_if_nothing_else_failed(tmp_path: Path, tests: str, *, again: bool) -> None:
    """And what was left by a session before does not stand for this one."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "again.txt").write_text("test_old.py::test_old\n", encoding="utf-8")
    done = session(tmp_path, "-k", tests)
    written = tmp_path / "out" / "again.txt"
    if again:
        assert written.read_text(encoding="utf-8") == "test_it.py::test_busy\n", done.stdout
    else:
        assert not written.exists(), done.stdout


def test_reports_of_workers_are_read_where_they_come_together(tmp_path: Path) -> None:
    """Under xdist the session that started the workers writes, and nobody else."""
    done = session(tmp_path, "-k", "test_busy or passes", "-n", "2")
    assert (tmp_path / "out" / "again.txt").read_text(encoding="utf-8") == "test_it.py::test_busy\n", done.stdout


MAKE = """#!/bin/sh
echo "$*" >> "$LOG"
case "$1" in
  "$FAILS")
    [ -z "$AGAIN" ] || { mkdir -p artifacts; echo "$AGAIN" > artifacts/again.txt; }
    case "$*" in *--last-failed*) exit "$SECOND" ;; *) exit 2 ;; esac ;;
esac
"""


@pytest.mark.parametrize(
    ("fails", "again", "second", "code", "asked"),
    [
        ("none", "", 0, 0, ["check", "test", "page-test", "e2e", "cluster-ci", "down"]),
        ("test", "", 0, 2, ["check", "test", "down"]),
        ("e2e", "", 0, 1, ["check", "test", "page-test", "e2e", "down"]),
        ("e2e", "tests/scenarios/test_n1.py::test_n1", 0, 0, ["check", "test", "page-test", "e2e", "e2e", "cluster-ci", "down"]),
        ("e2e", "tests/scenarios/test_n1.py::test_n1", 2, 2, ["check", "test", "page-test", "e2e", "e2e", "down"]),
        ("cluster-ci", "", 0, 1, ["check", "test", "page-test", "e2e", "cluster-ci", "down"]),
    ],
    ids=["all pass", "a unit test", "e2e", "e2e, the machine", "e2e, the machine twice", "the cluster part"],
)
def test_ci_measures_again_only_what_the_machine_made_inconclusive(
    tmp_path: Path, fails: str, again: str, second: int, code: int, asked: list[str]
) -> None:
    """With a `make` of the test's own; the cluster is taken down however it ends."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "make").write_text(MAKE, encoding="utf-8")
    (tmp_path / "bin" / "make").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "LOG": str(tmp_path / "log"), "FAILS": fails, "AGAIN": again, "SECOND": str(second)}
    done = subprocess.run([str(tmp_path / ".ci" / "run")], env=env, capture_output=True, text=True, check=False, timeout=120)
    calls = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert done.returncode == code, done.stdout + done.stderr
    assert [call.split()[0] for call in calls] == asked
    if again:
        assert again in done.stdout
