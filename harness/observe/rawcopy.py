"""Copies of the streams as they came, for a reader who trusts no parser."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO


class RawCopies:
    """Files below one directory, opened when first written to. Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = threading.Lock()
        self._open: dict[str, BinaryIO] = {}
        self._closed = False

    def append(self, name: str, line: str) -> None:
        """Add a line to the file `name` (a relative path); it is on its way to the disk when this returns.

        After `close` nothing is written any more.
        """
        with self._guard:
            if self._closed:
                return
            out = self._open.get(name)
            if out is None:
                path = self._root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                out = self._open[name] = path.open("ab", buffering=0)
            out.write(line.encode("utf-8", "surrogateescape") + b"\n")

    def close(self) -> None:
        """Close every file."""
        with self._guard:
            self._closed = True
            for out in self._open.values():
                out.close()
            self._open.clear()
