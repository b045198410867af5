"""One container's log, followed over breaks and restarts, each line once and in order."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from enum import StrEnum

from harness.adapters.answers import Silent, what_of
from harness.adapters.clock import mono_s, now_ns
from harness.adapters.wait import Look, wait_for
from harness.errors import ObserveError, WaitTimeout
from harness.knative.pods import ContainerState
from harness.model import Observation, Stream
from harness.observe.head import Head
from harness.observe.rawcopy import RawCopies
from harness.observe.sink import Sink
from harness.observe.source import SOURCE_ERRORS, LogLine, LogSource, NotStarted, PodGone, States, parse_line
from harness.observe.tail import Tail
from harness.observe.worker import RETRY_S, Closable, Worker

RESOLUTION_NS = 1
"""The container runtime stamps lines with nanoseconds, taken when it reads them."""

SETTLE_S = 5.0
"""A log stream that ended cleanly most likely ended with its container: so long the API may take to say so."""

MOVE_ON_S = 10.0
"""How long a seal waits for the stream to move on to the container instance the API speaks of."""


READ_BACKS = 3
"""Attempts at the log of a dead instance; it stays until the container has died once more."""


LOOK_BYTES = 1024 * 1024
"""After so much of a log it is looked at whether it was rotated; by default that happens after 10 MiB at the earliest."""

LOOK_S = 1.0
"""But not more often than this: the kubelet looks for what to rotate every 10 s."""


class Turn(StrEnum):
    """What a look at the log's beginning showed: still the same file; rotated and read back; rotated and a gap was recorded."""

    NONE = "none"
    READ_BACK = "read-back"
    LOST = "lost"


class End(StrEnum):
    """How an open stream came to its end."""

    CLEAN = "clean"
    SILENT = "silent"
    BROKEN = "broken"
    UNANCHORED = "unanchored"
    OTHER_INSTANCE = "other-instance"


