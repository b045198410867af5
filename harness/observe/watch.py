"""List and watch of one kind of object in one namespace, over breaks, with proof that nothing was passed over."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Protocol

from harness.adapters.answers import CONNECT_S, Broken, Refused, Silent, open_lines, read_json
from harness.adapters.clock import now_ns
from harness.adapters.wait import Look, wait_for
from harness.errors import ObserveError, WaitTimeout
from harness.knative.missed import Missed
from harness.knative.objects import Object, name_of, uid_of, version
from harness.model import NOBODY, Gap, Observation, Stream
from harness.observe.sink import Sink
from harness.observe.worker import RETRY_S, Worker

SERVER_S = 60
"""The API server ends each watch after this, with the bookmark that lets the next one go on."""

MARGIN_S = 10.0
"""A connection on which nothing came for this much longer is dead."""

EXPIRED = 410
SEAL_S = 15.0
"""How long a seal waits for a watch to bring what a list shows. Only a watch that is behind, or has lost something, takes it."""

Call = Callable[..., Any]
"""A generated list call. Watch has it with its namespace bound."""


class Decode(Protocol):
    """An object, whether it is gone and when that was seen, as an observation; None if there is nothing to record."""

    def __call__(self, obj: Object, /, *, deleted: bool, seen_ns: int) -> Observation | None:
        """Called for each new state."""


Notice = Callable[[Object, bool], None]
"""Told of each new state of an object, and whether it is gone, after it was recorded."""


class _Expired(ObserveError):
    """The version to go on from is not kept any more."""


class Watch(Worker):
    """Delivers each state of each object once.

    A connection that breaks is taken up again at the last version: nothing is lost. If the server no longer keeps that version,
    the objects are listed anew. missed: tells for each object whether its present state makes up for that; without it, or if it
    does not, what lay between is a Gap.
    """

    def __init__(
        self,
        name: str,
        stream: Stream,
        call: Call,
        decode: Decode,
        sink: Sink,
        *,
        notice: Notice | None = None,
        missed: Missed | None = None,
        server_s: int = SERVER_S,
        margin_s: float = MARGIN_S,
        retry_s: float = RETRY_S,
    ) -> None:
        super().__init__(name, (stream,), sink)
        self.note = "not listed yet"
        self.listed = False
        self._call = call
        self._decode = decode
        self._notice = notice
        self._missed = missed
        self._server_s = server_s
        self._margin_s = margin_s
        self._retry_s = retry_s
        self._resume_at = ""
        self._known: dict[str, Object] = {}
        self._ended: set[str] = set()
        self._lock = threading.RLock()

    def objects(self) -> tuple[Object, ...]:
        """The objects as last seen."""
        with self._lock:
            return tuple(self._known.values())

    def run(self) -> None:
        """List, then watch for ever."""
        while not self.stopping():
            try:
                if not self._resume_at:
                    self._list()
                self._watch_once()
                self.note = ""
            except _Expired as expired:
                self._resume_at, self.note = "", f"the version to go on from is gone: {expired.what}"
                self.pause(self._retry_s)
            except Silent as silent:
                self.note = silent.what
            except Broken as broken:
                self.note = broken.what
                self.pause(self._retry_s)

    def _list(self) -> None:
        answer = read_json(lambda: self._call(_preload_content=False, _request_timeout=(CONNECT_S, 15.0)))
        seen = now_ns()
        with self._lock:
            if self.listed:
                self._bridge({uid_of(obj): obj for obj in answer.get("items") or []}, seen)
            there = {uid_of(obj) for obj in answer.get("items") or []}
            for uid in [uid for uid in self._known if uid not in there]:
                self._take(self._known[uid], deleted=True, seen_ns=seen)
            for obj in answer.get("items") or []:
                self._take(obj, deleted=False, seen_ns=seen)
            self._resume_at = str((answer.get("metadata") or {}).get("resourceVersion") or "")
        self.listed, self.note = True, ""
        self.prove(seen)

    def _bridge(self, there: dict[str, Object], seen_ns: int) -> None:
        """Record what may have been missed between the last proof and this list."""
        said = "the watch could not be resumed; listed anew"
        if self._missed is None:
            self.lost(said, until_ns=seen_ns)
            return
        since_ns = min(self.proved_ns, seen_ns)
        why: dict[str, list[str]] = {}
        for uid in {**self._known, **there}:
            lost = self._missed(self._known.get(uid), there.get(uid), since_ns)
            if lost is not None:
                why.setdefault(lost.pod, []).append(lost.why)
        for pod, reasons in (why or {NOBODY: ["all that was known is accounted for"]}).items():
            for stream in self.streams:
                self.sink.gap(Gap(stream, pod, since_ns, seen_ns, f"{self.name}: {said}: {'; '.join(reasons)}"[:400]))
        self.prove(seen_ns)

    def _watch_once(self) -> None:
        try:
            lines = open_lines(
                lambda: self._call(
                    watch=True,
                    resource_version=self._resume_at,
                    allow_watch_bookmarks=True,
                    timeout_seconds=self._server_s,
                    _preload_content=False,
                    _request_timeout=(CONNECT_S, self._server_s + self._margin_s),
                )
            )
        except Refused as refused:
            if refused.status == EXPIRED:
                raise _Expired(refused.what) from refused
            raise
        self.hold(lines)
        self.note = ""
        try:
            for line in lines:
                self._message(line)
            if not self.stopping():
                self.prove(now_ns())  # the server ended it in good order
        finally:
            self.hold(None)
            lines.close()

    def _message(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            kind, obj = message["type"], message["object"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Broken(f"the watch sent what is no watch event: {line[:80]!r}") from error
        if kind == "ERROR":
            if obj.get("code") == EXPIRED:
                raise _Expired(str(obj.get("message") or ""))
            raise Broken(f"the watch says: {obj.get('message')}")
        seen = now_ns()
        with self._lock:
            if kind != "BOOKMARK":
                self._take(obj, deleted=kind == "DELETED", seen_ns=seen)
            self._resume_at = str(obj["metadata"]["resourceVersion"])
        self.prove(seen)

    def _take(self, obj: Object, *, deleted: bool, seen_ns: int) -> None:
        uid = uid_of(obj)
        if deleted:
            self._known.pop(uid, None)
            self._ended.add(uid)
        elif uid in self._known and version(self._known[uid]) >= version(obj):
            return
        else:
            self._known[uid] = obj
        observation = self._decode(obj, deleted=deleted, seen_ns=seen_ns)
        if observation is not None:
            self.record(observation)
        if self._notice is not None:
            self._notice(obj, deleted)

    def seal(self) -> bool:
        """List once more: whatever is in the list must have come, or come soon, by the watch. Else a gap, and it is added."""
        asked = now_ns()
        try:
            answer = read_json(lambda: self._call(_preload_content=False, _request_timeout=(CONNECT_S, 15.0)))
        except ObserveError as error:
            self.lost(f"it could not be sealed: {error.what}", until_ns=asked)
            return False
        items: list[Object] = answer.get("items") or []
        there = {uid_of(obj) for obj in items}
        then = version(answer)

        def missing() -> list[str]:
            with self._lock:
                news = [
                    obj for obj in items if uid_of(obj) not in self._ended and version(obj) > version(self._known.get(uid_of(obj)))
                ]
                ends = [obj for uid, obj in self._known.items() if uid not in there and version(obj) <= then]
            return [name_of(obj) for obj in news] + [f"the end of {name_of(obj)}" for obj in ends]

        def look() -> Look[bool]:
            if self.crashed:
                raise ObserveError(self.note)
            return Look(None, f"not seen: {', '.join(left)}") if (left := missing()) else Look(value=True, seen="all of it")

        try:
            wait_for(f"what is listed, by the watch of {self.name}", look, within_s=SEAL_S, every_s=0.1)
        except WaitTimeout as late:
            self.lost(late.last_seen, until_ns=asked)
            with self._lock:
                for obj in items:
                    if uid_of(obj) not in self._ended:
                        self._take(obj, deleted=False, seen_ns=now_ns())
            return False
        except ObserveError as error:
            self.lost(error.what, until_ns=asked)
            return False
        self.prove(asked)
        return True
