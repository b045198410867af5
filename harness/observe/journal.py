"""The kubelet's and the container runtime's own words: the node's journal, followed by a command inside the node."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.adapters.clock import mono_s, now_ns
from harness.adapters.process import run as run_program
from harness.errors import HarnessError, ObserveError
from harness.knative.times import MICROSECOND_NS, SECOND_NS
from harness.model import Gap, Observation, Stream
from harness.observe.identity import Identity, Owner
from harness.observe.rawcopy import RawCopies
from harness.observe.sink import Sink
from harness.observe.tail import Tail
from harness.observe.wire import Broken, Silent
from harness.observe.worker import RETRY_S, Worker

ExecArgv = Callable[[Sequence[str]], list[str]]
"""The command that runs a command inside the node."""

LIFE_S = 300
"""A follower inside the node ends by itself after this and is started anew: one whose harness was killed does not stay."""

MARGIN_S = 15.0

TIME_OVER = 124
"""What `timeout` answers when it had to end its command."""

FIRST_LINES = 50
"""Entries from before the start: the first answer, and the place to resume at."""

SUPPRESSED_NS = 30 * SECOND_NS
"""The journal's own rate limit drops within intervals of 30 s, and says so afterwards."""

UNITS: Mapping[str, Stream] = {"kubelet.service": Stream.KUBELET, "containerd.service": Stream.CONTAINERD}
_JOURNALD = "systemd-journald.service"
_SUPPRESSED = re.compile(r"Suppressed \d+ messages from (\S+?)\.?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. stamp_ns: when the journal received it, true to a microsecond."""

    stamp_ns: int
    cursor: str
    unit: str
    message: str


class Journal(Worker):
    """Follows both units. Only lines about the run's namespace become observations; the raw copies keep all.

    The command inside the node starts at the last entry's cursor, so that this very entry must come first after each break.
    """

    def __init__(
        self,
        exec_argv: ExecArgv,
        exec_env: Mapping[str, str],
        identity: Identity[Entry],
        sink: Sink,
        raw: RawCopies,
        *,
        retry_s: float = RETRY_S,
        life_s: int = LIFE_S,
    ) -> None:
        super().__init__("node journal", tuple(UNITS.values()), sink)
        self.note = "no entry yet"
        self.delivered = 0
        self._exec_argv = exec_argv
        self._exec_env = dict(exec_env)
        self._identity = identity
        self._raw = raw
        self._retry_s = retry_s
        self._life_s = life_s
        self._lock = threading.RLock()
        self._tail: Tail[Entry] = Tail(self._deliver)
        self.mark = f"KNATIVE_CHAOS_OBSERVER={uuid.uuid4().hex}"

    def command(self, *, follow: bool) -> list[str]:
        """What is run inside the node. The last match never matches: it is how `end` finds what we started there."""
        with self._lock:
            last = self._tail.last
        begin = [f"--lines={FIRST_LINES}"] if last is None else [f"--cursor={last.cursor}", *(["--no-tail"] if follow else [])]
        units = [f"_SYSTEMD_UNIT={unit}" for unit in (*UNITS, _JOURNALD)]
        # --all: without it a field of more than 4096 bytes comes as null.
        what = ["--output=json", "--output-fields=MESSAGE,_SYSTEMD_UNIT", "--all", "--no-pager", "--quiet"]
        ahead = ["timeout", str(self._life_s)] if follow else []
        return [*ahead, "journalctl", *(["--follow"] if follow else []), *begin, *what, *units, "+", self.mark]

    def run(self) -> None:
        """Follow, resume, for ever."""
        while not self.stopping():
            try:
                self._follow_once()
            except Silent:
                continue
            except ObserveError as error:
                self.note = error.what
            if not self.stopping():
                self.pause(self._retry_s)

    def _follow_once(self) -> None:
        with self._lock:
            anchor = self._tail.last
            self._tail.reopened()
            command = self.command(follow=True)
        child = _Child(self._exec_argv(command), self._exec_env, self._life_s + MARGIN_S)
        self.hold(child)
        first = anchor is not None
        try:
            for line in child:
                entry = parse_entry(line)
                with self._lock:
                    if not self._tail.offer(entry) or (first and entry != anchor):
                        since = self.proved_ns
                        until = self._tail.concede()
                        self.lost("the last entry seen is not in the journal any more", from_ns=since, until_ns=until)
                    self.prove(entry.stamp_ns)
                first, self.note = False, ""
        finally:
            self.hold(None)
            if not child.reap():
                self._sweep()

    def _sweep(self) -> None:
        """End what was started inside the node: it outlives the command that started it."""
        with contextlib.suppress(HarnessError):  # it ends by itself within LIFE_S
            run_program(self._exec_argv(["pkill", "-f", self.mark]), env=self._exec_env, timeout_s=15, check=False)

    def join(self, within_s: float) -> bool:
        """Also leaves nothing of ours in the node."""
        joined = super().join(within_s)
        self._sweep()
        return joined

    def seal(self) -> bool:
        """Read the journal from the last entry to its end: add what has not come, or record a gap."""
        asked = now_ns()
        with self._lock:
            before = self._tail.last
        try:
            done = run_program(self._exec_argv(self.command(follow=False)), env=self._exec_env, timeout_s=20)
            entries = [parse_entry(line) for line in done.stdout.encode().split(b"\n") if line.strip()]
        except HarnessError as error:
            self.lost(f"it could not be sealed: {error.what}", until_ns=asked)
            return False
        with self._lock:
            whole = self._tail.splice(entries, before) and before is not None
        if not whole or self.crashed:
            late = "it was not followed until now" if before is None else "the last entry seen is not in the journal any more"
            self.lost(self.note if self.crashed else late, until_ns=asked)
            return False
        self.settle()
        self.prove(asked)
        return True

    def settle(self) -> None:
        """Deliver lines whose owner has become known since they came."""
        for owner, entry in self._identity.settled():
            self._observe(owner, entry)

    def _deliver(self, entry: Entry) -> None:
        self.delivered += 1
        stream = UNITS.get(entry.unit)
        if stream is None:
            self._suppressed(entry)
            return
        name = entry.unit.removesuffix(".service")
        self._raw.append(f"journal/{name}.log", f"{entry.stamp_ns // MICROSECOND_NS} {entry.message}".encode())
        owner = self._identity.place(entry.message, entry)
        if owner is not None:
            self._observe(owner, entry)
            self.settle()

    def _suppressed(self, entry: Entry) -> None:
        found = _SUPPRESSED.search(entry.message)
        stream = UNITS.get(found.group(1)) if found is not None else None
        if stream is not None:
            self.sink.gap(Gap(stream, "", entry.stamp_ns - SUPPRESSED_NS, entry.stamp_ns, f"{self.name}: {entry.message}"))

    def _observe(self, owner: Owner, entry: Entry) -> None:
        self.record(
            Observation(
                stream=UNITS[entry.unit],
                pod=owner.pod,
                container=owner.container,
                instance=owner.instance,
                at_ns=entry.stamp_ns,
                resolution_ns=MICROSECOND_NS,
                seen_ns=now_ns(),
                payload=entry.message,
            )
        )


def parse_entry(line: bytes) -> Entry:
    """One line of `journalctl --output=json`. A message that is not UTF-8 comes as a list of bytes. Raises Broken."""
    try:
        value = json.loads(line)
        message = value.get("MESSAGE")
        if isinstance(message, list):
            message = bytes(message).decode(errors="replace")
        return Entry(
            stamp_ns=int(value["__REALTIME_TIMESTAMP"]) * MICROSECOND_NS,
            cursor=str(value["__CURSOR"]),
            unit=str(value.get("_SYSTEMD_UNIT") or ""),
            message=str(message or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Broken(f"instead of a journal entry came: {line[:200].decode(errors='replace')}") from error


class _Child:
    """A program whose output is read line by line by one thread; `close` from any thread ends that."""

    def __init__(self, argv: list[str], env: Mapping[str, str], life_s: float) -> None:
        self._life_s = life_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `reap`, a pipe nobody reads would block the program
        self._woken, self._wake = os.pipe()
        try:
            self._child = subprocess.Popen(
                argv,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._release()
            raise Broken(f"{argv[0]} cannot be run: {error.strerror}") from error

    def __iter__(self) -> Iterator[bytes]:
        out = self._child.stdout
        if out is None:  # pragma: no cover - it was asked for
            return
        rest = b""
        until = mono_s() + self._life_s
        while True:
            readable, _, _ = select.select([out.fileno(), self._woken], [], [], max(0.0, until - mono_s()))
            if self._woken in readable:
                raise Silent("ended from outside")
            if not readable:
                raise Broken("the journal's follower did not end in its time")
            chunk = os.read(out.fileno(), 65_536)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line for line in whole if line.strip())
        code = self._child.wait()
        if code == TIME_OVER:
            raise Silent("the follower's time was over")
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()[-300:]
        raise Broken(f"the journal's follower ended with {code}: {said}")

    def close(self) -> None:
        """End the iteration, from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._wake, b".")

    def reap(self) -> bool:
        """Leave nothing behind on this side. True if the program had ended by itself."""
        by_itself = self._child.poll() is not None
        if not by_itself:
            self._child.terminate()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._release()
        return by_itself

    def _release(self) -> None:
        out = getattr(self, "_child", None) and self._child.stdout
        if out:
            out.close()
        self._errors.close()
        os.close(self._woken)
        os.close(self._wake)
