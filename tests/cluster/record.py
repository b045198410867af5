"""Makes the recordings in tests/data from small experiments on the real cluster, most of them with something planted.

    python -m tests.cluster.record                 make each of them anew
    python -m tests.cluster.record hang killed     these alone
    python -m tests.cluster.record --list          names and titles

A recording is the run directory without raw logs and pages, with what it showed when it was made beside it. Its load is small, so
that many fit into the repository; many end inconclusive, for that is what they are about. `tests/replay` says what each must show.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import inject
from harness.adapters.files import State
from harness.adapters.kube import Kube
from harness.adapters.progress import Progress
from harness.adapters.wait import Look, wait_for
from harness.catalogue import holds
from harness.errors import HistoryError, Interrupted
from harness.history import read_load
from harness.inject import outsider
from harness.load.process import Generator
from harness.model import (
    Behaviour,
    Deployed,
    FaultEvent,
    FaultSpec,
    Handler,
    Lane,
    LoadPlan,
    Outcome,
    Pod,
    Probe,
    Scenario,
)
from harness.run import Ask, Planted, World, measure, prepare
from tests.cluster.quick import N1, S1
from tests.cluster.test_gaps import _Stepped
from tests.cluster.test_planted import _Cut, _Forgetful, stall
from tests.replay.replay import DATA, SUMMARY, keep

ROOT = Path(__file__).parents[2]
LOAD = LoadPlan(rate_rps=20)
CLOSED_FILES = ("run.json", "closed.json", "*.parquet", "load/cycle-*/generator.json")
OPEN_FILES = ("run.json", "*.jsonl", "load/cycle-*/*")


@dataclass(frozen=True, slots=True)
class Recording:
    """One experiment. plant: what is planted in it. ended_by: a signal that the harness gets while requests are refused."""

    scenario: Scenario
    plant: Callable[[World], Planted] = lambda _world: Planted()
    ended_by: signal.Signals | None = None

    @property
    def name(self) -> str:
        """Of its directory, and of the scenario in its run.json."""
        return self.scenario.name


def small(name: str, title: str, base: Scenario = S1, **changes: Any) -> Scenario:
    """`base` under this name with little load and short windows, changed further."""
    mine: dict[str, Any] = {"cycles": 1, "load": LOAD, "steady_s": 2.0, "after_s": 1.5, "recovery_s": 40.0}
    return replace(base, **{"name": name, "title": title, **mine, **changes})


def lanes(*which: Lane, rate_rps: float) -> LoadPlan:
    """The same rate on each of these lanes."""
    return replace(LOAD, rate_rps=rate_rps, lanes=tuple((lane, 1) for lane in which), retry_after_s=1.0)


def exec_probe(which: str, *, period_s: int, failure_threshold: int) -> Probe:
    """A probe by the toggle app's command."""
    return Probe(Handler.EXEC, path=which, period_s=period_s, failure_threshold=failure_threshold, timeout_s=5)


# --- what is planted ----------------------------------------------------------------------------------------------------


def cured_at_once(_world: World) -> Planted:
    """The app is told to fail and, before anybody probes it, to behave again."""

    def told_and_cured(access: inject.ClusterAccess, deployed: Deployed, pod: Pod, cycle: int) -> FaultEvent:
        event = inject.inject(access, deployed, pod, S1.fault, cycle=cycle)
        inject.clear(access.handle, deployed, pod)
        return event

    return Planted(inject=told_and_cured)


def intruder(_world: World) -> Planted:
    """Somebody else sends one request while requests are refused."""

    def intrude(deployed: Deployed, generator: Generator) -> None:
        def refused() -> Look[bool]:
            failed = generator.failed_so_far()
            return Look(True if failed >= 3 else None, f"{failed} failed requests")

        wait_for("the refusals", refused, within_s=40, every_s=0.05)
        outsider.send(deployed)

    return Planted(after_fault=intrude)


def secret_fault(world: World) -> Planted:
    """A fault where none was asked for."""

    def secretly(deployed: Deployed, _generator: Generator) -> None:
        inject.inject(inject.ClusterAccess(world.handle), deployed, deployed.pods[0], S1.fault, cycle=0)

    return Planted(before_fault=secretly)


def stalled_once(_world: World) -> Planted:
    """The first cycle's generator stands still for a second."""
    stalled: list[str] = []

    def once(deployed: Deployed, generator: Generator) -> None:
        if not stalled:
            stalled.append(deployed.pods[0].name)
            stall(generator)

    return Planted(before_fault=once)


def stalled_always(_world: World) -> Planted:
    """Each cycle's generator stands still for a second."""
    return Planted(before_fault=lambda _deployed, generator: stall(generator))


