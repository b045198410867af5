"""A run, top to bottom: the only module that knows the order of the rooms.

`prepare` does 1-3 and is idempotent; `measure` does 4-15 under a host-wide lock.

 1 check the host              9 stop the load                 } within each cycle: a generator process of its own a cycle keeps
 2 cluster                    10 seal and drain the observers  } the making of the next pod outside every measured window
 3 Knative                    11 close the history
 4 deploy, wait until a       12 analyse
   request is served          13 judge
 5 start the observers,       14 report
   prove each sees something, 15 give back what was taken, whatever happened; `down` does it later from the
   wait for a calm machine       names on the host alone
 6 start the load
 7 prove the steady state
 8 inject at a random phase of the probe period, wait for the proof that it landed, wait for recovery

Steps 5-10 repeat for each cycle on a fresh pod (restartCount 0). Nothing here decides what a run means: 12 and 13 are pure, and
`analyse_again` gives the same findings from the files alone.
"""

from __future__ import annotations

import os
import platform
import random
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import __version__, analyse, deploy, images, install, judge, observe, report, sources
from harness import history as history_room
from harness.adapters.clock import Anchor, now_ns
from harness.adapters.engine import Engine
from harness.adapters.files import State, is_alive, locked, run_alive
from harness.adapters.gotool import GoTool
from harness.adapters.progress import Progress, work_of
from harness.adapters.signals import deferred
from harness.catalogue import SCENARIOS, is_catalogued, resolve
from harness.cluster import checks, kind, record
from harness.cycle import Bench, Cycle, Planted
from harness.errors import BadInput, HarnessError, Interrupted
from harness.faults import fault_named
from harness.load.calm import Limits, wait_until_calm
from harness.load.process import require_plan
from harness.model import (
    ClusterHandle,
    Deployed,
    Findings,
    InstalledStack,
    KnativeVersion,
    Phase,
    Provision,
    Ruling,
    RunMeta,
    RunSpec,
    Scenario,
    Verdict,
)

MEASURE_LOCK = "measure.lock"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a world should be made of. Empty strings mean: choose.

    version: of Knative; None is the pinned one. cluster: its name; several can stand side by side. context: a kubeconfig
    context in place of the name; one that is not of a cluster of ours is refused.
    """

    source: str = "auto"
    version: KnativeVersion | None = None
    cluster: str = "e2e"
    release_url: str = ""
    engine: str = ""
    recreate: bool = False
    context: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """A cluster on which Knative has served a request, and what it was made from."""

    handle: ClusterHandle
    stack: InstalledStack
    provision: Provision
    engine: Engine
    state: State
    progress: Progress
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: where its files lie and what they say."""

    spec: RunSpec
    directory: Path
    findings: Findings
    verdict: Verdict
    summary: report.Summary

    def expect_pass(self) -> None:
        """Raises AssertionError with the verdict in words unless the ruling is pass.

        Whether the machine alone kept it from passing is `verdict.machine_alone`; the `experiment` fixture notes that for a CI.
        """
        if self.verdict.ruling is not Ruling.PASS:
            raise AssertionError("\n" + "\n".join(report.lines(self.summary, where=str(self.directory))))


