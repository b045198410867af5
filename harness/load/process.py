"""The harness's side of the generator: start it, look at what it measures while it runs, end it, and never leave it behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.adapters.files import write_atomic
from harness.adapters.process import tail_of
from harness.adapters.wait import Look, wait_for
from harness.errors import BadInput, LoadError, WaitTimeout
from harness.load.records import RecordReader, Seen
from harness.load.spec import BadSpec, GeneratorSpec
from harness.model import REPORT_FILE, SPEC_FILE, Deployed, GeneratorReport, Lane, LoadPlan, Outcome, Route

__all__ = ["Generator", "GeneratorSpec", "Seen", "read_report", "require_plan", "routes_of", "start"]

ANYWHERE = tuple(Route(name, "127.0.0.1", 1, "host", ()) for name in dict.fromkeys(lane.route for lane in Lane))
"""Routes that lead nowhere, of every name: whether a plan can be generated is asked before anything stands."""

LOG = "generator.log"
READY_WITHIN_S = 120.0
STARTED_WITHIN_S = 30.0
STOP_MARGIN_S = 30.0
"""`stop` waits so much longer than the drain: to write the report on a busy machine."""

DYING_S = 10.0
"""Between the closing of a dying process's pipes and its end may lie so much, on a machine with other things to do."""

END_PATIENCE_S = 15.0
"""`close` waits so long for an end in order, and as long again after SIGTERM: what is killed leaves no report."""


def start(spec: GeneratorSpec, out: Path) -> Generator:
    """Start a generator that writes into `out`, and wait until it is ready (and, with spec.at_once, about to send).

    out: made if need be; one generator a directory. Use it as a context manager: leaving the block ends it, whatever happened.
    Raises BadInput for a spec or a directory that cannot be used, LoadError when the generator does not come up.
    """
    try:
        spec.check()
    except BadSpec as error:
        raise BadInput(f"The load cannot be generated: {error}.", fix="Change the load plan.") from error
    try:
        write_atomic(out / SPEC_FILE, spec.to_json())
    except OSError as error:
        raise BadInput(
            f"The load's directory cannot be written: {error.strerror}.", where=str(out), fix="Name another artifacts directory."
        ) from error
    generator = Generator(spec, out)
    try:
        generator.wait_ready()
    except BaseException:
        generator.close()
        raise
    return generator


def require_plan(plan: LoadPlan) -> None:
    """Find out before anything is made whether this load can be generated. Raises BadInput."""
    try:
        GeneratorSpec(ANYWHERE, plan, "run", 0, max_s=60.0, drain_s=0.0).check()
    except BadSpec as error:
        raise BadInput(f"The load cannot be generated: {error}.", fix="Change the load plan.") from error


def routes_of(plan: LoadPlan, deployed: Deployed) -> tuple[Route, ...]:
    """The routes that the lanes of this plan take. Raises BadInput for a lane whose route is not there."""
    there = {route.name for route in deployed.routes}
    wanted = {lane.route: lane for lane, weight in plan.lanes if weight}
    for name, lane in wanted.items():
        if name not in there:
            raise BadInput(
                f"The load plan has the lane {lane}, but {deployed.name} has no route {name!r}.",
                fix="Leave the lane out, or use a cluster whose host ports include such a route.",
            )
    return tuple(route for route in deployed.routes if route.name in wanted)


