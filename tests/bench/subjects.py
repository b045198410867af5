"""The clients that are compared: how each is started, and what it says afterwards. Each runs on the one CPU its caller gives it."""

from __future__ import annotations

import csv
import io
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import LoadError, ToolFailed
from harness.history.load_files import RECORD_DTYPE
from harness.load.process import Generator, GeneratorSpec, start
from harness.model import OUTCOMES, USERS_ROUTE, Lane, LoadPlan, Outcome, Route
from tests.bench.measures import Flags, Times

OURS = "ours"
WORKERS = 10
"""Of hey and wrk, which send from a fixed number of connections."""


def _none() -> Times:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Told:
    """What a client said of one run.

    requests, failed: its own counts. starts_ns, ok: one a request, by its own clock, where it says so of each (else empty).
    planned: whether starts_ns are times fixed beforehand, with seq the numbers that the server saw too.
    cpu_s: of its process, start-up included.
    """

    requests: int
    failed: int
    starts_ns: Times = field(default_factory=_none)
    ok: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    seq: Times = field(default_factory=_none)
    planned: bool = False
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """One run: GET requests to this port of loopback at this rate for so long. folder: for the client's own files.

    patience_s: how much longer than its load it may take before it is ended.
    """

    port: int
    rate: float
    seconds: float
    folder: Path
    patience_s: float = 60.0

    @property
    def url(self) -> str:
        """What is asked for."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def within_s(self) -> float:
        """When the client is ended."""
        return self.seconds + self.patience_s


class TooLate(Exception):
    """The client was ended because its load was over long ago."""


Run = Callable[[Order], Told]


@dataclass(frozen=True, slots=True)
class Subject:
    """One client. scheduled: it can be given a rate. how: it is run, for the reader."""

    name: str
    run: Run
    how: str
    scheduled: bool = True


class Spent:
    """CPU seconds of the children that ended since it was made. One child at a time, or it says nothing of any."""

    def __init__(self) -> None:
        self._before = resource.getrusage(resource.RUSAGE_CHILDREN)

    def seconds(self) -> float:
        """Until now."""
        now, before = resource.getrusage(resource.RUSAGE_CHILDREN), self._before
        return now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime


def _said(argv: list[str], within_s: float, cwd: Path | None = None) -> str:
    """What the program wrote. Raises TooLate, and ToolFailed of adapters.process for one that ends badly."""
    try:
        done = subprocess.run(argv, check=False, timeout=within_s, capture_output=True, text=True, cwd=cwd)
    except subprocess.TimeoutExpired as late:
        raise TooLate(f"{argv[0]} still ran after {within_s:g} s") from late
    if done.returncode:
        raise ToolFailed(argv, done.returncode, done.stderr[-2_000:])
    return done.stdout


# --- ours -----------------------------------------------------------------------------------------------------------------


def generator_spec(port: int, rate: float, seconds: float) -> GeneratorSpec:
    """GETs on kept connections at a constant rate; ends by itself."""
    plan = LoadPlan(rate_rps=rate, lanes=((Lane.GET_KEEPALIVE, 1),), deadline_s=30.0)
    return GeneratorSpec((Route(USERS_ROUTE, "127.0.0.1", port, "bench", ()),), plan, "bench", 0, max_s=seconds, drain_s=30.0)


def records(folder: Path) -> npt.NDArray[np.void]:
    """The generator's records of planned requests."""
    rows: npt.NDArray[np.void] = np.fromfile(folder / "records.bin", dtype=RECORD_DTYPE)
    return np.asarray(rows[rows["intended_ns"] != 0])


def told_by(rows: npt.NDArray[np.void]) -> Told:
    """What our records say."""
    ok = rows["outcome"] == OUTCOMES.index(Outcome.OK)
    ok &= rows["done_ns"] != 0
    return Told(
        requests=len(rows),
        failed=int((~ok).sum()),
        starts_ns=rows["intended_ns"].astype(np.int64),
        ok=ok,
        seq=rows["seq"].astype(np.int64),
        planned=True,
    )


def ours(order: Order) -> Told:
    """`python -m harness.load`."""
    return watched(order, lambda _generator: None)


def watched(order: Order, look: Callable[[Generator], None]) -> Told:
    """The same; look is called with the running generator."""
    spent = Spent()
    with start(generator_spec(order.port, order.rate, order.seconds), order.folder) as generator:
        look(generator)
        try:
            generator.wait_ended(order.within_s)
        except LoadError as late:
            if generator.alive():
                raise TooLate(str(late)) from late
            raise
    cpu_s = spent.seconds()
    return replace(told_by(records(order.folder)), cpu_s=cpu_s)


# --- libraries ------------------------------------------------------------------------------------------------------------


