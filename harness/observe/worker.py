"""One observer thread: it can be woken, ended from outside, and cannot fail silently."""

from __future__ import annotations

import contextlib
import threading
from typing import Protocol

from harness.adapters.clock import now_ns
from harness.model import Gap, Observation, Stream
from harness.observe.sink import Sink, Unrecorded

RETRY_S = 1.0
"""Pause after a failure: one attempt a second is nothing for the API and soon enough for evidence."""


class Closable(Protocol):
    """What a thread may be waiting on."""

    def close(self) -> None:
        """End it, from any thread."""


class Worker:
    """Subclasses implement `run`, which returns soon after `stopping` is set and what it holds is closed.

    streams: what is lost when this thread fails. proved_ns: up to then nothing can have been lost. note: what is wrong now, "" if
    nothing; `broken` shows it.
    """

    def __init__(self, name: str, streams: tuple[Stream, ...], sink: Sink, *, pod: str = "") -> None:
        self.name = name
        self.streams = streams
        self.pod = pod
        self.note = ""
        self.crashed = False
        self.sink = sink
        self._proved_ns = now_ns()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._guard = threading.Lock()
        self._held: Closable | None = None
        self._thread = threading.Thread(target=self._main, name=f"observe {name}", daemon=True)

    @property
    def proved_ns(self) -> int:
        """Last proof of completeness."""
        return self._proved_ns

    def prove(self, at_ns: int) -> None:
        """Everything up to at_ns is known to have been delivered."""
        with self._guard:  # a seal and the thread prove at the same time, and neither takes back what the other had
            self._proved_ns = max(self._proved_ns, at_ns)

    def stopping(self) -> bool:
        """Whether the thread has been asked to end."""
        return self._stopping.is_set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """End a pause early: something has changed."""
        self._woken.set()

    def pause(self, seconds: float) -> None:
        """Wait, until woken or asked to end."""
        self._woken.wait(seconds)
        self._woken.clear()

    def hold(self, what: Closable | None) -> None:
        """Say what the thread waits on from here, so that `end` and `interrupt` can close it."""
        with self._guard:
            self._held = what
        if what is not None and self.stopping():
            what.close()

    def interrupt(self) -> None:
        """Close what the thread waits on; it goes on with its next attempt."""
        with self._guard:
            held = self._held
        if held is not None:
            held.close()

    def end(self) -> None:
        """Ask the thread to end; does not wait."""
        self._stopping.set()
        self._woken.set()
        self.interrupt()

    def join(self, within_s: float) -> bool:
        """Wait for the thread's end; False if it still runs."""
        if self._thread.ident is None:
            return True
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def record(self, seen: Observation) -> None:
        """Hand it to the sink. Raises Unrecorded."""
        try:
            self.sink.observation(seen)
        except Exception as error:
            raise Unrecorded(f"{type(error).__name__}: {error}") from error

    def lost(self, reason: str, *, from_ns: int | None = None, until_ns: int | None = None) -> None:
        """Record that each of the streams may lack something between the last proof (or from_ns) and now (or until_ns)."""
        until = now_ns() if until_ns is None else until_ns
        since = min(self.proved_ns if from_ns is None else from_ns, until)
        for stream in self.streams:
            self.sink.gap(Gap(stream, self.pod, since, until, f"{self.name}: {reason}"))
        self.prove(until)

    def run(self) -> None:
        """The thread's work."""
        raise NotImplementedError

    def seal(self) -> bool:
        """Prove that everything up to now was delivered, or record a gap; True if proved."""
        raise NotImplementedError

    def failed(self, what: str, error: Exception) -> None:
        """Note an error nobody foresaw, for good, and record a gap."""
        self.note = f"{what}: {type(error).__name__}: {error}"[:300]
        self.crashed = True  # after the note: whoever sees this reads why
        with contextlib.suppress(Exception):  # the sink itself may be what failed; `broken` still tells
            self.lost(self.note)

    def _main(self) -> None:
        try:
            self.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must become a gap: a dead observer is not a quiet cluster
            self.failed("its thread failed", error)
