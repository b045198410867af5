"""One session: a scenario deployed on a world, observed, measured cycle by cycle. Steps 4 to 15 of the list in `harness.run`."""

from __future__ import annotations

import os
import platform
import random
import secrets
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from harness import __version__, analyse, deploy, inject, install, judge, observe
from harness import history as history_room
from harness.adapters.clock import Anchor, now_ns
from harness.adapters.files import is_alive, locked, run_alive
from harness.adapters.progress import work_of
from harness.adapters.signals import deferred
from harness.adapters.threads import NodeThreads
from harness.catalogue import SCENARIOS, is_catalogued, resolve
from harness.errors import BadInput, HarnessError, Interrupted
from harness.faults import Door, Elsewhere, Lift, fault_named
from harness.knative.roles import service_of_role
from harness.load.calm import Limits, Window, dry_run, wait_until_calm
from harness.load.process import require_plan
from harness.model import (
    COURSES,
    USERS_ROUTE,
    Build,
    Deployed,
    Hop,
    KnativeVersion,
    NodeCpu,
    Procedure,
    RunMeta,
    RunSpec,
    Scenario,
    Workload,
)
from harness.run.analysis import Run, analyse_again
from harness.run.belonging import PLAN
from harness.run.cycle import Bench, Cycle, Planted
from harness.run.phases import Phases
from harness.run.rounds import measured_together
from harness.run.slots import names_of, require_slots
from harness.run.surroundings import NODE_IMAGE
from harness.run.world import MEASURE_LOCK, World

NO_IMAGES: Mapping[str, str] = MappingProxyType({})

NODE_CPU_ENDS_S = 5.0
"""A look takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run that is a block of an experiment lies. directory: of the run. experiment: its id. arm: the label. plan: see
    `Experiment.plan`.
    """

    directory: Path
    experiment: str
    arm: str
    plan: str = ""


def measure(
    scenario: Scenario,
    world: World,
    *,
    artifacts: Path,
    seed: int | None = None,
    planted: Planted | None = None,
    workload: Workload | None = None,
    images: Mapping[str, str] = NO_IMAGES,
    place: Place | None = None,
    slots: int = 1,
) -> Run:
    """Steps 4-15 of one scenario on the version of this world: a closed history and what it says.

    workload: a Knative Service of the user's own in place of the one rendered from scenario.service, which must describe it (see
    `deploy.spec_of`). images: of its documents those that the cluster has under another name (`harness.images.bring`). seed: of
    the injection phases; chosen and recorded when not given. place: of a block of an experiment; any other run lies in
    artifacts/SCENARIO/UTC-ID, and artifacts/latest/SCENARIO links to it. slots: so many cycles are measured at the same time, each
    on a workload of its own, the restarts of no two of them overlapping (`harness.run.slots`).
    Raises Interrupted (after the report is written) when ended early, BadInput when artifacts cannot be written, and whatever
    kept the first cycle from beginning.
    """
    version, doors = world.stack.stack.version, inject.doors_of(world.handle)
    spec = require_runnable(scenario, version, artifacts, planted=planted, workload=workload, doors=doors, slots=slots)
    if Door.NODE in doors:
        inject.require_kernel(faults_of(scenario), world.engine, world.handle.node)
    with locked(world.state.locks / MEASURE_LOCK, within_s=4 * 3600, holder=f"measuring {spec.scenario}"):
        ready = deploy.workload_for(spec, workload)
        session = _Session(spec, world, artifacts, seed, planted or Planted(), ready, place, own=workload is not None)
        session.images = images
        session.slots = names_of(ready, min(slots, spec.cycles))
        return session.run()


