"""Running programs: output, logs, endings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from harness.adapters.process import TAIL_BYTES, run, tail_of, which
from harness.adapters.wait import Look, wait_for
from harness.errors import HostError, ToolFailed


def test_output_and_errors_are_kept_apart() -> None:
    """And the input arrives, and the environment is added to."""
    code = (
        "import os, sys; print('e', file=sys.stderr)\n"
        "print(sys.stdin.read() + os.environ['EXTRA']); sys.exit(int('PATH' not in os.environ))"
    )
    done = run([sys.executable, "-c", code], stdin="in ", env={"EXTRA": "x"})
    assert (done.stdout, done.stderr) == ("in x\n", "e\n")


def test_a_failure_carries_the_end_of_what_was_said(tmp_path: Path) -> None:
    """Without a log from standard error, with one from the log, which also holds the command."""
    argv = [sys.executable, "-c", "import sys; print('what it did'); sys.exit('why it failed')"]
    with pytest.raises(ToolFailed, match="ended with 1: why it failed"):
        run(argv)
    log = tmp_path / "logs" / "a.log"
    with pytest.raises(ToolFailed, match="why it failed") as failure:
        run(argv, log=log)
    assert failure.value.where == str(log)
    assert log.read_text(encoding="utf-8").startswith("$ ") and "what it did" in failure.value.tail


def test_a_failure_may_be_an_answer() -> None:
    """Unchecked, the code is returned."""
    assert run([sys.executable, "-c", "raise SystemExit(3)"], check=False).returncode == 3


def test_a_program_that_is_not_there_or_may_not_run_is_the_hosts_lack(tmp_path: Path) -> None:
    """Both are told by the program's name."""
    with pytest.raises(HostError, match="no-such-program is not on this machine"):
        run(["no-such-program"])
    plain = tmp_path / "plain"
    plain.touch(mode=0o644)
    with pytest.raises(HostError, match="may not be run"):
        run([str(plain)])


def test_what_a_late_program_started_ends_with_it(tmp_path: Path) -> None:
    """The whole group is ended at the deadline, children of children too."""
    note = tmp_path / "pid"
    child = "import time; time.sleep(600)"
    code = (
        "import subprocess, sys, pathlib, time\n"
        f"inner = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(inner.pid))\n"
        "time.sleep(600)"
    )
    note.touch()
    for deadline_s in (1, 4, 16, 64):  # it must have come as far as its note when it is late; how long that takes is the machine's
        with pytest.raises(ToolFailed, match="still running after"):
            run([sys.executable, "-c", code], timeout_s=deadline_s)
        if note.read_text(encoding="ascii"):
            break
    pid = int(note.read_text(encoding="ascii"))

    def look() -> Look[bool]:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            state = "gone"
        return Look(True if state in ("gone", "Z") else None, state)

    assert wait_for("the end of the grandchild", look, within_s=60)


def test_a_tail_is_bounded(tmp_path: Path) -> None:
    """However long the log."""
    log = tmp_path / "log"
    log.write_text("a" * 10_000 + "end", encoding="ascii")
    assert len(tail_of(log)) == TAIL_BYTES and tail_of(log, 3) == "end"


def test_a_program_is_found_in_extra_places_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what may be run counts."""
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "tool").touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'one'}{os.pathsep}")
    assert which("tool") == tmp_path / "one" / "tool"
    assert which("tool", [tmp_path / "two"]) == tmp_path / "two" / "tool"
    (tmp_path / "one" / "tool").chmod(0o644)
    assert which("tool") is None


def test_what_may_not_be_looked_into_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of another user's on PATH is no reason for a traceback, nor for a message about rights."""

    def forbidden(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", forbidden)
    assert which("no-such-program", [tmp_path]) is None
    with pytest.raises(HostError, match="is not on this machine"):
        run(["no-such-program"])