def pod_deleted(world: World) -> Planted:
    """The pod is gone at once, and its logs with it."""

    def delete(deployed: Deployed, _generator: Generator) -> None:
        Kube.of(world.handle).core.delete_namespaced_pod(
            deployed.pods[0].name, deployed.namespace, grace_period_seconds=0, _request_timeout=10
        )

    return Planted(before_fault=delete)


def clock_stepped(_world: World) -> Planted:
    """UTC, as the harness reads it, is set forward and back again."""
    clocks = _Stepped()
    return Planted(read_clocks=clocks, before_fault=clocks.step)


# --- the table ----------------------------------------------------------------------------------------------------------

ONCE = (holds("container-restarts-once"),)
HTTP_LANES = tuple(lane for lane in Lane if lane.behaviour is not Behaviour.GRPC)  # the toggle app speaks no gRPC
SHORT_GRACE = replace(S1.service, timeout_s=8)
LIVENESS = S1.service.liveness or Probe()

RECORDINGS = (
    Recording(small("hang", "Hang that the liveness probe ends", service=SHORT_GRACE, fault=FaultSpec("hang"), claims=ONCE)),
    Recording(small("exit", "The app ends by itself", fault=FaultSpec("exit"), claims=ONCE)),
    Recording(
        small(
            "readiness",
            "Readiness fails and is given back",
            service=S1.service.with_probes(readiness=Probe(path="/readyz", period_s=1, failure_threshold=1)),
            fault=FaultSpec("readiness"),
            hold_s=1.0,
            claims=(holds("no-restart"),),
        )
    ),
    Recording(
        small(
            "exec-startup",
            "Exec probes behind a startup probe",
            service=replace(
                S1.service,
                startup=exec_probe("liveness", period_s=1, failure_threshold=60),
                liveness=exec_probe("liveness", period_s=2, failure_threshold=2),
                readiness=exec_probe("readiness", period_s=2, failure_threshold=2),
            ),
            claims=ONCE,
        )
    ),
    Recording(
        small(
            "exec-readiness",
            "Exec readiness: the pod does not stay Ready",
            service=S1.service.with_probes(readiness=exec_probe("readiness", period_s=1, failure_threshold=3)),
        )
    ),
    Recording(small("not-landed", "The fault is taken back before a probe sees it"), cured_at_once),
    Recording(small("cut-stream", "Queue-proxy's log ends at the first refusal"), lambda _world: Planted(wrap_source=_Cut)),
    Recording(small("outsider", "Somebody else's request is refused, too"), intruder),
    Recording(small("lost-line", "One refused line is lost"), lambda _world: Planted(wrap_source=_Forgetful)),
    Recording(
        small(
            "fixed",
            "Readiness gives up before liveness does",
            service=S1.service.with_probes(
                liveness=replace(LIVENESS, failure_threshold=6), readiness=Probe(path="/healthz", failure_threshold=1)
            ),
        )
    ),
    Recording(small("secret-fault", "N1 with a fault behind its back", N1, after_s=15.0), secret_fault),
    Recording(small("stalled-once", "The generator of the first cycle stands still", N1, cycles=2), stalled_once),
    Recording(small("stalled-always", "The generator of each cycle stands still", N1, max_replacements=1), stalled_always),
    Recording(
        small(
            "given-up",
            "A fault that survives the restart: no recovery",
            fault=FaultSpec("liveness", params={"persistent": True}),
            recovery_s=10.0,
        )
    ),
    Recording(
        small(
            "request-log-retries",
            "Request log, with HTTP/2 and a retrying client",
            load=lanes(Lane.GET_KEEPALIVE, Lane.GET_H2C, Lane.GET_RETRYING, rate_rps=24),
            request_log=True,
        )
    ),
    Recording(small("all-lanes", "Every way at once", load=lanes(*HTTP_LANES, rate_rps=35))),
    Recording(
        small(
            "tcp-exit",
            "TCP liveness, and the app ends by itself",
            service=S1.service.with_probes(liveness=replace(LIVENESS, handler=Handler.TCP, path="")),
            fault=FaultSpec("exit"),
        )
    ),
    Recording(small("interrupted", "Ctrl-C while requests are refused"), ended_by=signal.SIGINT),
    Recording(small("killed", "The harness is killed while requests are refused"), ended_by=signal.SIGKILL),
    Recording(small("pod-gone", "The pod goes before its logs were sealed", N1), pod_deleted),
    Recording(small("clock-stepped", "The clock is set forth and back", N1), clock_stepped),
    Recording(
        small(
            "queue-full",
            "A hang fills queue-proxy's queue",
            service=replace(SHORT_GRACE, container_concurrency=1, target_burst_capacity=0),
            fault=FaultSpec("hang"),
        )
    ),
    Recording(small("activator", "The activator stays in the path", service=replace(S1.service, target_burst_capacity=-1))),
    Recording(
        small(
            "scaled-up",
            "A hang makes the autoscaler add pods",
            service=replace(SHORT_GRACE, container_concurrency=1, target_burst_capacity=0, max_scale=3),
            fault=FaultSpec("hang"),
            claims=ONCE,
        )
    ),
    Recording(
        small(
            "probe-refusals",
            "Queue-proxy's own probe is refused, too",
            service=S1.service.with_probes(readiness=Probe(path="/readyz", period_s=1, failure_threshold=30)),
        )
    ),
)


