"""A shell on the node of a cluster of ours: commands go in and answers come out by lines, one at a time.

One program for the whole run: starting one for each command would cost more CPU than the load generator. It undoes everything
when its input ends, so a harness that is killed leaves nothing behind. `node.sh` is its program and says its commands.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from importlib.resources import files

from harness.adapters.clock import mono_s
from harness.adapters.engine import Engine
from harness.errors import FaultError

PROGRAM = "".join(files("harness.inject").joinpath(name).read_text(encoding="utf-8") for name in ("memory.sh", "node.sh"))

ANSWERS_WITHIN_S = 20.0
"""Of one command, which takes milliseconds, and of the start, which takes an `exec` of the engine on a busy machine."""


class NodeShell:
    """Raises FaultError for each command that fails or is not answered in time."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], where: str) -> None:
        self._where = where
        self._rest = b""
        self._child = subprocess.Popen(
            list(argv),
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        self._answer("start")

    @staticmethod
    def start(engine: Engine, node: str) -> NodeShell:
        """On this node. Raises FaultError."""
        return NodeShell(engine.exec_argv(node, ["bash", "-c", PROGRAM], interactive=True), engine.env, node)

    @property
    def alive(self) -> bool:
        """Whether its program runs."""
        return self._child.poll() is None

    def ask(self, verb: str, *words: str | int) -> str:
        """The answer to one command. The words have no white space in them."""
        line = " ".join([verb, *map(str, words)])
        try:
            assert self._child.stdin is not None  # noqa: S101 - it was started with a pipe
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()
        except (OSError, ValueError) as error:
            raise FaultError(f"The shell on the node has ended before `{line}`: {error}", where=self._where) from error
        try:
            return self._answer(line)
        except KeyboardInterrupt:
            self.close()  # the answer that was not read would be taken for that of the next command
            raise

    def close(self) -> None:
        """End it; it undoes what was done."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if self._child.stdin is not None:
                self._child.stdin.close()
            self._child.wait(ANSWERS_WITHIN_S)
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()

    def _answer(self, line: str) -> str:
        word, _, text = self._line(line).partition(" ")
        if word != "ok":
            raise FaultError(f"`{line}` failed on the node: {text}", where=self._where)
        return text

    def _line(self, line: str) -> str:
        assert self._child.stdout is not None  # noqa: S101 - it was started with a pipe
        descriptor, until_s = self._child.stdout.fileno(), mono_s() + ANSWERS_WITHIN_S
        while b"\n" not in self._rest:
            if not select.select([descriptor], [], [], max(0.0, until_s - mono_s()))[0]:
                self.close()  # a late answer would be taken for that of the next command
                raise FaultError(f"`{line}` was not answered by the node within {ANSWERS_WITHIN_S:g} s.", where=self._where)
            got = os.read(descriptor, 65536)
            if not got:
                self.close()
                raise FaultError(f"The shell on the node ended at `{line}`.", fix="knative-chaos doctor", where=self._where)
            self._rest += got
        first, _, self._rest = self._rest.partition(b"\n")
        return first.decode(errors="replace")