class Phases:
    """Times the numbered steps, for the people who wait and for the record."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.done: list[Phase] = []

    @contextmanager
    def step(self, name: str, *, work: str | None = "") -> Iterator[None]:
        """One step; recorded also when it fails. work: see `Progress.step`."""
        begun = now_ns()
        try:
            with self._progress.step(name, work=work):
                yield
        finally:
            self.done.append(Phase(name, begun, now_ns()))


def asked_version(text: str) -> KnativeVersion:
    """The Knative version a user wrote, "" for the pinned one. Raises BadInput."""
    return sources.parsed(text or images.pins().knative)


# --- 1-3 ----------------------------------------------------------------------------------------------------------------


def prepare(ask: Ask, *, state: State, progress: Progress) -> World:
    """Steps 1-3: whatever is missing is made; what is there and healthy is used.

    Raises HostError, SourceError, ImageError, ClusterError or InstallError, each with the command that mends it.
    """
    phases = Phases(progress)
    cluster = record.name_of(ask.context) if ask.context else ask.cluster
    record.full_name(cluster)
    pins = images.pins()
    kind.require_ports(cluster, state)
    with phases.step("1 check the host", work=None):
        checks.prepare(state, progress=progress)
        engine = Engine.detect(state, prefer=ask.engine)
        for note in engine.notes:
            progress.say(note)
    with phases.step("2a find Knative", work=None):
        provision = sources.choose(
            ask.source,
            ask.version or asked_version(""),
            state=state,
            modules=lambda: GoTool.find(state, progress=progress),
            release_url=ask.release_url or sources.DEFAULT_BASE,
            pins=sources.Pins(kubernetes=pins.kubernetes, kourier=pins.kourier, envoy=pins.envoy),
            progress=progress,
        )
    with phases.step("2b images", work=None):
        provision = images.make(provision, engine=engine, state=state, progress=progress)
        kind_program = images.kind_binary(state=state, progress=progress)
    with phases.step("2c cluster", work=None):
        handle = kind.up(
            cluster,
            provision.node_image,
            provision.images,
            engine=engine,
            kind=kind_program,
            state=state,
            progress=progress,
            recreate=ask.recreate,
        )
    with (
        phases.step("3 Knative", work=None),
        locked(state.locks / MEASURE_LOCK, within_s=3600, holder=f"installing into {handle.name}"),
    ):
        install.request_log.give_back(handle, progress=progress)
        stack = install.install(handle, provision, progress=progress)
    return World(handle, stack, provision, engine, state, progress, tuple(phases.done))


# --- 4-15 ---------------------------------------------------------------------------------------------------------------


def measure(
    scenario: Scenario,
    world: World,
    *,
    artifacts: Path,
    seed: int | None = None,
    planted: Planted | None = None,
    manifest: dict[str, Any] | None = None,
) -> Run:
    """Steps 4-15 of one scenario on the version of this world: a closed history and what it says.

    manifest: a Knative Service of the user's own in place of the one rendered from scenario.service, which must describe it (see
    `deploy.described`). seed: of the injection phases; chosen and recorded when not given.
    Raises Interrupted (after the report is written) when ended early, BadInput when artifacts cannot be written, and whatever
    kept the first cycle from beginning.
    """
    spec = require_runnable(scenario, world.stack.stack.version, artifacts, planted=planted, manifest=manifest)
    with locked(world.state.locks / MEASURE_LOCK, within_s=4 * 3600, holder=f"measuring {spec.scenario}"):
        return _Measurement(spec, world, artifacts, seed, planted or Planted(), manifest).run()


def require_runnable(
    scenario: Scenario,
    version: KnativeVersion,
    artifacts: Path,
    *,
    planted: Planted | None = None,
    manifest: dict[str, Any] | None = None,
) -> RunSpec:
    """The scenario on this version; all that can be known of the run before anything is made for it. Raises BadInput.

    A run that is not the catalogue's, number of cycles aside, may not carry the catalogue's name: it would be taken for it.
    """
    spec = resolve(scenario, version)
    judge.require_checks(spec.claims)
    require_plan(spec.load)
    if why := fault_named(spec.fault.kind).can_land(spec.fault, spec.service):
        raise BadInput(f"The fault {spec.fault.kind} cannot land: {why}.", fix="Change the probe, or ask for another fault.")
    history_room.require_writable(artifacts)
    own = planted is not None or manifest is not None or not is_catalogued(scenario)
    if own and spec.scenario in SCENARIOS:
        raise BadInput(f"This is not the {spec.scenario} of the catalogue.", fix='Give it a name of its own (name="...").')
    if spec.cycles < 1:
        raise BadInput(f"{spec.cycles} cycles are none.", fix="Ask for 1 or more.")
    if said := analyse.loose(spec):
        raise BadInput(f"No cycle of this run could count: {said}.", fix="Leave the limits as they are, or make them tighter.")
    return spec


def with_request_log(scenario: Scenario) -> Scenario:
    """The same with queue-proxy's request log on, under a name that says so: it changes the system under test."""
    return replace(scenario, request_log=True, name=f"{scenario.name}-request-log")


def same_work(kind: str, spec: RunSpec, *more: object) -> str:
    """The key of a step's expected time: equal for runs with the same Service, fault, load and limits, and the same `more`.

    Name, title, claims and the number of cycles and replacements change no cycle's duration.
    """
    return work_of(kind, replace(spec, scenario="", title="", claims=(), cycles=0, max_replacements=None), *more)