# --- making them --------------------------------------------------------------------------------------------------------


def pare(run: Path, name: str) -> Path:
    """Copy what analysis reads into tests/data/<name>, in place of what is there, and write what it shows.

    Raises AssertionError if the copy shows anything else than the run did.
    """
    place = DATA / name
    if place.exists():
        shutil.rmtree(place)
    for pattern in CLOSED_FILES if (run / "closed.json").is_file() else OPEN_FILES:
        for path in sorted(run.glob(pattern)):
            to = place / path.relative_to(run)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
    keep(place)
    own = run / SUMMARY
    assert not own.exists() or own.read_bytes() == (place / SUMMARY).read_bytes(), f"{name}: its copy shows something else"
    return place


def record(recording: Recording, world: World, artifacts: Path) -> Path:
    """Measure one and return its run directory."""
    try:
        return measure(recording.scenario, world, artifacts=artifacts, planted=recording.plant(world)).directory
    except Interrupted as early:
        if isinstance(early.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt(str(early)) from early
        return Path(early.where)


def ended_early(recording: Recording, options: list[str], artifacts: Path) -> Path:
    """Measure one in a process of its own and send that process its signal once requests are refused; its run directory."""
    command = [sys.executable, "-m", "tests.cluster.record", "--measure", *options, "--artifacts", str(artifacts), recording.name]
    before = set(artifacts.glob(f"{recording.name}/*"))
    child = subprocess.Popen(command, start_new_session=True, cwd=ROOT)

    def refused() -> Look[Path]:
        if child.poll() is not None:
            raise RuntimeError(f"{recording.name}: the run ended by itself, exit code {child.returncode}")
        for run in set(artifacts.glob(f"{recording.name}/*")) - before:
            requests, _, _, _ = read_load(run / "load" / "cycle-000", 0)
            failed = sum(1 for outcome in requests["outcome"] if outcome not in {Outcome.OK, Outcome.UNANSWERED})
            if failed >= 10:
                return Look(run, "10 refused requests")
        return Look(None, "fewer than 10 refused requests")

    run = wait_for("refused requests", refused, within_s=240, every_s=0.2, tolerate=(HistoryError,))
    assert recording.ended_by is not None
    os.kill(child.pid, recording.ended_by)
    child.wait(120)

    def generator_gone() -> Look[bool]:
        _, _, report, _ = read_load(run / "load" / "cycle-000", 0)
        return Look(True if report and report.ended_by != "running" else None, "its generator still runs")

    wait_for("the generator's end", generator_gone, within_s=30)
    return run


def main() -> int:
    """Measure each that is asked for, one after the other, and keep it."""
    parser = argparse.ArgumentParser(description="Make the recordings in tests/data anew, on a real cluster.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them by default")
    parser.add_argument("--list", action="store_true", help="print names and titles")
    parser.add_argument("--measure", action="store_true", help="measure and keep nothing")
    parser.add_argument("--kn-cluster", default="e2e")
    parser.add_argument("--kn-source", default="auto")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"))
    given = parser.parse_args()
    known = {recording.name: recording for recording in RECORDINGS}
    if unknown := set(given.names) - set(known):
        parser.error(f"no such recording: {', '.join(sorted(unknown))}; --list names them")
    asked = [known[name] for name in given.names] or list(RECORDINGS)
    if given.list:
        for recording in asked:
            print(f"{recording.name:<22}{recording.scenario.title}")
        return 0
    if given.measure:  # the harness is interrupted also where a shell in the background had its children ignore that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    state = State.default()
    progress = Progress(functools.partial(print, flush=True), state.root / "durations.json")
    world = prepare(Ask(cluster=given.kn_cluster, source=given.kn_source), state=state, progress=progress)
    artifacts = given.artifacts.resolve()
    artifacts.mkdir(parents=True, exist_ok=True)
    for recording in asked:
        if given.measure or recording.ended_by is None:
            try:
                run = record(recording, world, artifacts)
            except KeyboardInterrupt as early:
                print(early)
                return 2
        else:
            options = ["--kn-cluster", given.kn_cluster, "--kn-source", given.kn_source]
            run = ended_early(recording, options, artifacts)
        if not given.measure:
            place = pare(run, recording.name)
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            print(f"kept {recording.name}: {size / 1000:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
