"""Which TCP sockets listen in each pod's network, whatever the program: sampled by one program on the node, `listeners.pl`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from harness.adapters.answers import what_of
from harness.adapters.clock import now_ns
from harness.adapters.following import Followed
from harness.adapters.wait import Look, wait_for
from harness.errors import HarnessError, WaitTimeout
from harness.knative.listeners import Stretch, sealed_of, stretch_of
from harness.knative.pods import cgroup_pattern
from harness.knative.times import MILLISECOND_NS, SECOND_NS
from harness.model import LISTENER_HOLE, Gap, Observation, Stream
from harness.observe.journal import ExecArgv
from harness.observe.sink import Sink
from harness.observe.worker import RETRY_S, Worker

PROGRAM = files("harness.observe").joinpath("listeners.pl").read_text(encoding="utf-8")

EVERY_MS = 20
"""A look takes 0.12 ms of CPU time, so this costs 1 % of a core (docs/listener.md)."""

LIFE_S = 86_400.0
STAY_NS = 60 * SECOND_NS
"""The program ends without a command for five minutes: one whose harness was killed does not stay."""

SEALED_WITHIN_S = 5.0


@dataclass(slots=True)
class _Followed:
    """A pod whose sockets are sampled. seen: whether it was looked at. last_ns: when the last look began, or what was recorded as a
    gap ended; before, when it was followed.
    """

    pattern: str
    last_ns: int
    seen: bool = False


class ListenerWitness(Worker):
    """Samples the pods that it was told to follow, until it is told to forget them.

    exec_argv, exec_env: how a command is run inside the node with its standard input passed on. A pod is sampled as soon as a
    process of it is found. Between two looks that are more than LISTENER_HOLE apart is a Gap of the pod, whatever made it: a busy
    machine, a sampler that died and was started anew, one that is stopped.
    """

    def __init__(
        self,
        exec_argv: ExecArgv,
        exec_env: Mapping[str, str],
        sink: Sink,
        *,
        every_ms: int = EVERY_MS,
        retry_s: float = RETRY_S,
        sealed_within_s: float = SEALED_WITHIN_S,
    ) -> None:
        super().__init__("listening sockets", (Stream.LISTENERS,), sink)
        self._exec_argv = exec_argv
        self._exec_env = dict(exec_env)
        self._every_ms = every_ms
        self._retry_s = retry_s
        self._sealed_within_s = sealed_within_s
        self._lock = threading.RLock()
        self._pods: dict[str, _Followed] = {}
        self._child: Followed | None = None
        self._told_ns = 0
        self._seals = 0
        self._sealed = 0

    # --- what is sampled ---

    def follow(self, pod: str, uid: str) -> None:
        """Sample this pod from now on; nothing happens if it is followed already."""
        with self._lock:
            if pod not in self._pods:
                pattern = cgroup_pattern(uid)
                self._pods[pod] = _Followed(pattern, now_ns())
                self._tell(f"watch {pod} {pattern}")

    def forget(self, pod: str) -> None:
        """Sample it no longer."""
        with self._lock:
            if self._pods.pop(pod, None) is not None:
                self._tell(f"forget {pod}")

    # --- life ---

    def run(self) -> None:
        """Sample, start the program anew when it ends, for ever."""
        while not self.stopping():
            try:
                self._sample()
                self.note = "its program ended"
            except HarnessError as error:
                self.note = what_of(error)
            if not self.stopping():
                self.pause(self._retry_s)

    def _sample(self) -> None:
        command = ["perl", "-e", PROGRAM, str(self._every_ms)]
        child = Followed(self._exec_argv(command), self._exec_env, within_s=LIFE_S, commands=True)
        self.hold(child)
        try:
            with self._lock:
                self._child = child
                for pod, followed in self._pods.items():
                    self._tell(f"watch {pod} {followed.pattern}")
            for line in child:
                self.note = ""
                self._take(line.decode(errors="replace"))
        finally:
            with self._lock:
                self._child = None
            self.hold(None)
            child.reap()

    def seal(self) -> bool:
        """Ask for all looks until now and take them; what was not looked at until now is a Gap. True if there is none."""
        asked_ns = now_ns()
        with self._lock:
            if not self._pods:
                return True
            self._seals += 1
            wanted = self._seals
            self._tell(f"seal {wanted}")

        def look() -> Look[bool]:
            # Whoever cannot be asked does not answer; a thread that died has said so.
            return Look(True if self._sealed >= wanted or self._child is None or self.crashed else None, "no answer")

        try:
            wait_for("the looks at the listening sockets", look, within_s=self._sealed_within_s, every_s=0.02)
        except WaitTimeout:
            self.note = f"its program did not answer within {self._sealed_within_s:g} s"
        with self._lock:
            sealed = [self._sealed_until(pod, followed, asked_ns) for pod, followed in self._pods.items()]
        return all(sealed)

    def _sealed_until(self, pod: str, followed: _Followed, asked_ns: int) -> bool:
        if followed.seen and asked_ns - followed.last_ns <= self._hole_ns:
            return True
        self._hole(pod, followed.last_ns, asked_ns, self.note or ("" if followed.seen else "no process of it was found"))
        followed.last_ns = max(followed.last_ns, asked_ns)
        return False

    # --- inside ---

    @property
    def _hole_ns(self) -> int:
        return LISTENER_HOLE * self._every_ms * MILLISECOND_NS

    def _tell(self, command: str) -> None:
        if self._child is not None:
            self._child.tell(command)
            self._told_ns = now_ns()

    def _take(self, line: str) -> None:
        stretch = stretch_of(line)
        if stretch is None:
            self._sealed = max(self._sealed, sealed_of(line))
            return
        with self._lock:
            if now_ns() - self._told_ns > STAY_NS:
                self._tell("stay")
            followed = self._pods.get(stretch.pod)
            if followed is None:
                return  # the rest of one that was forgotten
            self._note_holes(followed, stretch)
        first, last = stretch.looks[0], stretch.looks[-1]
        self.record(Observation(Stream.LISTENERS, stretch.pod, "", -1, first[0], last[1] - first[0], now_ns(), line))
        self.prove(last[0])

    def _note_holes(self, followed: _Followed, stretch: Stretch) -> None:
        for look in stretch.looks:
            if followed.seen and look[0] - followed.last_ns > self._hole_ns:
                self._hole(stretch.pod, followed.last_ns, look[1], "")
            followed.last_ns, followed.seen = look[0], True

    def _hole(self, pod: str, from_ns: int, until_ns: int, why: str) -> None:
        words = f"{self.name}: no look for {(until_ns - from_ns) / SECOND_NS:.3f} s"
        self.sink.gap(Gap(Stream.LISTENERS, pod, from_ns, max(from_ns, until_ns), f"{words}: {why}" if why else words))
