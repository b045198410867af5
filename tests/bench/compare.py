"""The clients side by side on one truth server: what is run and how often. `measures` says what a number is."""

from __future__ import annotations

import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.adapters.progress import Progress
from harness.load.process import Generator
from tests.bench import measures
from tests.bench.machine import BACKGROUND_LIMIT, STEAL_LIMIT, Steal, background, cpus, facts, hogs, on_cpu
from tests.bench.measures import Times
from tests.bench.results import Client, Comparison, Own
from tests.bench.subjects import OURS, Order, Subject, Told, TooLate, watched
from tests.bench.truth import Fault, Truth, serving

MAX_AGAIN = 3
"""So often a run is measured again because CPU was stolen from it; then it counts as it is."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    rate, seconds: of a pacing run. rungs: of the ladder, which begins at `rate` and goes up or down. busy: who is measured while
    every core is busy. stall_s: of our own goal. patience_s: see Order. brief: without what a trial can do without.
    """

    mode: str
    rounds: int
    rate: int
    seconds: float
    rungs: tuple[int, ...]
    rung_s: float
    busy: tuple[str, ...]
    stall_s: float
    patience_s: float = 60.0
    brief: bool = False


FULL = Extent(
    mode="full",
    rounds=3,
    rate=500,
    seconds=5.0,
    rungs=(100, 200, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000),
    rung_s=2.0,
    busy=(OURS, "vegeta"),
    stall_s=5.0,
)
QUICK = Extent(
    mode="quick",
    rounds=1,
    rate=500,
    seconds=2.0,
    rungs=(100, 500, 1_000, 5_000, 20_000, 30_000),
    rung_s=1.0,
    busy=(OURS, "vegeta"),
    stall_s=2.0,
    patience_s=4.0,
    brief=True,
)

