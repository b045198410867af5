"""Which failures get a second try, in a real pytest session; and what `.ci/run` makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.again import by_the_machine

pytest_plugins = ["pytester"]

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


@pytest.fixture
def again(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`again(tests, *options)`: what a session over these of TESTS leaves in its file, "" if it leaves none."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for xdist's workers
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # each session would import them all anew
    pytester.makeini("[pytest]\nmarkers = busy_on_purpose\n")
    pytester.makepyfile(test_it=TESTS)

    def left(tests: str, *options: str) -> str:
        file = pytester.path / "out" / "again.txt"
        file.parent.mkdir()
        file.write_text("test_old.py::test_old\n", encoding="utf-8")
        session = ("-p", "fixtures.again", "-p", "no:cacheprovider", "--kn-again", str(file), "-k", tests, *options)
        done = pytester.runpytest_inprocess(*session)
        assert done.ret == pytest.ExitCode.TESTS_FAILED
        return file.read_text(encoding="utf-8") if file.exists() else ""

    return left


@pytest.mark.parametrize("tests", ["passes or test_busy", "test_busy"])
def test_a_session_names_what_the_machine_alone_made_fail(again: Callable[..., str], tests: str) -> None:
    """In place of what a session before had left."""
    assert again(tests) == "test_it.py::test_busy\n"


@pytest.mark.parametrize("tests", ["on_purpose", "regression", "plain", "error", "left"])
@pytest.mark.parametrize("beside", ["", "test_busy or "])
def test_anything_else_that_failed_leaves_no_second_try(again: Callable[..., str], tests: str, beside: str) -> None:
    """Neither for itself nor for what the machine is to blame for; nor does what a session before had left."""
    assert again(beside + tests) == ""


def test_reports_of_workers_are_read_where_they_come_together(again: Callable[..., str]) -> None:
    """Under xdist the session that started the workers writes, and nobody else."""
    assert again("test_busy or passes", "-p", "xdist", "-n", "1") == "test_it.py::test_busy\n"


MAKE = """#!/bin/sh
echo "$*" >> "$LOG"
case "$1" in
  "$FAILS")
    [ -z "$AGAIN" ] || { mkdir -p artifacts; echo "$AGAIN" > artifacts/again.txt; }
    case "$*" in *--last-failed*) exit "$SECOND" ;; *) exit 2 ;; esac ;;
esac
"""


QUIET = ("check", "test", "monitoring-test", "page-test")
"""What needs no cluster, before the measurements."""


@pytest.mark.parametrize(
    ("fails", "again", "second", "code", "asked"),
    [
        ("none", "", 0, 0, [*QUIET, "e2e", "cluster-ci", "down"]),
        ("test", "", 0, 2, ["check", "test", "down"]),
        ("e2e", "", 0, 1, [*QUIET, "e2e", "down"]),
        ("e2e", "tests/scenarios/test_n1.py::test_n1", 0, 0, [*QUIET, "e2e", "e2e", "cluster-ci", "down"]),
        ("e2e", "tests/scenarios/test_n1.py::test_n1", 2, 2, [*QUIET, "e2e", "e2e", "down"]),
        ("cluster-ci", "", 0, 1, [*QUIET, "e2e", "cluster-ci", "down"]),
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
