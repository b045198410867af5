"""Telling people what takes long: the step's name, the time gone, and what it took on this machine before.

The library neither prints nor configures logging: a `Progress` is given to whoever does long work, and the command decides
where it speaks.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.adapters.files import locked, write_json
from harness.adapters.text import printable
from harness.errors import HostError

Speak = Callable[[str], None]

SILENT_WITHIN_S = 10.0
"""For a sign of life that is being spoken as its step ends; a terminal that takes no more text must not hold the step."""


class Progress:
    """Announces steps and remembers their durations in one file. Safe to use from several threads."""

    def __init__(self, speak: Speak, remembered: Path | None = None, *, every_s: float = 30.0) -> None:
        self._speak = speak
        self._file = remembered
        self._every_s = every_s
        self._guard = threading.Lock()

    def say(self, text: str) -> None:
        """One line, now; what a terminal would take for a command is shown as its escape."""
        with self._guard:
            self._speak(printable(text))

    def expected_s(self, name: str) -> float | None:
        """How long the step took last time on this machine, None if it never ended here."""
        if self._file is None or not self._file.exists():
            return None
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        value = known.get(name)
        return float(value) if isinstance(value, int | float) else None

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say the step's start, a sign of life while it lasts, and its end; remember its time if it ended well."""
        expected = self.expected_s(name)
        hint = f" (took {expected:.0f} s before)" if expected is not None else ""
        self.say(f"{name} ...{hint}")
        begun = time.monotonic()
        over = threading.Event()

        def alive() -> None:
            while not over.wait(self._every_s):
                self.say(
                    f"{name}: {time.monotonic() - begun:.0f} s gone{f' of about {expected:.0f}' if expected is not None else ''}"
                )

        watcher = threading.Thread(target=alive, name=f"progress {name}", daemon=True)
        watcher.start()
        try:
            yield
        except BaseException:
            over.set()
            watcher.join(SILENT_WITHIN_S)
            self.say(f"{name}: failed after {time.monotonic() - begun:.1f} s")
            raise
        finally:
            over.set()
        watcher.join(SILENT_WITHIN_S)  # a sign of life that was on its way does not come after the end
        took = time.monotonic() - begun
        self.say(f"{name}: {took:.1f} s")
        self._remember(name, took)

    def _remember(self, name: str, seconds: float) -> None:
        if self._file is None:
            return
        # Not had in all that time: the next run says no time. That is no reason for a step that ended well to fail.
        with contextlib.suppress(HostError), locked(self._file.with_suffix(".lock"), within_s=30, holder="progress"):
            try:
                known = json.loads(self._file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                known = {}
            known[name] = round(seconds, 1)
            write_json(self._file, known)


QUIET = Progress(lambda _text: None)
"""For tests and libraries that have nobody to tell."""
