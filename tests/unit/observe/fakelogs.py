"""A container with a log, in memory: it writes, dies, restarts, rotates; its streams can be cut and refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from harness.adapters.answers import Broken, Silent
from harness.errors import ObserveError
from harness.knative.pods import ContainerState
from harness.knative.times import SECOND_NS
from harness.observe.source import NotStarted, PodGone
from harness.observe.worker import Closable

T0 = 1_700_000_000 * SECOND_NS


def stamped(at_ns: int, text: str) -> bytes:
    """A raw log line as the runtime writes it."""
    whole = datetime.fromtimestamp(at_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at_ns % SECOND_NS:09d}Z {text}".encode()


class _Open:
    """One open stream, as its reader may close it."""

    def __init__(self, world: FakeLogs) -> None:
        self._world = world
        self.closed = False

    def close(self) -> None:
        with self._world.changed:
            self.closed = True
            self._world.changed.notify_all()


class FakeLogs:
    """Both a LogSource and the States of one pod with one container. Times are made up: a line every `step_ns`."""

    def __init__(self, *, started: bool = True, step_ns: int = SECOND_NS // 4) -> None:
        self.changed = threading.Condition()
        self.files: list[list[tuple[int, bytes]]] = [[]]
        self.rotated: list[list[list[tuple[int, bytes]]]] = [[]]
        self.rotated_unreadable: ObserveError | None = None
        self.started = started
        self.ended = False
        self.gone = False
        self.refusing: ObserveError | OSError | None = None
        self.previous_unreadable = False
        self.instance_shown: int | None = None
        self.streams = 0
        self.reads = 0
        self._cut: dict[int, ObserveError] = {}
        self._waits: tuple[int, object, int] = (0, None, 0)
        self._now = T0
        self._step = step_ns

    # --- what happens to it ---

    def write(self, *texts: str) -> None:
        """Lines of the newest instance."""
        with self.changed:
            for text in texts:
                self._now += self._step
                self.files[-1].append((self._now, stamped(self._now, text)))
            self.changed.notify_all()

    def write_untold(self, text: str) -> None:
        """A line in the newest file of which no open stream is told: it lags, or hangs."""
        with self.changed:
            self._now += self._step
            self.files[-1].append((self._now, stamped(self._now, text)))

    def cut(self, error: ObserveError | None = None) -> None:
        """Break the streams open now."""
        with self.changed:
            self._cut[self.streams] = error or Broken("planted cut")
            self.changed.notify_all()

    def silence(self) -> None:
        """End the streams open now as a read timeout does."""
        self.cut(Silent("planted silence"))

    def refuse(self, error: ObserveError | OSError | None) -> None:
        """From now on nothing can be opened or read (None: again it can)."""
        with self.changed:
            self.refusing = error

    def rotate(self, *, kept: bool = False) -> None:
        """The newest instance's lines so far leave its log; an open stream goes on with the new file, whatever it had not read."""
        with self.changed:
            if kept:
                self.rotated[-1].append(self.files[-1])
            self.files[-1] = []
            self.changed.notify_all()

    def begin_again(self) -> None:
        """An open stream sends the newest file from its beginning, as a kubelet's does that noticed one rotation twice."""
        with self.changed:
            self.files[-1] = list(self.files[-1])
            self.changed.notify_all()

    def die(self) -> None:
        """The newest instance ends."""
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def restart(self) -> None:
        """Another instance takes over."""
        with self.changed:
            self.files.append([])
            self.rotated.append([])
            self.ended = False
            self.changed.notify_all()

    def start(self) -> None:
        """The container starts for the first time."""
        with self.changed:
            self.started = True

    def vanish(self) -> None:
        """The pod is gone."""
        with self.changed:
            self.gone = True
            self.changed.notify_all()

    def brought(self) -> bool:
        """Whether the newest stream has brought every line there is and waits for more: its reader is done with all of them."""
        with self.changed:
            file = self.files[-1]
            return self._waits[0] == self.streams > 0 and self._waits[1] is file and self._waits[2] == len(file)

    # --- LogSource and States ---

    def _check(self) -> None:
        if self.refusing is not None:
            raise self.refusing
        if self.gone:
            raise PodGone("the pod is gone")

    def follow(self, pod: str, container: str, *, since_ns: int | None, opened: Callable[[Closable], None]) -> Iterator[bytes]:
        """As LogSource."""
        with self.changed:
            self._check()
            if not self.started:
                raise NotStarted("ContainerCreating")
            self.streams += 1
            mine, instance = self.streams, len(self.files) - 1
        handle = _Open(self)
        opened(handle)
        return self._lines(mine, instance, since_ns, handle)

    def _lines(self, mine: int, instance: int, since_ns: int | None, handle: _Open) -> Iterator[bytes]:
        floor = 0 if since_ns is None else since_ns // SECOND_NS * SECOND_NS
        given = 0
        file = self.files[instance]
        while True:
            with self.changed:
                while True:
                    if handle.closed:
                        return
                    broken = next((error for number, error in self._cut.items() if mine <= number), None)
                    if broken is not None:
                        raise broken
                    lines = self.files[instance]
                    if lines is not file:
                        file, given = lines, 0
                    if given < len(lines):
                        break
                    if len(self.files) - 1 > instance or self.ended or self.gone:
                        return
                    self._waits = mine, file, given
                    self.changed.wait()
                at, raw = lines[given]
                given += 1
            if at >= floor:
                yield raw

    def read(
        self,
        pod: str,
        container: str,
        *,
        since_ns: int | None = None,
        previous: bool = False,
        last: int | None = None,
        first: bool = False,
        rotated: int | None = None,
    ) -> list[bytes]:
        """As LogSource."""
        floor = 0 if since_ns is None else since_ns // SECOND_NS * SECOND_NS
        with self.changed:
            self.reads += 1
            self._check()
            if previous and (self.previous_unreadable or len(self.files) < 2):
                raise Broken("previous terminated container not found")
            if rotated is not None:
                if self.rotated_unreadable is not None:
                    raise self.rotated_unreadable
                return [raw for file in self.rotated[rotated] for _at, raw in file]
            lines = [raw for at, raw in self.files[-2 if previous else -1] if at >= floor]
            return lines[:1] if first else lines[-last:] if last else lines

    def container(self, pod: str, container: str) -> ContainerState:
        """As States."""
        with self.changed:
            self._check()
            newest = len(self.files) - 1
            shown = newest if self.instance_shown is None else self.instance_shown
            return ContainerState(shown, self.started, self.ended, shown - 1 if shown else None)