def library(name: str) -> Run:
    """One of tests.bench.clients."""

    def run(order: Order) -> Told:
        out = order.folder / "rows.bin"
        plan = [name, str(order.port), str(order.rate), str(order.seconds), str(out)]
        spent = Spent()
        _said([sys.executable, "-m", "tests.bench.clients", *plan], order.within_s, cwd=Path(__file__).parents[2])
        cpu_s = spent.seconds()
        rows = np.fromfile(out, dtype=np.int64).reshape(-1, 5)
        ok = rows[:, 4] == 200
        return Told(len(rows), int((~ok).sum()), rows[:, 1], ok, rows[:, 0], planned=True, cpu_s=cpu_s)

    return run


# --- programs -------------------------------------------------------------------------------------------------------------


def vegeta(binary: Path) -> Run:
    """`vegeta attack` at its defaults; `vegeta encode` turns its results into rows."""

    def run(order: Order) -> Told:
        targets, results = order.folder / "targets", order.folder / "results.bin"
        targets.write_text(f"GET {order.url}\n", encoding="ascii")
        plan = [f"-rate={round(order.rate)}/1s", f"-duration={order.seconds}s", f"-targets={targets}", f"-output={results}"]
        spent = Spent()
        _said([str(binary), "attack", *plan], order.within_s)
        cpu_s = spent.seconds()
        return replace(vegeta_told(_said([str(binary), "encode", "-to=csv", str(results)], 60)), cpu_s=cpu_s)

    return run


def vegeta_told(text: str) -> Told:
    """From its CSV: timestamp in ns, status, and more that is not needed."""
    rows = [(int(row[0]), int(row[1])) for row in csv.reader(io.StringIO(text))]
    starts = np.array([at for at, _ in rows], dtype=np.int64)
    ok = np.array([status == 200 for _, status in rows], dtype=np.bool_)
    return Told(len(rows), int((~ok).sum()), starts, ok)


def hey(binary: Path) -> Run:
    """`hey` with a limit a worker; its rows leave out what got no answer."""

    def run(order: Order) -> Told:
        count = max(round(order.rate * order.seconds), 1)
        workers = min(WORKERS, count)
        plan = ["-n", str(count), "-c", str(workers), "-q", str(order.rate / workers), "-o", "csv"]
        spent = Spent()
        text = _said([str(binary), *plan, order.url], order.within_s)
        return replace(hey_told(text, count), cpu_s=spent.seconds())

    return run


def hey_told(text: str, asked: int) -> Told:
    """From its CSV: response time, ..., status, offset in seconds since its start. What it was asked for and has no row failed."""
    rows = [(float(row["offset"]), int(row["status-code"])) for row in csv.DictReader(io.StringIO(text))]
    starts = np.array([round(at * 1e9) for at, _ in rows], dtype=np.int64)
    ok = np.array([status == 200 for _, status in rows], dtype=np.bool_)
    return Told(asked, asked - int(ok.sum()), starts, ok)


def wrk(binary: Path) -> Run:
    """`wrk` with one thread; it sends as fast as it is answered, whatever the rate."""

    def run(order: Order) -> Told:
        plan = ["-t1", f"-c{WORKERS}", f"-d{max(round(order.seconds), 1)}s"]
        spent = Spent()
        text = _said([str(binary), *plan, order.url], order.within_s)
        return replace(wrk_told(text), cpu_s=spent.seconds())

    return run


def wrk_told(text: str) -> Told:
    """From its summary: requests, answers that are neither 2xx nor 3xx, socket errors."""
    total = re.search(r"(\d+) requests in", text)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failed = (int(bad[1]) if bad else 0) + (sum(int(one) for one in sockets.groups()) if sockets else 0)
    return Told(int(total[1]) if total else 0, failed)


def subjects(tools: Mapping[str, Path]) -> tuple[Subject, ...]:
    """Ours first; of the programs, those that are there. tools: name -> binary."""
    programs = (
        ("vegeta", vegeta, "`vegeta attack -rate=N`, its defaults", True),
        ("hey", hey, f"`hey -c {WORKERS} -q N/{WORKERS}`", True),
        ("wrk", wrk, f"`wrk -t1 -c{WORKERS}`: no schedule, each connection sends when it has its answer", False),
    )
    return (
        Subject(OURS, ours, "`python -m harness.load`, GET on kept connections"),
        *(Subject(name, make(tools[name]), how, scheduled) for name, make, how, scheduled in programs if name in tools),
        Subject("aiohttp", library("aiohttp"), "`ClientSession` on asyncio, a task a request, `tests/bench/clients.py`"),
        Subject("httpx", library("httpx"), "`AsyncClient` on asyncio, a task a request, `tests/bench/clients.py`"),
    )