STALL_RATE = 1_000
BULK = 100_000
BULK_RATE = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One run from both sides."""

    told: Told
    truth: Truth
    rate: float

    def late(self, subject: Subject, *, read: bool = False) -> Times:
        """Arrival (or reading) minus intended time of each request.

        Without a plan of its own a client is held to the grid of its own starts, or of its arrivals if it does not give UTC.
        """
        at = self.truth.read_ns if read else self.truth.at_ns
        if self.told.planned:
            return measures.by_number(self.truth.seq, at, self.told.seq, self.told.starts_ns)
        starts = self.told.starts_ns if subject.name == "vegeta" else self.truth.at_ns
        return measures.errors(at, measures.grid(starts, self.rate))


class Bench:
    """The measuring of all subjects to one extent."""

    def __init__(self, subjects: Sequence[Subject], extent: Extent, progress: Progress, scratch: Path) -> None:
        """scratch: where clients and server may write; each run has a directory of its own there, gone when it is over."""
        self._subjects = subjects
        self._extent = extent
        self._progress = progress
        self._scratch = scratch
        self._samples: dict[str, list[float]] = defaultdict(list)
        self._discarded = 0

    def run(self, versions: Mapping[str, str]) -> Comparison:
        """Everything, in order."""
        extent = self._extent
        clients = {one.name: Client(one.name, one.how, versions.get(one.name, "")) for one in self._subjects}
        steps: tuple[tuple[str, Callable[[Subject, Client], Client]], ...] = (
            ("the ladder", self._ladder),
            ("outages", self._outages),
            ("killed requests", self._killed),
            ("a stall", self._stalled),
        )
        others = background()
        if others > BACKGROUND_LIMIT:
            self._progress.say(f"others use {others:.0%} of this machine: what follows is for trying, not for quoting")
        with self._progress.step(f"pacing and CPU at {extent.rate} rps"):
            self._pacing()
        with self._progress.step("pacing with every core busy"):
            self._busy()
        for name, client in clients.items():
            clients[name] = self._with_medians(client)
        for title, step in steps:
            with self._progress.step(title):
                for one in self._subjects:
                    clients[one.name] = step(one, clients[one.name])
        with self._progress.step("our own goals"):
            own = self._own()
        return Comparison(
            mode=extent.mode,
            machine=facts(),
            rounds=extent.rounds,
            rate=extent.rate,
            seconds=extent.seconds,
            rungs=extent.rungs,
            stall_rate=STALL_RATE,
            stall_s=extent.stall_s,
            server_rps=max(self._samples.get("wrk: rps", [0.0])),
            discarded=self._discarded,
            background=others,
            missing={name: said for name, said in versions.items() if name not in clients and name != OURS},
            clients=tuple(clients.values()),
            own=own,
            samples={name: tuple(values) for name, values in self._samples.items()},
        )

    # --- one run --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            yield Path(name)

    def _once(
        self,
        subject: Subject,
        rate: float,
        seconds: float,
        faults: Sequence[Fault] = (),
        *,
        kill_second: bool = False,
        patience_s: float = 0.0,
        run: Callable[[Order], Told] | None = None,
    ) -> Seen:
        """Measured again while CPU is stolen from it. run: in place of the subject's own. Raises TooLate."""
        for attempt in range(MAX_AGAIN + 1):
            with self._folder() as folder:
                capacity = int(rate * seconds * 1.5) + 1_000
                with serving(folder, capacity, faults, kill_second=kill_second) as truth:
                    steal = Steal()
                    with on_cpu(cpus()[0]):
                        told = (run or subject.run)(Order(truth.port, rate, seconds, folder, patience_s or self._extent.patience_s))
                    stolen = steal.share()
            if stolen <= STEAL_LIMIT:
                break
            self._discarded += attempt < MAX_AGAIN
        return Seen(told, truth, rate)

    def _tried(self, *args: Any, **kwargs: Any) -> Seen | None:
        """The same, and None for a client that did not get through."""
        try:
            return self._once(*args, **kwargs)
        except TooLate as late:
            self._progress.say(f"{args[0].name} did not get through: {late}")
            return None

    def _note(self, subject: str, what: str, value: float) -> float:
        self._samples[f"{subject}: {what}"].append(round(value, 3))
        return value

    def _median(self, subject: str, what: str) -> float | None:
        values = self._samples.get(f"{subject}: {what}")
        return measures.median(values) if values else None

    # --- what is measured -----------------------------------------------------------------------------------------------

    def _pacing(self) -> None:
        extent = self._extent
        for _ in range(extent.rounds):  # interleaved: a bad minute of the machine is everybody's
            for one in self._subjects:
                if one.scheduled:
                    base = self._once(one, 10, 0.1).told.cpu_s
                    seen = self._tried(one, extent.rate, extent.seconds)
                    if seen is None:
                        continue
                    p50, p99 = measures.percentiles_us(seen.late(one))
                    self._note(one.name, "pacing p50 us", p50)
                    self._note(one.name, "pacing p99 us", p99)
                    self._note(one.name, "read p99 us", measures.percentiles_us(seen.late(one, read=True))[1])
                else:
                    base = 0.0
                    seen = self._once(one, extent.rate, 2.0)
                    self._note(one.name, "rps", seen.told.requests / 2.0)
                self._note(one.name, "cpu us", (seen.told.cpu_s - base) / max(seen.told.requests, 1) * 1e6)

    def _busy(self) -> None:
        extent = self._extent
        for _ in range(extent.rounds):
            for one in self._subjects:
                if one.name in extent.busy:
                    with hogs():
                        seen = self._tried(one, extent.rate, min(extent.seconds, 4.0))
                    if seen is not None:
                        self._note(one.name, "busy p99 us", measures.percentiles_us(seen.late(one))[1])

    def _with_medians(self, client: Client) -> Client:
        return replace(
            client,
            pacing_p50_us=self._median(client.name, "pacing p50 us"),
            pacing_p99_us=self._median(client.name, "pacing p99 us"),
            read_p99_us=self._median(client.name, "read p99 us"),
            cpu_us=self._median(client.name, "cpu us"),
            busy_p99_us=self._median(client.name, "busy p99 us"),
        )

    def _ladder(self, subject: Subject, client: Client) -> Client:
        """Up from the low rate while rungs are within the wide gate, else down until one is."""
        if not subject.scheduled:
            return client
        rungs = self._extent.rungs
        middle = rungs.index(self._extent.rate)
        held: dict[int, float] = {}
        for rate in rungs[middle:]:
            p99 = self._rung(subject, rate)
            if p99 is None or p99 >= measures.WIDE_GATE_US:
                break
            held[rate] = p99
        for rate in reversed(rungs[:middle]) if not held else ():
            p99 = self._rung(subject, rate)
            if p99 is not None and p99 < measures.WIDE_GATE_US:
                held[rate] = p99
                break
        narrow = max((rate for rate, p99 in held.items() if p99 < measures.GATE_US), default=0)
        wide = max(held, default=0)
        self._progress.say(f"{subject.name}: {narrow} rps with p99 below 1 ms, {wide} below 2 ms")
        return replace(client, gate_rps=narrow, wide_gate_rps=wide)

    def _rung(self, subject: Subject, rate: int) -> float | None:
        """p99 of this rate, None if requests failed or the client did not get through. The better of two if the first is late."""
        found: list[float] = []
        seconds = self._extent.rung_s
        for _ in range(2):
            seen = self._tried(subject, rate, seconds, patience_s=3.0)
            if seen is None:
                return None
            late = seen.late(subject)
            p99 = measures.rung_p99_us(late, int(rate * seconds), seen.told.failed)
            self._note(subject.name, f"p99 us at {rate} rps", measures.percentiles_us(late)[1] if len(late) else -1.0)
            if p99 is not None:
                found.append(p99)
                if p99 < measures.GATE_US:
                    break
        return min(found, default=None)

    def _outages(self, subject: Subject, client: Client) -> Client:
        if not subject.scheduled:
            return client
        reported_502, true_502 = self._outage(subject, "502")
        reported_refuse, true_refuse = self._outage(subject, "refuse") if not self._extent.brief else (None, None)
        return replace(
            client,
            outage_502_ms=reported_502,
            true_502_ms=true_502,
            outage_refuse_ms=reported_refuse,
            true_refuse_ms=true_refuse,
        )

    def _outage(self, subject: Subject, kind: str) -> tuple[float | None, float | None]:
        """(what the client reports, what the server did), milliseconds."""
        seen = self._tried(subject, self._extent.rate, 2.0, [(kind, 0.75, 1.25)])
        if seen is None:
            return None, None
        (on, off), *_ = seen.truth.windows
        length = measures.outage_ns(seen.told.starts_ns, seen.told.ok, round(1e9 / self._extent.rate)) / 1e6
        self._note(subject.name, f"failed of {kind}", seen.told.failed)
        # No failed request with a time: the client did not tell, which is not the same as none.
        return length or None, (off - on) / 1e6

    def _killed(self, subject: Subject, client: Client) -> Client:
        seen = self._tried(subject, 100, 2.0 if subject.scheduled and not self._extent.brief else 1.0, kill_second=True)
        return client if seen is None else replace(client, killed=seen.truth.killed, reported=seen.told.failed)

    def _stalled(self, subject: Subject, client: Client) -> Client:
        """How many requests reach a server that holds its answers back for a second: a closed loop sends none."""
        if not subject.scheduled:
            return client
        seen = self._tried(subject, self._extent.rate, 2.0, [("hold", 0.5, 1.5)])
        if seen is None:
            return client
        (on, off), *_ = seen.truth.windows
        return replace(client, stalled=int(((seen.truth.at_ns >= on) & (seen.truth.at_ns < off)).sum()))

    def _own(self) -> Own:
        (ours,) = (one for one in self._subjects if one.name == OURS)
        stall_s = self._extent.stall_s
        stalled = self._once(ours, STALL_RATE, stall_s + 3.5, [("hold", 1.0, 1.0 + stall_s)])
        (on, off), *_ = stalled.truth.windows
        due = stalled.told.starts_ns
        late = measures.by_number(stalled.truth.seq, stalled.truth.at_ns, stalled.told.seq, due)
        whole = len(late) == len(due)
        within = (due >= on) & (due < off)
        recovery = measures.recovery_ms(due, late, off) if whole else None
        weights: list[int] = []
        disk: list[int] = []

        def look(generator: Generator) -> None:
            while generator.alive():
                # From the first hundredth on: what the process needs before it has sent anything is no cost of a request.
                if (weight := peak_kib(generator.pid)) and generator.planned_so_far() >= BULK // 100:
                    weights.append(weight)
                threading.Event().wait(0.02)
            disk.append(sum(one.stat().st_blocks * 512 for one in generator.out.iterdir() if one.name != "arrivals.bin"))

        bulk = self._once(ours, BULK_RATE, BULK / BULK_RATE, run=lambda order: watched(order, look))
        per = BULK / max(bulk.told.requests, 1) / 2**20
        return Own(
            recovery_ms=recovery,
            stall_planned=int(within.sum()),
            stall_accounted=int((within & stalled.told.ok).sum()) if whole else 0,
            memory_mib=round((weights[-1] - weights[0]) * 1024 * per, 2),
            disk_mib=round(disk[-1] * per, 2),
        )


def peak_kib(pid: int) -> int:
    """The most memory a process had so far, file-backed maps included; 0 once it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")), 0)
