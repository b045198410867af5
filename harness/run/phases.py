"""How long each numbered step took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.adapters.clock import now_ns
from harness.adapters.progress import Progress
from harness.model import Phase


class Phases:
    """Times the numbered steps, for the people who wait and for the record."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.done: list[Phase] = []

    @contextmanager
    def step(self, name: str, *, work: str | None = "") -> Iterator[None]:
        """One step; recorded also when it fails. work: see `Progress.step`."""
        begun = now_ns()
        try:
            with self._progress.step(name, work=work):
                yield
        finally:
            self.done.append(Phase(name, begun, now_ns()))