def analyse_again(directory: Path, *, picture: Path | None = None) -> Run:
    """Steps 12-14 from the files alone. picture: a file for the timeline as SVG. Raises HistoryError when they are not a run."""
    recorded = history_room.read(directory)
    findings = analyse.analyse(recorded)
    verdict = judge.judge(recorded.meta.spec, findings)
    summary = report.write(directory, recorded, findings, verdict)
    if picture is not None:
        report.write_svg(picture, recorded, findings, summary)
    return Run(recorded.meta.spec, directory, findings, verdict, summary)


class _Measurement:
    """The state of one run while it lasts."""

    def __init__(
        self,
        spec: RunSpec,
        world: World,
        artifacts: Path,
        seed: int | None,
        planted: Planted,
        manifest: dict[str, Any] | None,
    ) -> None:
        self.spec = replace(spec, max_replacements=spec.replacements)
        self.world = world
        self.artifacts = artifacts
        self.seed = secrets.randbits(32) if seed is None else seed
        self.planted = planted
        self.manifest = manifest
        self.run_id = secrets.token_hex(4)
        self.namespace = f"knative-chaos-{self.run_id}"
        self.phases = Phases(world.progress)
        self.begun_cycles = 0

    def meta(self) -> RunMeta:
        """The head of the history."""
        anchor = Anchor.take()
        world = self.world
        return RunMeta(
            run_id=self.run_id,
            spec=self.spec,
            source=world.provision.source,
            versions={
                "harness": __version__,
                "kubernetes": world.handle.kubernetes_version,
                "knative": world.stack.versions.get("knative", ""),
                "ingress": world.stack.versions.get("ingress", ""),
                "toolchain": world.provision.versions.get("toolchain", ""),
            },
            cluster=world.handle.name,
            namespace=self.namespace,
            changes=world.stack.changes,
            stack=world.stack.stack,
            host={
                "cpus": str(os.cpu_count()),
                "kernel": platform.release(),
                "python": platform.python_version(),
                "engine": world.engine.name,
                "phase_seed": str(self.seed),
                "planted": ", ".join(self.planted.names()),
                "manifest": "the user's own" if self.manifest is not None else "",
            },
            anchor_utc_ns=anchor.utc_ns,
            anchor_mono_ns=anchor.mono_ns,
        )

    def run(self) -> Run:
        """The numbered list."""
        self.head = self.meta()
        anchor = Anchor(self.head.anchor_utc_ns, self.head.anchor_mono_ns)
        recorder = history_room.Recorder.open(self.artifacts, self.head)
        stopped: BaseException | None = None
        for phase in self.world.phases:
            recorder.phase(phase)
        try:
            with ExitStack() as undo:
                self._measure(recorder, undo)
        except (HarnessError, KeyboardInterrupt) as error:
            stopped = error
            self.head = replace(self.head, interrupted=f"{type(error).__name__}: {error}".rstrip(": "))
        except BaseException as error:
            # A crash of ours: keep what was measured, say so in the record, and let the crash be seen.
            recorder.meta(replace(self.head, interrupted=f"the harness crashed: {type(error).__name__}: {error}"))
            recorder.close()
            raise
        with deferred():
            for phase in self.phases.done:
                recorder.phase(phase)
            with self.world.progress.step("11 close the history", work=self._work("close", self.begun_cycles)):
                recorder.meta(replace(self.head, clock_step_ns=anchor.step_ns()))
                recorder.close()
            history_room.link_latest(self.artifacts, self.spec.scenario, recorder.dir)
            with self.world.progress.step("12-14 analyse, judge, report", work=self._work("analyse", self.begun_cycles)):
                result = analyse_again(recorder.dir)
        if stopped is None:
            return result
        if isinstance(stopped, HarnessError) and self.begun_cycles == 0:
            raise stopped
        raise Interrupted(
            f"{self.spec.scenario} ended early ({self.head.interrupted}); what was measured is kept and counts as inconclusive.",
            where=str(recorder.dir),
        ) from stopped

    def _measure(self, recorder: history_room.Recorder, undo: ExitStack) -> None:
        world, spec = self.world, self.spec
        deploy.sweep(world.handle, alive=lambda run_id: is_alive(world.state, run_id), progress=world.progress)
        undo.enter_context(run_alive(world.state, self.run_id))
        install.request_log.give_back(world.handle, progress=world.progress)
        if spec.request_log:
            self._request_log_on(undo)
        undo.callback(deploy.remove, world.handle, namespace=self.namespace, run_id=self.run_id, progress=world.progress)
        with self.phases.step("4 deploy", work=None):
            deployed = deploy.deploy(
                world.handle,
                world.stack,
                self.manifest or spec.service,
                namespace=self.namespace,
                app_image=world.provision.app_image,
                run_id=self.run_id,
                progress=world.progress,
            )
            deployed = self._made_as_asked(deployed)
            deployed = deploy.open_routes(world.handle, deployed, spec.load.lanes, run_id=self.run_id, progress=world.progress)
        self.head = replace(self.head, user_port=deployed.user_port)
        recorder.meta(self.head)
        with self.phases.step("5 start the observers"):
            observers = observe.Observers(
                world.handle,
                self.namespace,
                sink=recorder,
                raw_dir=recorder.raw_dir,
                exec_argv=lambda argv: world.engine.exec_argv(world.handle.node, argv),
                exec_env=world.engine.env,
                wrap_source=self.planted.wrap_source,
                read_clocks=self.planted.read_clocks,
            )
            undo.callback(observers.stop)
            observers.start()
        bench = Bench(
            spec=spec,
            run_id=self.run_id,
            handle=world.handle,
            recorder=recorder,
            observers=observers,
            progress=world.progress,
            random=random.Random(self.seed),  # noqa: S311 - a phase, recorded with its seed; not a secret
            planted=self.planted,
        )
        self._await_calm(recorder)
        self._cycles(bench, deployed)

    def _await_calm(self, recorder: history_room.Recorder) -> None:
        """Not for ever: a run on a restless machine begins late, says so, and has its late cycles voided as ever."""
        spec = self.spec
        with self.phases.step("5 wait for a calm machine", work=None):
            calm = wait_until_calm(spec.load, Limits(spec.pacing_p99_limit_us, spec.pacing_max_limit_us, analyse.STEAL_LIMIT))
        self.world.progress.say(str(calm))
        self.head = replace(self.head, host={**self.head.host, "calm": str(calm)})
        recorder.meta(self.head)

    def _work(self, kind: str, *more: object) -> str:
        return same_work(kind, self.spec, self.manifest, self.planted.names(), *more)

    def _request_log_on(self, undo: ExitStack) -> None:
        """Before anything of ours is deployed, and given back after it is gone: the change rolls every Revision there is."""
        world = self.world
        undo.callback(install.request_log.give_back, world.handle, progress=world.progress)
        with self.phases.step("4 request log on"):
            changes = install.request_log.switch_on(world.handle, run_id=self.run_id, progress=world.progress)
        everything = (*self.head.changes, *changes)
        self.head = replace(self.head, changes=everything, stack=replace(world.stack.stack, changes=everything))

    def _made_as_asked(self, deployed: Deployed) -> Deployed:
        """Knative may have made the Revision before it read that the request log was switched, or given back: then a fresh pod."""
        handle, on = self.world.handle, self.spec.request_log
        pod = deployed.pods[0].name
        asked = install.request_log.settled(handle, namespace=deployed.namespace, revision=deployed.revision, pod=pod, on=on)
        return deployed if asked else deploy.fresh_pods(handle, deployed, progress=self.world.progress)

    def _cycles(self, bench: Bench, deployed: Deployed) -> None:
        """Cycles until enough count, one is given up, or the replacements fixed beforehand for late generators are used up."""
        spec, progress = self.spec, self.world.progress
        counted, replaces, index = 0, -1, 0
        while counted < spec.cycles:
            with self.phases.step(f"6-10 cycle {index}", work=self._work("cycle", index > 0)):
                if index:
                    deployed = deploy.fresh_pods(self.world.handle, deployed, progress=progress)
                cycle = Cycle(bench, deployed, index, replaces=replaces)
                cycle.prepare()
                self.begun_cycles += 1
                cycle.run()
            if cycle.mark.given_up:
                # The service did not behave as the cycle needs it to: that is a finding, and no further cycle may hide it.
                progress.say(f"cycle {index}: {cycle.mark.given_up}")
                return
            requests, _, _, _ = history_room.read_load(bench.recorder.load_dir(index), index)
            attempts, _ = history_room.read_attempts(bench.recorder.load_dir(index), index)
            void = analyse.void_reason(spec, requests, cycle.report, until_ns=cycle.mark.recovered_ns, attempts=attempts)
            if void:
                progress.say(f"cycle {index} does not count: {void}")
                if index - counted >= spec.replacements:
                    return
                replaces = index
            else:
                counted += 1
                replaces = -1
            index += 1
