"""Progress of long steps: the step's name, the time elapsed, and the time that the same work took before on this machine.

The library neither prints nor configures logging: whoever does long work is given a `Progress`, and the command decides where its
lines go.
"""

from __future__ import annotations

import contextlib
import hashlib
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
"""Longest wait for a line that is being written when its step ends: a terminal that accepts no more text must not hold the step."""

WORTH_SAYING_S = 1.0
"""A shorter recorded time is not shown: nobody waits for it."""

MOST_RECORDS = 1000
"""Recorded times kept in the file. Work that includes a version or a scenario's settings adds entries for ever."""


class Progress:
    """Announces steps and records their durations in one file. Safe to use from several threads."""

    def __init__(self, speak: Speak, durations: Path | None = None, *, every_s: float = 30.0) -> None:
        self._speak = speak
        self._file = durations
        self._every_s = every_s
        self._guard = threading.Lock()

    def say(self, text: str) -> None:
        """One line, now. Control characters are shown as escapes, so that the text cannot steer a terminal."""
        with self._guard:
            self._speak(printable(text))

    def expected_s(self, work: str) -> float | None:
        """Seconds that this work took last time on this machine; None without a record."""
        return self._records().get(work)

    @contextlib.contextmanager
    def step(self, name: str, *, work: str | None = "") -> Iterator[None]:
        """Announce the step's start, that it still runs, and its end. The duration is recorded if the step succeeded.

        work: what determines the duration; a record is used only for the same work. "": the name says it. None: it is not known
        beforehand (images may be there or not), so no time is expected and none recorded; the steps inside have their own.
        """
        key = None if work is None else work or name
        before = None if key is None else self.expected_s(key)
        expected = before if before is not None and before >= WORTH_SAYING_S else None
        self.say(f"{name} ..." if expected is None else f"{name} ... (took {expected:.0f} s last time)")
        begun = time.monotonic()
        over = threading.Event()

        def still_running() -> None:
            while not over.wait(self._every_s):
                self.say(f"{name}: {elapsed(time.monotonic() - begun, expected)}")

        watcher = threading.Thread(target=still_running, name=f"progress {name}", daemon=True)
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
        watcher.join(SILENT_WITHIN_S)  # a line that is being written must not come after the end
        took = time.monotonic() - begun
        self.say(f"{name}: {took:.1f} s")
        if key is not None:
            self._record(key, took)

    def _records(self) -> dict[str, float]:
        """Work -> seconds; empty when the file is missing or damaged."""
        if self._file is None:
            return {}
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(known, dict):
            return {}
        return {work: float(value) for work, value in known.items() if isinstance(value, int | float)}

    def _record(self, work: str, seconds: float) -> None:
        if self._file is None:
            return
        # Without the lock the next run has no expected time. That is no reason for a successful step to fail.
        with contextlib.suppress(HostError), locked(self._file.with_suffix(".lock"), within_s=30, holder="progress"):
            known = self._records()
            if len(known) >= MOST_RECORDS and work not in known:
                known = {}
            write_json(self._file, known | {work: round(seconds, 1)})


def work_of(kind: str, *details: object) -> str:
    """A short name for work of this kind on these details, the same in every process: "cycle 3f9a1c0b52d4".

    details: values whose repr says all of them, such as frozen dataclasses, text and tuples.
    """
    return f"{kind} {hashlib.sha256(repr(details).encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"


def elapsed(seconds: float, expected: float | None) -> str:
    """How long a step has been running, beside its expected time: "30 s elapsed; took 45 s last time".

    Past the expected time it says so instead of promising an end: "90 s elapsed, longer than the 45 s of last time".
    """
    if expected is None:
        return f"{seconds:.0f} s elapsed"
    if seconds <= expected:
        return f"{seconds:.0f} s elapsed; took {expected:.0f} s last time"
    return f"{seconds:.0f} s elapsed, longer than the {expected:.0f} s of last time"


QUIET = Progress(lambda _text: None)
"""For tests and libraries whose progress nobody reads."""
