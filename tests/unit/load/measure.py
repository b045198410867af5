"""What the generator can do on this machine: the figures of docs/load.md.

    python -m tests.unit.load.measure [pacing] [busy] [rate] [stall] [cost] [h2c]

Arrivals are stamped by the kernel at the server's socket (tests/bench/server.py); memory and CPU time are those of the generator's
process, as the kernel counts them. The comparison with other clients is `make bench`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from harness.adapters.wait import Look, wait_for
from harness.history import read_load
from harness.load.process import Generator, start
from harness.model import GeneratorReport, Lane, Outcome
from tests.bench.truth import Fault, Truth, serving
from tests.unit.load.held import spec_for, truth_server

KEEPALIVE = ((Lane.GET_KEEPALIVE, 1),)
USUAL = ((Lane.GET_KEEPALIVE, 3), (Lane.POST_KEEPALIVE, 1), (Lane.GET_NEW, 1))
HOG = "import os\nwhile os.getppid() > 1: pass"
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """One run. requests: as in a History. memory: bytes more at the end. cpu_us: per request. disk: bytes."""

    report: GeneratorReport
    requests: pl.DataFrame
    truth: Truth
    memory: int
    cpu_us: float
    disk: int

    @property
    def late_us(self) -> Times:
        """Arrival minus intended time of every request that arrived, by its number."""
        due = self.requests["intended_ns"].to_numpy()
        return np.asarray((self.truth.at_ns - due[self.truth.seq]) / 1_000, dtype=np.float64)


def run(rate: float, seconds: float, lanes: Sequence[tuple[Lane, int]] = KEEPALIVE, faults: Sequence[Fault] = ()) -> Run:
    """One generator against a fresh server on the other CPU."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder, int(rate * seconds) + 1, faults) as truth:
            # Room for four times as many requests as will be sent: what is not needed is given back.
            spec = spec_for(
                truth.port, rate_rps=rate, lanes=tuple(lanes), deadline_s=40, max_s=seconds * 4, drain_s=40, at_once=False
            )
            with start(spec, folder / "out") as generator:
                before = _memory(generator), _cpu_s(generator)
                generator.begin()
                total = int(rate * seconds)
                wait_for("the load", lambda: _sent(generator, total), within_s=seconds + 60, every_s=0.05)
                after = _memory(generator), _cpu_s(generator)
                report = generator.stop()
        requests, _, _, _ = read_load(folder / "out", 0)
        disk = sum(path.stat().st_blocks * 512 for path in (folder / "out").glob("*") if path.suffix in (".bin", ".jsonl"))
        requests = requests.filter(pl.col("seq") < len(requests))
    return Run(report, requests, truth, after[0] - before[0], (after[1] - before[1]) * 1e6 / total, disk)


def _sent(generator: Generator, wanted: int) -> Look[int]:
    planned = generator.planned_so_far()
    return Look(planned if planned >= wanted else None, f"{planned} of {wanted}")


def _memory(generator: Generator) -> int:
    return int(Path(f"/proc/{generator.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu_s(generator: Generator) -> float:
    return int(Path(f"/proc/{generator.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


@contextmanager
def hogs() -> Iterator[None]:
    """Every CPU has something to do."""
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            hog = stack.enter_context(subprocess.Popen([sys.executable, "-c", HOG]))
            stack.callback(hog.kill)
        yield


def tell(what: str, done: Run) -> None:
    """One line."""
    late = done.late_us
    ok = int((done.requests["outcome"] == Outcome.OK.value).sum())
    print(
        f"{what}: {done.report.planned} requests, {ok} ok; arrivals late by p50 {np.percentile(late, 50):.0f} us, "
        f"p99 {np.percentile(late, 99):.0f} us, max {late.max():.0f} us; CPU {done.cpu_us:.0f} us a request; "
        f"machine busy {done.report.busy:.0%}, stolen {done.report.steal:.2%}",
        flush=True,
    )


def pacing() -> None:
    """500 per second, nothing else of ours running."""
    tell("500 rps", run(500, 10))


def busy() -> None:
    """The same beside a busy loop for every CPU."""
    with hogs():
        tell("500 rps, CPUs busy", run(500, 10))


def rate() -> None:
    """20,000 per second from one core."""
    tell("20,000 rps", run(20_000, 5))


def stall() -> None:
    """The server answers nothing for 5 s at 1,000 per second, then everything at once."""
    done = run(1_000, 10, USUAL, [("hold", 2.0, 7.0)])
    tell("1,000 rps, stall of 5 s", done)
    on, off = done.truth.windows[0]
    due, sent = (done.requests[name].to_numpy() for name in ("intended_ns", "sent_ns"))
    held = done.requests.filter(pl.col("intended_ns").is_between(on, off, closed="left"))
    print(f"  due in the stall: {held.height}; {dict(held.group_by('outcome').len().iter_rows())}")
    for lo, hi in ((0, 100), (100, 200), (200, 2_000)):
        part = (due >= off + lo * 1_000_000) & (due < off + hi * 1_000_000)
        late = (sent[part] - due[part]) / 1_000
        p99 = np.percentile(late, 99)
        print(f"  due {lo} to {hi} ms after it: {part.sum()}, sent late by p99 {p99:.0f} us, max {late.max():.0f} us", flush=True)


def cost() -> None:
    """Memory and disk of 100,000 requests."""
    done = run(5_000, 20)
    tell("5,000 rps", done)
    print(f"  {done.report.planned} requests: memory {done.memory / 2**20:.2f} MiB, disk {done.disk / 2**20:.2f} MiB", flush=True)


def h2c() -> None:
    """By the generator's own word, since its server is a slow one: the rate at which it is late."""
    for asked in (1_000, 2_000, 4_000, 5_000, 6_000):
        with tempfile.TemporaryDirectory() as name, truth_server(Path(name) / "truth.json") as port:
            spec = spec_for(port, rate_rps=asked, lanes=((Lane.GET_H2C, 1),), deadline_s=20, max_s=4, drain_s=20, at_once=False)
            with start(spec, Path(name) / "out") as generator:
                before = _cpu_s(generator)
                generator.begin()
                wait_for("the load", lambda: _sent(generator, asked * 4), within_s=60, every_s=0.05)  # noqa: B023 - called at once
                used = _cpu_s(generator) - before
                report = generator.stop()
        print(
            f"h2c {asked} rps: pacing p50 {report.pacing_p50_us:.0f} us, p99 {report.pacing_p99_us:.0f} us; "
            f"CPU {used / report.planned * 1e6:.0f} us a request; machine busy {report.busy:.0%}",
            flush=True,
        )


PARTS = {part.__name__: part for part in (pacing, busy, rate, stall, cost, h2c)}

if __name__ == "__main__":
    for wanted in sys.argv[1:] or list(PARTS):
        PARTS[wanted]()