def require_runnable(
    scenario: Scenario,
    version: KnativeVersion,
    artifacts: Path,
    *,
    planted: Planted | None = None,
    workload: Workload | None = None,
    doors: Collection[Door] = frozenset(Door),
    slots: int = 1,
) -> RunSpec:
    """The scenario on this version; all that can be known of the run before anything is made for it. Raises BadInput.

    doors: those that the cluster has, as far as is known; a cluster of ours has all.
    A run that is not the catalogue's, number of cycles aside, may not carry the catalogue's name: it would be taken for it.
    """
    spec = resolve(scenario, version)
    judge.require_checks(spec.claims)
    require_plan(spec.load)
    asked = deploy.workload_for(spec, workload)
    deploy.require_possible(asked, spec.load.lanes, request_log=spec.request_log)
    if workload and (slow := spec.service.app.startup_delay_s) >= spec.recovery_s:
        raise BadInput(
            f"The app listens {slow:g} s after its start, and the recovery is waited for {spec.recovery_s:g} s.",
            fix="Lower its start-up delay for the measurement.",
        )
    deploy.require_room(asked, cores=os.cpu_count() or 1, memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    fault_named(spec.fault.kind).require(spec.fault)
    for fault in (spec.fault, spec.second):
        if fault and (why := fault_named(fault.kind).refused(fault, spec, doors)):
            raise BadInput(f"The fault {fault.kind} cannot land: {why}.", fix="Change the Service, or ask for another fault.")
    require_hold(spec)
    require_course(spec)
    require_slots(spec, asked, slots)
    history_room.require_writable(artifacts)
    own = planted is not None or workload is not None or not is_catalogued(scenario)
    if own and spec.scenario in SCENARIOS:
        raise BadInput(f"This is not the {spec.scenario} of the catalogue.", fix='Give it a name of its own (name="...").')
    if spec.cycles < 1:
        raise BadInput(f"{spec.cycles} cycles are none.", fix="Ask for 1 or more.")
    if said := analyse.loose(spec):
        raise BadInput(f"No cycle of this run could count: {said}.", fix="Leave the limits as they are, or make them tighter.")
    return spec


def faults_of(*asked: Procedure) -> tuple[str, ...]:
    """The names of their faults, each once."""
    return tuple(dict.fromkeys(fault.kind for one in asked for fault in (one.fault, one.second) if fault is not None))


def require_hold(spec: RunSpec) -> None:
    """Raises BadInput for a fault that lasts until it is taken back, if it shall last for no time."""
    fault = fault_named(spec.fault.kind)
    ends = fault.ends_in(spec.fault, service_of_role(spec.service, spec.fault.role))
    if fault.injected and ends.lift is Lift.HELD and spec.hold_s <= 0:
        raise BadInput(
            f"The fault {fault.name} would be taken back as soon as it has landed: hold_s is {spec.hold_s:g}.",
            fix="Say in the scenario how many seconds it shall last (hold_s=15.0).",
        )


def require_course(spec: RunSpec) -> None:
    """Raises BadInput where the course and what is asked beside it do not go together."""
    course = COURSES.get(spec.course_name)
    if course is None:
        raise BadInput(f"There is no course {spec.course_name!r}.", fix=f"Use one of: {', '.join(COURSES)}.")
    fault = fault_named(spec.fault.kind)
    if course.name not in fault.courses:
        asked = f"the fault {fault.name}" if fault.injected else "no fault"
        raise BadInput(
            f"The course {course.name} was asked for with {asked}.",
            fix=f"Use one of the courses {', '.join(fault.courses)}, or another fault.",
        )
    if course.from_zero is not (spec.service.initial_scale == 0):
        raise BadInput(
            f"The course {course.name} was asked for with an initial scale of {spec.service.initial_scale}.",
            fix="Use initial_scale=0 with the course from-zero, and with no other.",
        )
    if spec.second is not None:
        fault_named(spec.second.kind).require(spec.second)
        if spec.second.pods != "one" or not fault_named(spec.second.kind).injected:
            raise BadInput(
                f"The second fault {spec.second.kind} hits one pod, the one that the cycle's mark names.",
                fix='Ask for a fault that does something, and leave pods="all" out.',
            )
        if not course.maybe or spec.second.kind == spec.fault.kind:
            raise BadInput(
                f"A second fault {spec.second.kind} was asked for beside {spec.fault.kind} in the course {course.name}.",
                fix="Use the course roll-out with its fault, and another one beside it.",
            )


def _elsewhere(spec: RunSpec) -> Iterable[Elsewhere]:
    """Where the faults hit pods that are not the workload's."""
    for fault in (spec.fault, spec.second):
        if fault is not None and (of := fault_named(fault.kind).elsewhere) is not None:
            yield of


def with_request_log(scenario: Scenario) -> Scenario:
    """The same with queue-proxy's request log on, under a name that says so: it changes the system under test."""
    return replace(scenario, request_log=True, name=f"{scenario.name}-request-log")


def same_work(kind: str, spec: RunSpec, *more: object) -> str:
    """The key of a step's expected time: equal for runs with the same Service, fault, load and limits, and the same `more`.

    Name, title, claims and the number of cycles and replacements change no cycle's duration.
    """
    return work_of(kind, replace(spec, scenario="", title="", claims=(), cycles=0, max_replacements=None), *more)


class _Session:
    """The state of one session while it lasts."""

    def __init__(
        self,
        spec: RunSpec,
        world: World,
        artifacts: Path,
        seed: int | None,
        planted: Planted,
        workload: Workload,
        place: Place | None,
        *,
        own: bool,
    ) -> None:
        self.spec = replace(spec, max_replacements=spec.replacements)
        self.world = world
        self.artifacts = artifacts
        self.seed = secrets.randbits(32) if seed is None else seed
        self.planted = planted
        self.workload = workload
        self.own = own
        self.images: Mapping[str, str] = {}
        self.slots: tuple[str, ...] = ()
        self.place = place
        self.run_id = secrets.token_hex(4)
        self.namespace = f"knative-chaos-{self.run_id}"
        self.phases = Phases(world.progress)
        self.begun_cycles = 0
        self.node_cpu: list[NodeCpu] = []

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
                "knative": self._knative(),
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
                NODE_IMAGE: world.handle.node_image,
                "phase_seed": str(self.seed),
                "planted": ", ".join(self.planted.names()),
                "manifest": "the user's own" if self.own else "",
                **({PLAN: self.place.plan} if self.place else {}),
            },
            anchor_utc_ns=anchor.utc_ns,
            anchor_mono_ns=anchor.mono_ns,
            experiment=self.place.experiment if self.place else "",
            arm=self.place.arm if self.place else "",
            listeners_every_ms=observe.LISTENERS_EVERY_MS if world.handle.node else 0,
            slots=self.slots,
        )

    def _knative(self) -> str:
        """The version for people, with what of it is the user's own."""
        build, text = self.world.build, self.world.stack.versions.get("knative", "")
        if build is None or build == Build(build.version):
            return text
        return build.text if build.serving else f"{text}{build.text.removeprefix(str(build.version))}"

    def run(self) -> Run:
        """The numbered list."""
        self.head = self.meta()
        anchor = Anchor(self.head.anchor_utc_ns, self.head.anchor_mono_ns)
        recorder = history_room.Recorder.open(self.artifacts, self.head, directory=self.place.directory if self.place else None)
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
            if self.place is None:
                history_room.link_latest(self.artifacts, self.spec.scenario, recorder.dir)
            with self.world.progress.step("12-14 analyse, judge, report", work=self._work("analyse", self.begun_cycles)):
                result = analyse_again(recorder.dir)
        if stopped is None:
            return result
        if isinstance(stopped, HarnessError) and self.begun_cycles == 0:
            raise stopped
        early = "was interrupted" if isinstance(stopped, KeyboardInterrupt) else f"ended early ({self.head.interrupted})"
        raise Interrupted(
            f"{self.spec.scenario} {early}; what was measured is kept and counts as inconclusive.",
            where=str(recorder.dir),
        ) from stopped

    def _measure(self, recorder: history_room.Recorder, undo: ExitStack) -> None:
        world, spec = self.world, self.spec
        deploy.sweep(world.handle, alive=lambda run_id: is_alive(world.state, run_id), progress=world.progress)
        undo.enter_context(run_alive(world.state, self.run_id))
        install.give_back(world.handle, progress=world.progress)
        access = undo.enter_context(inject.ClusterAccess(world.handle, world.engine, progress=world.progress))
        access.sweep()
        if image := world.provision.queue_proxy_image:
            self._switch_on(undo, "4 queue-proxy of the user's own", install.queue_proxy, image=image)
        if spec.request_log:
            self._switch_on(undo, "4 request log on", install.request_log)
        if spec.service.initial_scale == 0:
            self._switch_on(undo, "4 initial scale 0 allowed", install.zero_scale)
        if any(one.probes for one in spec.service.sidecars):
            self._switch_on(undo, "4 probes of sidecars allowed", install.sidecar_probes)
        undo.callback(deploy.remove, world.handle, namespace=self.namespace, run_id=self.run_id, progress=world.progress)
        with self.phases.step("4 deploy", work=None):
            deployed = [self._made_as_asked(one) for one in self._deployed()]
            lanes, run_id = spec.load.lanes, self.run_id
            deployed = [deploy.open_routes(world.handle, one, lanes, run_id=run_id, progress=world.progress) for one in deployed]
        self.head = replace(
            self.head,
            user_port=deployed[0].user_port,
            documents=self.workload.documents,
            pod_spec=deployed[0].pod_spec,
            routes=deployed[0].routes,
        )
        recorder.meta(self.head)
        with self.phases.step("5 start the observers"):
            observers = observe.Observers(
                world.handle,
                self.namespace,
                sink=recorder,
                raw_dir=recorder.raw_dir,
                exec_argv=lambda argv: world.engine.exec_argv(world.handle.node, argv),
                exec_open=self._exec_open if self.head.listeners_every_ms else None,
                exec_env=world.engine.env,
                wrap_source=self.planted.wrap_source,
                read_clocks=self.planted.read_clocks,
                also=[(of.namespace, of.selector) for of in _elsewhere(spec)],
                ingress=spec.request_log,
            )
            undo.callback(observers.stop)
            observers.start()
            self._watch_node_cpu(recorder, undo)
        access.see = observers.feed.observation
        bench = Bench(
            spec=spec,
            run_id=self.run_id,
            access=access,
            recorder=recorder,
            observers=observers,
            progress=world.progress,
            random=random.Random(self.seed),  # noqa: S311 - a phase, recorded with its seed; not a secret
            planted=self.planted,
            slots=self.slots,
        )
        self._await_calm(recorder)
        self._cycles(bench, deployed)

    def _exec_open(self, argv: Sequence[str]) -> list[str]:
        """How a command is run inside the node with its standard input passed on."""
        return self.world.engine.exec_argv(self.world.handle.node, argv, interactive=True)

    def _deployed(self) -> Sequence[Deployed]:
        """The workload, once for each slot."""
        world = self.world
        options: dict[str, Any] = {
            "namespace": self.namespace,
            "app_image": world.provision.app_image,
            "images": self.images,
            "request": self.spec.load.request,
            "run_id": self.run_id,
            "progress": world.progress,
        }
        if not self.slots:
            return [deploy.deploy(world.handle, world.stack, self.workload, **options)]
        workloads = [deploy.named(self.workload, name) for name in self.slots]
        return deploy.deploy_together(world.handle, world.stack, workloads, **options)

    def _watch_node_cpu(self, recorder: history_room.Recorder, undo: ExitStack) -> None:
        """On a node of ours. Elsewhere how long it waits for a CPU stays unknown."""
        handle, engine = self.world.handle, self.world.engine
        if not handle.node or (container := engine.container_id(handle.node)) is None:
            return

        def record(seen: NodeCpu) -> None:
            recorder.node_cpu(seen)
            self.node_cpu.append(seen)

        watch = observe.NodeCpuWatch(NodeThreads(container), record)
        undo.callback(watch.join, NODE_CPU_ENDS_S)
        undo.callback(watch.end)
        watch.start()

    def _await_calm(self, recorder: history_room.Recorder) -> None:
        """Not for ever: a run on a restless machine begins late, says so, and has its late cycles voided as ever."""
        spec = self.spec
        with self.phases.step("5 wait for a calm machine", work=None):
            limits = Limits(spec.pacing_p99_limit_us, spec.pacing_max_limit_us, analyse.STEAL_LIMIT, analyse.CPU_WAIT_LIMIT_US)
            calm = wait_until_calm(spec.load, limits, measure=self._window)
        self.world.progress.say(str(calm))
        self.head = replace(self.head, host={**self.head.host, "calm": str(calm)})
        recorder.meta(self.head)

    def _window(self, rate_rps: float) -> Window:
        """One look at the machine, with how long the node waited for a CPU meanwhile; of the intervals that ended in it."""
        from_ns = now_ns() - int(observe.NODE_CPU_EVERY_S * 1e9)
        window = dry_run(rate_rps)
        return replace(window, cpu_wait_us=analyse.cpu_wait_us(self.node_cpu, from_ns, now_ns()))

    def _work(self, kind: str, *more: object) -> str:
        return same_work(kind, self.spec, self.workload, self.planted.names(), *more)

    def _switch_on(self, undo: ExitStack, step: str, switch: ModuleType, **options: str) -> None:
        """Before anything of ours is deployed, and given back after it is gone: a change may roll every Revision there is.

        switch: a module of the install room with `switch_on`, which takes the options, and `give_back`.
        """
        world = self.world
        undo.callback(switch.give_back, world.handle, progress=world.progress)
        with self.phases.step(step):
            changes = switch.switch_on(world.handle, run_id=self.run_id, progress=world.progress, **options)
        everything = (*self.head.changes, *changes)
        self.head = replace(self.head, changes=everything, stack=replace(world.stack.stack, changes=everything))

    def _made_as_asked(self, deployed: Deployed) -> Deployed:
        """Knative may have made the Revision before it read a change, or that it was given back: then a fresh pod."""
        if Hop.QUEUE_PROXY not in deployed.route(USERS_ROUTE).hops:
            return deployed
        handle, on = self.world.handle, self.spec.request_log
        pods = tuple(pod.name for pod in deployed.pods)
        space, revision = deployed.namespace, deployed.revision
        swapped = install.queue_proxy.settled(handle, namespace=space, revision=revision, pods=pods)
        logged = install.request_log.settled(handle, namespace=space, revision=revision, pods=pods, on=on)
        return deployed if swapped and logged else deploy.fresh_pods(handle, deployed, progress=self.world.progress)

    def _cycles(self, bench: Bench, stood: Sequence[Deployed]) -> None:
        """Rounds until enough cycles count, one is given up, or the replacements fixed beforehand for late generators are used up.

        stood: the workload of each slot.
        """
        spec, progress = self.spec, self.world.progress
        counted, index, voided, unreplaced = 0, 0, 0, deque[int]()
        benches = [bench, *(replace(bench, random=random.Random(f"{self.seed} {name}")) for name in self.slots[1:])]  # noqa: S311 - as above
        while counted < spec.cycles:
            width = min(len(stood), spec.cycles - counted)
            with self.phases.step(_cycles_step(index, width), work=self._work("cycle", index > 0, *([width] if width > 1 else []))):
                stood = deploy.fresh_pods_together(self.world.handle, stood[:width], progress=progress) if index else stood[:width]
                cycles = [
                    Cycle(of_slot, deployed, index + slot, replaces=unreplaced.popleft() if unreplaced else -1)
                    for slot, (of_slot, deployed) in enumerate(zip(benches, stood, strict=False))
                ]
                for cycle in cycles:
                    cycle.prepare()
                self.begun_cycles += width
                measured_together(bench, cycles)
            index += width
            given_up = [cycle for cycle in cycles if cycle.mark.given_up]
            for cycle in given_up:
                progress.say(f"cycle {cycle.mark.index}: {cycle.mark.given_up}")
            if given_up:
                # The service did not behave as the cycle needs it to: that is a finding, and no further cycle may hide it.
                return
            for cycle in cycles:
                if void := self._void_reason(bench, cycle):
                    progress.say(f"cycle {cycle.mark.index} does not count: {void}")
                    unreplaced.append(cycle.mark.index)
                    voided += 1
                else:
                    counted += 1
            if voided > spec.replacements:
                return

    def _void_reason(self, bench: Bench, cycle: Cycle) -> str:
        index, mark, place = cycle.mark.index, cycle.mark, bench.recorder.load_dir(cycle.mark.index)
        requests, _, _, _ = history_room.read_load(place, index)
        attempts, _ = history_room.read_attempts(place, index)
        waited_us = analyse.cpu_wait_us(self.node_cpu, mark.load_started_ns, mark.recovered_ns)
        return analyse.void_reason(
            self.spec, requests, cycle.report, until_ns=mark.recovered_ns, attempts=attempts, waited_us=waited_us
        )


def _cycles_step(first: int, width: int) -> str:
    return f"6-10 cycle {first}" if width == 1 else f"6-10 cycles {first} to {first + width - 1}"
