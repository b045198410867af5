"""Rows line by line: appended so that a kill loses at most the last line, read so that a torn last line is noted."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from harness.errors import HistoryError
from harness.history.codec import Json


class Journal:
    """One file of JSON lines, open for appending. Safe to use from several threads.

    Each line is one write to the kernel: what `append` returned from survives a SIGKILL of this process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        try:
            self._fd: int | None = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise HistoryError(f"{path.name} cannot be opened: {error.strerror}.", where=str(path)) from error

    def append(self, row: Json) -> None:
        """Write one line. Raises HistoryError after `close`, or when the disk does not take it."""
        line = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "replace")
        with self._guard:
            if self._fd is None:
                raise HistoryError("Something was seen after the history was closed.", where=str(self.path))
            done = 0
            try:
                while done < len(line):  # a full disk or a signal may cut a write; the rest must follow
                    done += os.write(self._fd, line[done:])
            except OSError as error:
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - done)  # half a line must not spoil the next one
                raise HistoryError(
                    f"{self.path.name} cannot be written: {error.strerror}.", fix="Free some disk.", where=str(self.path)
                ) from error

    def close(self) -> None:
        """No line after this. Idempotent."""
        with self._guard:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None


def read_lines(path: Path) -> tuple[list[object], tuple[str, ...]]:
    """(rows, notes) of a file that may have been torn at its end by a kill; no file: no rows.

    Raises HistoryError for a line that is broken elsewhere: that is damage, not a kill.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], ()
    except OSError as error:
        raise HistoryError(f"{path.name} cannot be read: {error.strerror}.", where=str(path)) from error
    rows: list[object] = []
    lines = data.split(b"\n")
    torn = lines.pop()  # what follows the last newline: nothing, or a line whose writer was killed
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line.decode("utf-8")))
        except (ValueError, RecursionError) as error:
            raise HistoryError(f"{path.name}, line {number} is damaged: {error}.", where=str(path)) from error
    notes = (f"{path.name}: a last line of {len(torn)} bytes was torn and is left out",) if torn else ()
    return rows, notes
