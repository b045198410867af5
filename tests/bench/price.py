"""The price of observation on a real cluster: steady load with the observers and without, interleaved on one pod.

Beside `harness.run` this is the only place that puts the rooms together.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import deploy, observe
from harness.adapters.files import State, locked, run_alive
from harness.adapters.progress import Progress
from harness.catalogue import SCENARIOS
from harness.cluster import record
from harness.errors import HarnessError
from harness.load.host import CpuTimes
from harness.load.process import GeneratorSpec, routes_of, start
from harness.model import Deployed, Lane, LoadPlan
from harness.run import MEASURE_LOCK, Ask, World, prepare
from tests.bench.measures import median
from tests.bench.results import Price, Side
from tests.bench.subjects import records, told_by

RATE = 200
WARM_S = 2.0
"""At the beginning of each stretch that is not counted: connections, and the observers' reading back."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One measured stretch; see Side."""

    harness_cpu: float
    generator_cpu: float
    machine_cpu: float
    p50_us: float
    p99_us: float
    failed: int


def measure(cluster: str, *, rounds: int, seconds: float, state: State, scratch: Path, progress: Progress) -> Price:
    """So many stretches of each kind, in turn. Without a cluster of that name that is up: a Price that says so."""
    if record.Record.read(state.cluster(cluster)) is None:
        return Price(why=f"no cluster {cluster} was up (`make up`)")
    try:
        world = prepare(Ask(cluster=cluster), state=state, progress=progress)
        with locked(state.locks / MEASURE_LOCK, within_s=1_800, holder="the bench"), ExitStack() as undo:
            return _measured(world, rounds, seconds, scratch, undo)
    except HarnessError as error:
        return Price(why=error.what)


def _measured(world: World, rounds: int, seconds: float, scratch: Path, undo: ExitStack) -> Price:
    run_id = secrets.token_hex(4)
    namespace = f"knative-chaos-{run_id}"
    undo.enter_context(run_alive(world.state, run_id))
    undo.callback(deploy.remove, world.handle, namespace=namespace, run_id=run_id, progress=world.progress)
    deployed = deploy.deploy(
        world.handle,
        world.stack,
        SCENARIOS["S1"].service,
        namespace=namespace,
        app_image=world.provision.app_image,
        run_id=run_id,
        progress=world.progress,
    )
    folder = Path(undo.enter_context(tempfile.TemporaryDirectory(dir=scratch)))
    alone: list[Stretch] = []
    looking: list[Stretch] = []
    observations = 0
    for number in range(rounds):
        with world.progress.step(f"round {number}: {RATE} rps without observers, then with them"):
            alone.append(_stretch(deployed, run_id, 2 * number, seconds, folder))
            observers = _observers(world, deployed, folder / f"raw-{number}")
            try:
                observers.start()
                observers.prove(deployed.pods, 60)
                looking.append(_stretch(deployed, run_id, 2 * number + 1, seconds, folder))
            finally:
                observers.stop()
            observations += len(observers.feed.snapshot())
    p50s = [one.p50_us for one in alone]
    return Price(
        why="",
        rate=RATE,
        rounds=rounds,
        seconds=seconds,
        looking=_side(looking),
        alone=_side(alone),
        p50_range_us=round(max(p50s) - min(p50s), 1),
        observations=observations,
        knative=world.stack.versions.get("knative", ""),
        kubernetes=world.handle.kubernetes_version,
    )


def _observers(world: World, deployed: Deployed, raw: Path) -> observe.Observers:
    return observe.Observers(
        world.handle,
        deployed.namespace,
        sink=observe.Feed(),
        raw_dir=raw,
        exec_argv=lambda argv: world.engine.exec_argv(world.handle.node, argv),
        exec_env=world.engine.env,
    )


def _stretch(deployed: Deployed, run_id: str, number: int, seconds: float, folder: Path) -> Stretch:
    out = folder / f"load-{number}"
    plan = LoadPlan(rate_rps=RATE, lanes=((Lane.GET_KEEPALIVE, 1),))
    length = seconds + WARM_S
    spec = GeneratorSpec(routes_of(plan, deployed), plan, run_id, number, max_s=length + 5, drain_s=10.0)
    with start(spec, out) as generator:
        t0 = generator.wait_started()
        _until(t0 + int(WARM_S * 1e9))
        begun = time.monotonic()
        before = (time.process_time(), cpu_s(generator.pid), CpuTimes.read())
        _until(t0 + int(length * 1e9))
        gone = time.monotonic() - begun
        after = (time.process_time(), cpu_s(generator.pid), CpuTimes.read())
        generator.stop()
    rows = records(out)
    told = told_by(rows)
    counted = told.starts_ns >= t0 + int(WARM_S * 1e9)
    took = (rows["done_ns"] - rows["sent_ns"])[counted & told.ok]
    p50, p99 = np.percentile(took, [50, 99]) / 1_000
    busy = after[2].busy - before[2].busy
    every = after[2].total - before[2].total
    cores = every / gone / 100  # ticks are hundredths of a second, of all cores together
    return Stretch(
        harness_cpu=(after[0] - before[0]) / gone,
        generator_cpu=(after[1] - before[1]) / gone,
        machine_cpu=busy / every * cores,
        p50_us=float(p50),
        p99_us=float(p99),
        failed=told.failed,
    )


def cpu_s(pid: int) -> float:
    """What a process of one thread has had of a CPU."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def _until(at_ns: int) -> None:
    """Load is measured over a stretch of time: that time is what is waited for."""
    threading.Event().wait(max(0.0, (at_ns - time.time_ns()) / 1e9))


def _side(stretches: Sequence[Stretch]) -> Side:
    def middle(name: str) -> float:
        return round(median([getattr(one, name) for one in stretches]), 6)

    return Side(
        harness_cpu=middle("harness_cpu"),
        generator_cpu=middle("generator_cpu"),
        machine_cpu=middle("machine_cpu"),
        p50_us=middle("p50_us"),
        p99_us=middle("p99_us"),
        failed=sum(one.failed for one in stretches),
    )
