"""A program that is followed: its lines, and each way in which it ends."""

from __future__ import annotations

import sys
import threading

import pytest

from harness.adapters.following import Followed
from harness.errors import HostError, ToolFailed


def followed(code: str, *, within_s: float = 60.0, ends: tuple[int, ...] = ()) -> Followed:
    """This Python program."""
    return Followed([sys.executable, "-c", code], {}, within_s=within_s, ends=ends)


def test_lines_come_while_it_runs_and_an_expected_exit_ends_them() -> None:
    """Empty lines are passed over, and what was not ended by a newline."""
    program = followed(
        "import sys; print('a'); print(); print('b'); print('torn', end=''); sys.stdout.flush(); sys.exit(7)", ends=(7,)
    )
    assert list(program) == [b"a", b"b"]
    assert program.reap()


def test_another_exit_is_a_failure_in_its_own_words() -> None:
    """The last line of its standard error."""
    program = followed("import sys; sys.exit('why it failed')")
    with pytest.raises(ToolFailed, match="ended with 1: why it failed"):
        list(program)
    assert program.reap()


def test_closing_it_from_another_thread_ends_the_lines() -> None:
    """The program is then ended by `reap`."""
    program = followed("import time; print('up', flush=True); time.sleep(300)")
    lines = iter(program)
    assert next(lines) == b"up"
    threading.Thread(target=program.close).start()
    assert list(lines) == []
    assert not program.reap()


def test_one_that_does_not_end_in_its_time_is_a_failure() -> None:
    """Its life is bounded, whatever it does."""
    program = followed("import time; time.sleep(300)", within_s=0.05)
    with pytest.raises(ToolFailed, match="did not end in its time"):
        list(program)
    assert not program.reap()


def test_what_cannot_be_run_is_a_matter_of_the_host() -> None:
    """Nothing is left open."""
    with pytest.raises(HostError, match="cannot be run"):
        Followed(["/nonexistent/program"], {}, within_s=1)
