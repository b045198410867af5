"""A program whose output is read line by line while it runs."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence

from harness.adapters.clock import mono_s
from harness.errors import HostError, ToolFailed

ENDS_S = 5.0
"""For a program whose standard input was closed, or that was asked to end."""


class Followed:
    """Iterates over the lines of a program's standard output, without their ends, in one thread; `close` from any ends that.

    ends: exit codes besides a `close` that end the iteration in good order. within_s: the program's life. commands: its standard
    input takes lines, by `tell`; it must end when that is closed. Raises HostError when it cannot be run; the iteration raises
    ToolFailed when it ends otherwise, or not in time. Whoever iterated calls `reap`.
    """

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], *, within_s: float, ends: Collection[int] = (), commands: bool = False
    ) -> None:
        self._argv = tuple(argv)
        self._ends = ends
        self._until_s = mono_s() + within_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `reap`, a pipe nobody reads would block the program
        self._woken, self._wake = os.pipe()
        try:
            self._child = subprocess.Popen(
                argv,
                env={**os.environ, **env},
                stdin=subprocess.PIPE if commands else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._release()
            raise HostError(f"{argv[0]} cannot be run: {error.strerror}") from error

    def __iter__(self) -> Iterator[bytes]:
        out = self._child.stdout
        if out is None:  # pragma: no cover - it was asked for
            return
        rest = b""
        while True:
            readable, _, _ = select.select([out.fileno(), self._woken], [], [], max(0.0, self._until_s - mono_s()))
            if self._woken in readable:
                return
            if not readable:
                raise ToolFailed(self._argv, -1, "it did not end in its time")
            chunk = os.read(out.fileno(), 65_536)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line for line in whole if line.strip())
        code = self._child.wait()
        if code not in self._ends:
            self._errors.seek(0)
            raise ToolFailed(self._argv, code, self._errors.read().decode(errors="replace"))

    def tell(self, line: str) -> None:
        """Write one line to the program; nothing happens if it has ended: the iteration shows that. Not from several threads."""
        assert self._child.stdin is not None  # noqa: S101 - whoever tells has asked for commands
        with contextlib.suppress(OSError, ValueError):
            self._child.stdin.write(line.encode() + b"\n")
            self._child.stdin.flush()

    def close(self) -> None:
        """End the iteration, from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._wake, b".")

    def reap(self) -> bool:
        """Leave nothing behind on this side. True if the program had ended by itself."""
        by_itself = self._child.poll() is not None
        if self._child.stdin is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._child.stdin.close()
                self._child.wait(ENDS_S)
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._release()
        return by_itself

    def _release(self) -> None:
        out = getattr(self, "_child", None) and self._child.stdout
        if out:
            out.close()
        self._errors.close()
        os.close(self._woken)
        os.close(self._wake)
