"""The kubelet's and the container runtime's own words: the node's journal, followed by a command inside the node."""

from __future__ import annotations

import contextlib
import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence

from harness.adapters.answers import what_of
from harness.adapters.clock import now_ns
from harness.adapters.following import Followed
from harness.adapters.process import run as run_program
from harness.errors import HarnessError
from harness.knative.identity import Identity, Owner
from harness.knative.journald import Entry, NotAnEntry, parse_entry
from harness.knative.times import MICROSECOND_NS, SECOND_NS
from harness.model import Gap, Observation, Stream
from harness.observe.rawcopy import RawCopies
from harness.observe.sink import Sink
from harness.observe.tail import Tail
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
            except (HarnessError, NotAnEntry) as error:
                self.note = what_of(error)
                if not self.stopping():
                    self.pause(self._retry_s)

    def _follow_once(self) -> None:
        with self._lock:
            anchor = self._tail.last
            self._tail.reopened()
            command = self.command(follow=True)
        child = Followed(self._exec_argv(command), self._exec_env, within_s=self._life_s + MARGIN_S, ends=(TIME_OVER,))
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
        except (HarnessError, NotAnEntry) as error:
            self.lost(f"it could not be sealed: {what_of(error)}", until_ns=asked)
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
