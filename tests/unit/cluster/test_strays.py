"""Programs that outlived their harness are found by exactly what they were started with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.cluster import strays
from harness.errors import WaitTimeout

SLEEP = "import sys; print('up', flush=True); sys.stdin.read()"


@contextmanager
def running(argv: list[str], **env: str) -> Iterator[subprocess.Popen[str]]:
    """A program that waits for its standard input to end."""
    with subprocess.Popen(argv, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "up\n"
            yield child
        finally:
            child.kill()


def test_a_generator_of_this_state_directory_is_found_and_ended(tmp_path: Path) -> None:
    """One of another state directory is left alone."""
    argv = [sys.executable, "-c", SLEEP, "-m", "harness.load", "spec"]
    ours, theirs = str(tmp_path / "ours"), str(tmp_path / "theirs")
    with (
        running(argv, KNATIVE_CHAOS_HOME=ours) as mine,
        running(argv, KNATIVE_CHAOS_HOME=theirs) as other,
    ):
        found = strays.find(strays.is_generator(State(Path(ours).resolve())))
        assert [each.pid for each in found] == [mine.pid]
        assert strays.end(found) == (mine.pid,)
        assert mine.wait(60) != 0 and other.poll() is None


def test_only_a_making_of_this_very_cluster_is_found(tmp_path: Path) -> None:
    """A longer name that begins alike is another cluster."""
    program = tmp_path / "kind"
    program.symlink_to(sys.executable)
    start = [str(program), "-c", SLEEP, "create", "cluster", "--name"]
    name = f"knative-chaos-a{os.getpid()}"  # the whole machine is looked at: of another run of this test, too
    with running([*start, name]) as mine, running([*start, f"{name}1"]):
        found = strays.find(strays.is_making(name))
        assert [each.pid for each in found] == [mine.pid]
        assert strays.find(strays.is_making("knative-chaos-none")) == ()


def test_only_a_prometheus_of_this_very_cluster_is_found(tmp_path: Path) -> None:
    """By where its data lie: one of another cluster, and one of somebody else, are left alone."""
    home, other = tmp_path / "clusters" / "a", tmp_path / "clusters" / "ab"
    argv = [sys.executable, "-c", SLEEP]
    with (
        running([*argv, f"{strays.PROMETHEUS_DATA}{home}/monitoring/data"]) as mine,
        running([*argv, f"{strays.PROMETHEUS_DATA}{other}/monitoring/data"]),
        running([*argv, str(home / "monitoring" / "data")]),
    ):
        assert [each.pid for each in strays.find(strays.is_prometheus(home))] == [mine.pid]


def test_a_program_that_does_not_heed_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while for it to end by itself."""
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
    mark = f"deaf-{os.getpid()}"
    waits = []

    def impatient(what: str, look: object, *, within_s: float) -> bool:
        waits.append(within_s)
        raise WaitTimeout(what, within_s, "still running")

    monkeypatch.setattr(strays, "wait_for", impatient)
    with running([sys.executable, "-c", deaf, mark]) as child:
        found = strays.find(lambda seen: seen.argv[-1] == mark)
        strays.end(found)
        assert child.wait(60) == -9 and waits == [5]