def read_report(out: Path) -> GeneratorReport:
    """What the generator of this directory said of itself last. Raises LoadError when it left nothing that can be read."""
    try:
        return GeneratorReport(**json.loads((out / REPORT_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise LoadError(f"The load generator left no report: {error}.", where=str(out / REPORT_FILE)) from error


class Generator:
    """One running generator. All calls are for one thread."""

    def __init__(self, spec: GeneratorSpec, out: Path) -> None:
        """Starts the process and returns at once; `start` is the usual way here."""
        self.spec = spec
        self.out = out
        self.log = out / LOG
        self._told = b""
        self._events: list[dict[str, Any]] = []
        self._reader: RecordReader | None = None
        # The package's own place comes first on the path: the same code runs there as here, installed or not.
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal is for the harness, which then says stop.
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.load", str((out / SPEC_FILE).resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
        assert self._child.stdout is not None  # noqa: S101 - a pipe was asked for; for the type checker
        os.set_blocking(self._child.stdout.fileno(), False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the generator's process."""
        return self._child.pid

    # --- its life -------------------------------------------------------------------------------------------------------

    def wait_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Until it could send. Raises LoadError when it dies first or takes too long."""
        self._await("ready", within_s)
        if self._reader is None:
            self._reader = RecordReader(self.out)

    def begin(self) -> None:
        """Start sending, where the spec says not to do so at once."""
        self._command(b"start\n")

    def wait_started(self, within_s: float = STARTED_WITHIN_S) -> int:
        """Until the schedule has begun; returns t0 in UTC ns. Raises LoadError when it dies first or takes too long."""
        return int(self._await("started", within_s)["t0_ns"])

    def alive(self) -> bool:
        """Whether its process runs."""
        return self._child.poll() is None

    def check(self) -> None:
        """Raises LoadError if it has ended without having been told to, also in order (after max_s)."""
        if not self.alive():
            raise self._died("ended before it was told to")

    def wait_ended(self, within_s: float) -> None:
        """Until it ended by itself (max_s and the drain are over). Raises LoadError if it does not, or died."""
        try:
            code = self._child.wait(within_s)
        except subprocess.TimeoutExpired as error:
            raise LoadError(f"The load generator still runs after {within_s:g} s.", where=str(self.log)) from error
        if code != 0:
            raise self._died("died")

    def ask_to_stop(self) -> None:
        """Stop sending, without waiting for the end; `stop` does that. May be asked more than once."""
        if self.alive():
            with suppress(LoadError):  # it ends by itself at this very moment: its exit code decides
                self._command(b"stop\n")

    def stop(self, within_s: float | None = None) -> GeneratorReport:
        """Stop sending, let what is in flight be answered for at most spec.drain_s, end. Returns its report.

        within_s: for all of that; None: drain_s and a margin. A generator that had ended in order before (max_s) is fine; see
        the report's ended_by. Raises LoadError if it died or did not end in time (it is then made to).
        """
        patience = self.spec.drain_s + STOP_MARGIN_S if within_s is None else within_s
        self.ask_to_stop()
        try:
            code = self._child.wait(patience)
        except subprocess.TimeoutExpired as error:
            self.close()
            raise LoadError(
                f"The load generator did not end within {patience:g} s of being told to.", where=str(self.log)
            ) from error
        if code != 0:
            raise self._died("died")
        return read_report(self.out)

    def close(self) -> None:
        """End it if it still runs: by closing its input, then by SIGTERM, then by SIGKILL. Idempotent."""
        assert self._child.stdin is not None  # noqa: S101 - a pipe was asked for; for the type checker
        assert self._child.stdout is not None  # noqa: S101 - the same
        with suppress(OSError):
            self._child.stdin.close()
        for sig, patience in ((None, END_PATIENCE_S), (signal.SIGTERM, END_PATIENCE_S), (signal.SIGKILL, None)):
            if sig is not None:
                self._child.send_signal(sig)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(patience)
                break
        self._child.stdout.close()

    # --- what it measures: while it runs, and after it ended -------------------------------------------------------------

    def planned_so_far(self) -> int:
        """How many requests have become due and were sent or given up. Cheap."""
        return self._records().planned()

    def sent_so_far(self) -> int:
        """How many of them were sent. Cheap."""
        return self._records().without(Outcome.NOT_SENT)

    def failed_so_far(self) -> int:
        """How many of them are known to have come to anything but OK. Cheap."""
        return self._records().without(Outcome.OK, Outcome.UNANSWERED)

    def oldest_in_flight_ns(self) -> int:
        """Intended time (UTC) of the oldest request still without an outcome; 0: there is none. `tail` does not show those."""
        return self._records().oldest_in_flight_ns()

    def tail(self, since_ns: int, lanes: Collection[Lane] | None = None) -> list[Seen]:
        """Requests whose outcome became known at since_ns (UTC) or later, in the order they were due; none that is in flight.

        lanes: only theirs; None: of all.
        """
        return self._records().finished(since_ns, lanes)

    def attempts(self) -> list[Seen]:
        """What requests of a retrying lane came to before their last attempt, in the order known."""
        return self._records().attempts()

    def counts_since(self, since_ns: int) -> dict[Outcome, int]:
        """The same, counted by outcome; outcomes that did not occur are missing. Cheaper than `tail`."""
        return self._records().counts(since_ns)

    # --- inside ---------------------------------------------------------------------------------------------------------

    def _records(self) -> RecordReader:
        if self._reader is None:
            raise LoadError("The load generator was never ready; it has no records.", where=str(self.log))
        return self._reader

    def _command(self, line: bytes) -> None:
        assert self._child.stdin is not None  # noqa: S101 - a pipe was asked for; for the type checker
        try:
            self._child.stdin.write(line)
            self._child.stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: closed by us
            raise self._died("takes no commands any more") from error

    def _await(self, event: str, within_s: float) -> dict[str, Any]:
        def look() -> Look[dict[str, Any]]:
            dead = not self.alive()  # before reading: what it said before its end is still read
            self._hear()
            for told in self._events:
                if told["event"] == event:
                    return Look(told, event)
            if dead:
                raise self._died(f"died before it was {event}")
            return Look(None, f"it said {[told['event'] for told in self._events]}")

        try:
            return wait_for(f"load generator {event}", look, within_s=within_s, every_s=0.01, where=str(self.log))
        except WaitTimeout as error:
            raise LoadError(f"The load generator was not {event} within {within_s:g} s.", where=str(self.log)) from error

    def _hear(self) -> None:
        assert self._child.stdout is not None  # noqa: S101 - a pipe was asked for; for the type checker
        with suppress(BlockingIOError):
            while got := os.read(self._child.stdout.fileno(), 4096):
                self._told += got
        *lines, self._told = self._told.split(b"\n")
        self._events += [json.loads(line) for line in lines]

    def _died(self, what: str) -> LoadError:
        try:
            code = self._child.wait(DYING_S)
        except subprocess.TimeoutExpired:
            return LoadError(f"The load generator {what}.", where=str(self.log))
        if code == 0:
            return LoadError("The load generator has ended: its time (max_s) was over.", where=str(self.log), fix="Raise max_s.")
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        said = tail_of(self.log).strip().splitlines()
        return LoadError(f"The load generator {what}, {how}; it said: {' | '.join(said[-5:]) or 'nothing'}.", where=str(self.log))
