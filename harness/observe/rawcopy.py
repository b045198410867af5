"""Copies of the streams as they came, for a reader who trusts no parser."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO

from harness.observe.sink import Unrecorded


class RawCopies:
    """Files below one directory, opened when first written to. Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = threading.Lock()
        self._open: dict[str, BinaryIO] = {}
        self._closed = False

    def append(self, name: str, line: bytes) -> None:
        """Add a line to the file `name` (a relative path); it is with the operating system when this returns.

        After `close` nothing is written any more. Raises Unrecorded.
        """
        with self._guard:
            if self._closed:
                return
            try:
                out = self._open.get(name)
                if out is None:
                    path = self._root / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    out = self._open[name] = path.open("ab", buffering=0)
                out.write(line + b"\n")
            except OSError as error:
                raise Unrecorded(f"{self._root / name}: {error.strerror}") from error

    def close(self) -> None:
        """Close every file."""
        with self._guard:
            self._closed = True
            for out in self._open.values():
                out.close()
            self._open.clear()