class LogFollower(Worker):
    """Follows one container of one pod from its beginning, or with `from_now` from the last line there is at the start.

    Each instance (restart) of the container is a log of its own: when one ends, what is left of it is read back before the next
    is followed. Raises nothing: what cannot be had is a Gap. since_ns: when the pod was made; before the first line nothing after
    that is proved.
    """

    def __init__(
        self,
        source: LogSource,
        states: States,
        pod: str,
        container: str,
        stream: Stream,
        sink: Sink,
        raw: RawCopies,
        *,
        from_now: bool = False,
        since_ns: int | None = None,
        settle_s: float = SETTLE_S,
        retry_s: float = RETRY_S,
    ) -> None:
        super().__init__(f"log of {container} in {pod}", (stream,), sink, pod=pod)
        self.container = container
        self.note = "not open yet"
        self.delivered = 0
        self._source = source
        self._states = states
        self._stream = stream
        self._raw = raw
        self._from_now = from_now
        if since_ns is not None:
            self._proved_ns = min(self._proved_ns, since_ns)
        self._settle_s = settle_s
        self._retry_s = retry_s
        self._lock = threading.RLock()
        self._looking = threading.Lock()
        self._instance = -1
        self._tail: Tail[LogLine] = Tail(self._deliver)
        self._head: Head[LogLine] = Head()
        self._unseen_bytes = 0
        self._looked_s = mono_s()
        self._holes = 0
        self._turns = 0  # rotations noticed, by the thread or by a seal: either may find that the other was first
        self._complete = False
        self._over = False
        self._open = False
        self._answered = False

    # --- what others ask ---

    @property
    def proved_ns(self) -> int:
        """An unbroken stream has delivered everything before its last line."""
        with self._lock:
            return max(self._proved_ns, self._tail.last.stamp_ns if self._tail.last is not None else 0)

    @property
    def instance(self) -> int:
        """The container instance being followed; -1 before the first."""
        with self._lock:
            return self._instance

    def answers(self) -> str:
        """Whether the stream works: "" if so, else what is wrong. An open stream without a line must be confirmed by a reading."""
        if self.crashed or not self._open:
            return self.note or "the stream is not open"
        if self.delivered or self._answered:
            return ""
        try:
            lines = self._read(last=1)
        except SOURCE_ERRORS as error:
            return f"a reading failed: {what_of(error)}"
        if lines and self._tail.last is None:
            return "a line is there and has not come through the stream"
        self._answered = True
        return ""

    def seal(self) -> bool:
        """Read the end of the log once more: add what the stream has not brought, or record a gap. True if nothing is missing."""
        asked, holes = now_ns(), self._holes
        if self._over:
            return self._complete
        try:
            self._seal_instance()
        except PodGone:
            if not self._complete:
                self._over = True
                self.lost("the pod was gone before its log was sealed", until_ns=asked)
                return False
        except NotStarted:
            pass  # there is no log: nothing can be missing in it
        except SOURCE_ERRORS as error:
            self.lost(f"it could not be sealed: {what_of(error)}", until_ns=asked)
            return False
        if self.crashed:
            self.lost(self.note, until_ns=asked)
            return False
        self.prove(asked)
        return self._holes == holes

    def _seal_instance(self) -> None:
        for _attempt in range(3):
            state = self._states(self.pod, self.container)
            if not state.started:
                return
            self._reach(state)
            if self._read_end(state):
                return
        raise ObserveError("the container restarted, or its log was rotated, whenever it was read")

    def _reach(self, state: ContainerState) -> None:
        """Wait until the stream follows the instance the API speaks of; a stream that does not see its end is cut."""
        if self.instance >= state.instance:
            return
        if self.instance < 0 and self._from_now:
            raise ObserveError(f"it has no beginning yet: {self.note}")
        self.wake()
        began = mono_s()

        def look() -> Look[bool]:
            if mono_s() - began > self._settle_s / 2:
                self.interrupt()
            return Look(self.instance >= state.instance or None, f"instance {self.instance} is followed: {self.note or 'open'}")

        try:
            wait_for(f"the log of instance {state.instance}", look, within_s=MOVE_ON_S, every_s=0.2)
        except WaitTimeout as late:
            raise ObserveError(late.what) from late

    def _read_end(self, state: ContainerState) -> bool:
        """Join a reading of the current log in. False: the container restarted meanwhile, or the thread saw the log rotated.

        Raises if the reading proves nothing.
        """
        with self._lock:
            before, turns = self._tail.last, self._turns
        lines = self._read(before)
        after = self._states(self.pod, self.container)
        with self._lock:
            if after.instance != state.instance or self._instance != state.instance:
                return False
            joined = self._head.covers(self._tail.last)
            joined = self._tail.splice(lines, before) or joined
        if self._look() is Turn.NONE and not joined:
            if self._turns != turns:
                return False
            raise ObserveError("the last line seen is not in the log any more")
        with self._lock:
            self._complete = state.ended and self._instance == state.instance
        return True

    def _look(self, *, previous: bool = False, final: bool = True) -> Turn:
        """Whether the log was rotated since it was last looked at; then what the stream passed over is read back, or is a gap.

        previous: the followed instance is the one before the newest. final: record the gap now, do not wait for a better look.
        Raises SOURCE_ERRORS when the log itself cannot be read.
        """
        with self._looking:
            return self._look_alone(previous=previous, final=final)

    def _look_alone(self, *, previous: bool, final: bool) -> Turn:
        with self._lock:
            head, instance, had, mark = self._head, self._instance, self._head.had, self._head.mark
            self._unseen_bytes, self._looked_s = 0, mono_s()
        if mark is None:
            return Turn.NONE
        lines = self._read(first=True, previous=previous)
        found = lines[0] if lines else None
        with self._lock:
            if self._head is not head:
                return Turn.NONE
            if head.same(found):
                head.confirm(had)
                return Turn.NONE
        if not previous and self._states(self.pod, self.container).instance != instance:
            return Turn.NONE  # it is the next instance's first line
        rotated, why = self._rotated(instance, mark)
        if not rotated and not final:
            return Turn.NONE
        with self._lock:
            if self._head is not head:
                return Turn.NONE
            missing = head.turn(found, had, rotated)
            self._turns += 1
            for line in missing or ():
                self._out(line)
        if missing is not None:
            return Turn.READ_BACK
        self._holes += 1
        self.lost(
            f"the log was rotated, and what the stream may have passed over cannot be read: {why}",
            from_ns=mark.stamp_ns,
            until_ns=found.stamp_ns if found is not None else None,
        )
        return Turn.LOST

    def _rotated(self, instance: int, mark: LogLine) -> tuple[list[LogLine] | None, str]:
        try:
            raw = self._source.read(self.pod, self.container, since_ns=mark.stamp_ns, rotated=instance)
            return [parse_line(line) for line in raw], "they do not hold the last line had before"
        except SOURCE_ERRORS as error:
            return None, what_of(error)

    # --- the thread ---

    def run(self) -> None:
        """Follow instance after instance."""
        state = self._await_start()
        if state is None:
            return
        self._start_instance(state.instance, *self._anchor())
        while not self.stopping():
            end, why = self._stream_once()
            if self.stopping():
                return
            self.note = why
            after = self._settle(end)
            if after is None:
                return
            if after.instance > self.instance:
                self._finish(after)
                if after.instance > self.instance:
                    self._start_instance(after.instance)
            elif end is End.UNANCHORED:
                self._concede()
            elif end is not End.SILENT:
                self.pause(self._retry_s)

    def _await_start(self) -> ContainerState | None:
        """Wait for the container's first start. None: asked to end, or the pod is gone."""
        while not self.stopping():
            state = self._state()
            if state is None or state.started:
                return state
            self.note = "the container has not started"
            self.pause(RETRY_S)
        return None

    def _state(self) -> ContainerState | None:
        """The container's state, asked for until the API answers. None: asked to end, or the pod is gone (then a gap or sealed)."""
        while not self.stopping():
            try:
                return self._states(self.pod, self.container)
            except PodGone:
                self._gone()
                return None
            except SOURCE_ERRORS as error:
                self.note = what_of(error)
                self.pause(RETRY_S)
        return None

    def _anchor(self) -> tuple[LogLine, LogLine] | tuple[()]:
        """With `from_now`, the first and the last line of the log as it is; asked for until there is an answer or an end."""
        while self._from_now and not self.stopping():
            try:
                first, last = self._read(first=True), self._read(last=1)
            except PodGone:
                break
            except SOURCE_ERRORS as error:
                self.note = what_of(error)
                self.pause(RETRY_S)
            else:
                self._answered = True
                return (first[0], last[-1]) if first and last else ()
        return ()

    def _start_instance(self, instance: int, first: LogLine | None = None, anchor: LogLine | None = None) -> None:
        with self._lock:
            self._instance = instance
            self._complete = False
            self._tail = Tail(self._deliver, last=anchor)
            self._head = Head(first, anchor)

    def _stream_once(self) -> tuple[End, str]:
        """Open the stream and take its lines until it ends."""
        with self._lock:
            last = self._tail.last
            self._tail.reopened()
        stream: Iterator[bytes] = iter(())
        try:
            stream = self._source.follow(
                self.pod, self.container, since_ns=last.stamp_ns if last is not None else None, opened=self._opened
            )
            for raw in stream:
                line = parse_line(raw)
                if self._tail.last is None and self._states(self.pod, self.container).instance != self._instance:
                    # The first line cannot be recognised by its predecessor: make sure whose it is.
                    return End.OTHER_INSTANCE, "the container has restarted"
                with self._lock:
                    if not self._tail.offer(line):
                        return End.UNANCHORED, "the last line seen did not come again"
                if self._unseen_bytes >= LOOK_BYTES and mono_s() - self._looked_s >= LOOK_S:
                    with contextlib.suppress(*SOURCE_ERRORS):  # the next look will do
                        self._look(final=False)
        except PodGone as gone:
            return End.CLEAN, gone.what
        except Silent as silent:
            return End.SILENT, silent.what
        except SOURCE_ERRORS as error:
            return End.BROKEN, what_of(error)
        finally:
            self._open = False
            self.hold(None)
            if isinstance(stream, Generator):
                stream.close()
        return End.CLEAN, "the stream ended"

    def _opened(self, what: Closable) -> None:
        self.note, self._open = "", True  # in this order: an open stream has nothing to complain of
        self.hold(what)

    def _read(
        self, since: LogLine | None = None, *, previous: bool = False, last: int | None = None, first: bool = False
    ) -> list[LogLine]:
        since_ns = since.stamp_ns if since is not None else None
        raw = self._source.read(self.pod, self.container, since_ns=since_ns, previous=previous, last=last, first=first)
        return [parse_line(line) for line in raw]

    def _settle(self, end: End) -> ContainerState | None:
        """The container's state once it is clear what the end of the stream meant."""
        deadline = mono_s() + self._settle_s
        while True:
            state = self._state()
            if state is None or state.instance > self.instance:
                return state
            if state.ended and not self._complete:
                self._read_dead(state)
            elif not self._complete and (end in (End.SILENT, End.BROKEN) or mono_s() >= deadline):
                return state
            self.pause(min(RETRY_S, self._settle_s))
            if self.stopping():
                return None

    def _read_dead(self, state: ContainerState) -> None:
        """The newest instance has ended and nothing has replaced it yet: its whole log can be read in peace."""
        try:
            self._read_end(state)
        except SOURCE_ERRORS as error:
            self.note = what_of(error)

    def _finish(self, state: ContainerState) -> None:
        """Read back the end of the instance that was followed, and in full the one before the newest if that was skipped."""
        if state.previous is not None and state.previous > self.instance:
            if not self._complete or state.previous > self.instance + 1:
                self.lost(f"after instance {self.instance} the oldest log there is is that of instance {state.previous}")
            self._start_instance(state.previous)
        for attempt in range(READ_BACKS):
            if self._complete or self.stopping():
                return
            reason = self._read_previous(state)
            if reason and attempt + 1 == READ_BACKS:
                self.lost(f"the end of instance {self.instance} cannot be read: {reason}")
            elif reason:
                self.pause(self._retry_s)

    def _read_previous(self, state: ContainerState) -> str:
        """Join the ended instance's log in. Why that failed, or nothing if it is now whole."""
        with self._lock:
            before, turns = self._tail.last, self._turns
        try:
            lines = self._read(before, previous=True)
            after = self._states(self.pod, self.container)
        except SOURCE_ERRORS as error:
            return what_of(error)
        if state.previous != self.instance or after.previous != self.instance:
            return f"what the API gives as the previous log is of instance {after.previous}"
        with self._lock:
            whole = self._head.covers(self._tail.last)
            whole = self._tail.splice(lines, before) or whole
        try:
            self._look(previous=True)
            whole = whole or self._turns != turns
        except SOURCE_ERRORS as error:
            return what_of(error)
        self._complete = whole
        return "" if whole else "the last line seen is not in it"

    def _concede(self) -> None:
        with self._lock:
            covered, turns = self._head.covers(self._tail.last), self._turns
        with contextlib.suppress(*SOURCE_ERRORS):
            self._look()
        with self._lock:
            since = self.proved_ns
            until = self._tail.concede()
            turned = self._turns != turns
        if not turned and not covered:
            self.lost("the last line seen is not in the log any more", from_ns=since, until_ns=until)

    def _gone(self) -> None:
        self.note = "the pod is gone"
        already, self._over = self._over, True
        if already or self._complete or self.stopping():
            return
        read = "sealed" if self._instance >= 0 else "read"
        self.lost(f"the pod was gone before its log was {read}")

    def _deliver(self, line: LogLine) -> None:
        self._unseen_bytes += len(line.raw)
        if self._head.take(line):
            self._out(line)

    def _out(self, line: LogLine) -> None:
        self._raw.append(f"{self.pod}/{self.container}.{self._instance}.log", line.raw)
        self.record(
            Observation(
                stream=self._stream,
                pod=self.pod,
                container=self.container,
                instance=self._instance,
                at_ns=line.stamp_ns,
                resolution_ns=RESOLUTION_NS,
                seen_ns=now_ns(),
                payload=line.text,
            )
        )
        self.delivered += 1
