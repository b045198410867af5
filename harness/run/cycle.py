"""One cycle on fresh pods, which takes its course (`harness.run.courses`). Steps 5 to 10 of the list in `harness.run`.

A condition that does not come gives the cycle up and is kept in its mark; any other error ends the run.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace

from harness import analyse, inject, observe
from harness import history as history_room
from harness.adapters.clock import now_ns
from harness.adapters.progress import Progress
from harness.adapters.wait import Look, until
from harness.apps.known import app_of
from harness.apps.toggle_probes import well_probed
from harness.errors import FaultError, HarnessError, WaitTimeout
from harness.faults import FAULTS, Asked, Case, Door, Lift, Sight
from harness.faults.sight import Requests
from harness.knative.pods import restarts_since
from harness.knative.roles import container_of_role, is_sidecar, service_of_role
from harness.load.process import Generator, GeneratorSpec, Seen, routes_of
from harness.load.process import start as start_generator
from harness.model import (
    USERS_ROUTE,
    CycleMark,
    Deployed,
    FaultEvent,
    FaultSpec,
    GeneratorReport,
    Handler,
    Observation,
    Outcome,
    Pod,
    RunSpec,
    ServiceSpec,
    Stream,
)
from harness.run import courses
from harness.run.turn import Turn


@dataclass(frozen=True, slots=True)
class Planted:
    """Faults planted in the harness itself, to see that it does not pass then. Empty in every real run.

    wrap_source: stands between a log and its reader. read_clocks: in place of the host's clocks. inject: in place of the fault
    room's. before_fault, after_fault: called with what is deployed and the generator, after the steady state and right after the
    fault.
    """

    wrap_source: Callable[[observe.LogSource], observe.LogSource] | None = None
    read_clocks: observe.ReadClocks | None = None
    before_fault: Callable[[Deployed, Generator], None] | None = None
    after_fault: Callable[[Deployed, Generator], None] | None = None
    inject: Callable[[inject.ClusterAccess, Deployed, Pod, int], FaultEvent] | None = None

    def names(self) -> tuple[str, ...]:
        """Which of them are there; kept in the record of the run, for a planted run must never be taken for a real one."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every cycle of a run shares. slots: see RunMeta; random: of the slot."""

    spec: RunSpec
    run_id: str
    access: inject.ClusterAccess
    recorder: history_room.Recorder
    observers: observe.Observers
    progress: Progress
    random: random.Random
    planted: Planted
    slots: tuple[str, ...] = ()


NO_POD = Pod("", "", "", "")
"""Of a cycle that begins without one: its mark names the first pod that came."""


class Cycle:
    """One course on fresh pods: the Trial of `harness.run.courses`.

    After `run`: `mark`, `report` (None if the generator left none), `landed`.
    """

    def __init__(self, bench: Bench, deployed: Deployed, index: int, *, replaces: int) -> None:
        self.bench = bench
        self.spec = bench.spec
        self.deployed = deployed
        self.service = service_of_role(self.spec.service, self.spec.fault.role)
        self.container = container_of_role(self.spec.service, self.spec.fault.role)
        self.app = app_of(self.service.app.image)
        self.fault = FAULTS[self.spec.fault.kind]
        self.told = inject.drawn(self.spec.fault, deployed.pods, bench.random)
        self.pod = self.told[0] if self.told else NO_POD
        names = tuple(pod.name for pod in deployed.pods)
        self.mark = CycleMark(index, self.pod.name, self.pod.boot, 0, 0, 0, 0, 0, 0, replaces=replaces, pods=names)
        self.report: GeneratorReport | None = None
        self.landed = True
        self.generator: Generator
        self.events: list[FaultEvent] = []
        self.unlifted: list[tuple[Pod, FaultSpec]] = []
        self.said: set[str] = set()
        self.ends = self.fault.ends_in(self.spec.fault, self.service)
        self.sight = _LiveSight(bench.observers.feed, self._asked, frozenset({"", deployed.name}), bench.slots)
        self.turn = Turn()

    def prepare(self) -> None:
        """Step 5: the streams of these pods, each proved to deliver. Raises ObserveError naming the one that does not."""
        self.bench.observers.prove(self.deployed.pods, within_s=30)

    async def run(self, turn: Turn) -> None:
        """Steps 6 to 9, with the fault when it is this cycle's turn. An interruption ends the load at once, without a drain."""
        spec, bench, index = self.spec, self.bench, self.mark.index
        self.turn = turn
        others_s = (turn.slots - 1) * (self._landing_within_s() + spec.hold_s + spec.recovery_s)
        wanted = GeneratorSpec(
            routes=routes_of(spec.load, self.deployed),
            plan=spec.load,
            run_id=bench.run_id,
            cycle=index,
            max_s=2 * (self._steady_within_s() + self._landing_within_s())
            + spec.hold_s
            + spec.recovery_s
            + spec.after_s
            + others_s,
            drain_s=spec.load.deadline_s,
        )
        with start_generator(wanted, bench.recorder.load_dir(index)) as generator:
            self.generator = generator
            self.mark = replace(self.mark, load_started_ns=generator.wait_started())
            try:
                await self._take_course()
            except BaseException:
                with suppress(HarnessError):  # it was said, and is not what ended the course
                    self._take_back_what_was_not_lifted()
                raise
            else:
                self._take_back_what_was_not_lifted()
            finally:
                self.turn.give_up(self)
            self.report = await self._load_stopped(within_s=spec.load.deadline_s + 10)
        bench.progress.say(f"cycle {index}: {generator.sent_so_far()} requests, {generator.failed_so_far()} failed")
        if not self.mark.pod:
            self.mark = replace(self.mark, pod=pod_that_came(bench.observers.followed(), self.sight.now()))

    def end(self) -> None:
        """Step 10, after the logs were sealed: the mark is recorded."""
        self.mark = replace(self.mark, ended_ns=now_ns())
        self.bench.recorder.cycle(self.mark)

    async def _load_stopped(self, within_s: float) -> GeneratorReport:
        """What is in flight is answered meanwhile, and nobody else waits for it."""
        generator = self.generator
        generator.ask_to_stop()
        with suppress(WaitTimeout):  # `stop` says what is wrong, and makes it end
            await until(
                "the load's end", lambda: Look(None if generator.alive() else True, "it runs"), within_s=within_s, every_s=0.02
            )
        return generator.stop(within_s=within_s)

    async def _take_course(self) -> None:
        try:
            await courses.COURSES[self.spec.course_name](self)
        except WaitTimeout as late:
            self.mark = replace(self.mark, given_up=str(late))

    # --- the verbs of a course: each waits for what it is about, and marks the milestone it leads to ---

    async def settle(self, *, calm: bool = False, every_pod: bool = False) -> None:
        """Until the steady state is proved. calm: no failure is allowed. every_pod: as many pods are Ready as there may be.

        Where no fault is to come, failures are what is measured, and are waited away only if calm is asked for.
        """
        await self._prove_steady(calm=calm or self.fault.injected, every_pod=every_pod)
        self._reached("steady")
        if self.bench.planted.before_fault:
            self.bench.planted.before_fault(self.deployed, self.generator)

    async def measure(self) -> None:
        """A window of after_s without a fault."""
        await _let_pass(self.spec.after_s)
        self._reached("recovered")

    async def inject(self) -> None:
        """The fault, at a random phase of the liveness probe's period, once no other slot's container restarts."""
        await self.turn.take(self)
        if self.service.liveness is not None:
            await _let_pass(inject.random_phase(self.service.liveness.period_s, self.bench.random))
        for pod in inject.elsewhere(self.bench.access, self.spec.fault, self.bench.random) or self.told:
            self.unlifted.append((pod, self.spec.fault))
            self.events.append(self._inject(pod, self.spec.fault))
            self.mark = self.mark.reached("fault", self.events[0].sent_ns)
        if self.bench.planted.after_fault:
            self.bench.planted.after_fault(self.deployed, self.generator)

    async def inject_second(self) -> None:
        """The second fault, in the pod that the mark names, and until it has landed there."""
        second = self.spec.second
        if second is None:
            return
        (pod,) = inject.elsewhere(self.bench.access, second, self.bench.random) or (self.pod,)
        self.unlifted.append((pod, second))
        event = self._inject(pod, second)
        self.mark = self.mark.reached("second_fault", event.sent_ns)
        await self._await_landed(second, [event])
        self._reached("second_landed")

    async def await_landed(self) -> None:
        """Until every pod that was hit proves that the fault took hold."""
        try:
            await self._await_landed(self.spec.fault, self.events)
        except WaitTimeout:
            self.landed = False
            raise
        self._reached("landed")

    async def lift(self) -> None:
        """End a fault that lasts until it is taken back, after it has lasted for hold_s, or at once where it is to end so.

        A restart does not end one that survives it: where hold_s is asked for, it is taken back after that.
        """
        loops = self.spec.fault.persistent and self.spec.hold_s > 0
        if self.ends.lift in {Lift.HELD, Lift.LANDED} or loops:
            await _let_pass(0.0 if self.ends.lift is Lift.LANDED else self.spec.hold_s)
            for pod, fault in tuple(self.unlifted):
                if fault == self.spec.fault:
                    self._take_back(pod, fault)

    def _take_back_what_was_not_lifted(self) -> None:
        """Whatever ended the course: a fault that lasts must not outlive its cycle. One that ends by itself needs no taking back.

        Registered before it is injected, for an injection that failed half-way may be in all the same. Raises HarnessError, after
        all were tried, for one that may stay on the node or in a pod that is not the workload's, or did not last until now.
        """
        stays: HarnessError | None = None
        for pod, fault in tuple(self.unlifted):
            if FAULTS[fault.kind].ends_in(fault, self._as_hit(fault)).lift is Lift.NEVER:
                continue
            try:
                self._take_back(pod, fault)
            except HarnessError as error:
                where = f"cycle {self.mark.index}, {pod.name}"
                self.bench.progress.say(f"{where}: the fault {fault.kind} was not taken back: {error}")
                # A pod of the workload goes with its cycle, and the namespace with the run. Any other would carry the fault on, and
                # so would a rule on the node.
                kind = FAULTS[fault.kind]
                stays = stays or (error if kind.elsewhere or kind.door is Door.NODE else None)
        self.unlifted.clear()
        if stays is not None:
            raise stays

    def _asked(self, since_ns: int) -> Iterable[Asked]:
        """The requests of users, for a proof that rests on them."""
        users = {lane for lane, _ in self.spec.load.lanes if lane.route == USERS_ROUTE}
        for one in self.generator.tail(since_ns, users):
            yield Asked(one.sent_ns, one.done_ns, one.outcome, one.status, one.boot)

    def _take_back(self, pod: Pod, fault: FaultSpec) -> None:
        inject.take_back(self.bench.access, self.deployed, pod, fault)
        self.unlifted.remove((pod, fault))

    async def recover(self) -> None:
        """Until users have been answered well for after_s by pods that the fault has left as it must."""
        await self._await_recovery(self.generator)
        self._reached("recovered")

    def _reached(self, milestone: str) -> None:
        self.mark = self.mark.reached(milestone, now_ns())

    def _inject(self, pod: Pod, fault: FaultSpec) -> FaultEvent:
        bench, index = self.bench, self.mark.index
        if bench.planted.inject:
            event = bench.planted.inject(bench.access, self.deployed, pod, index)
        else:
            event = inject.inject(bench.access, self.deployed, pod, fault, cycle=index)
        bench.recorder.fault(event)
        return event

    async def _prove_steady(self, *, calm: bool, every_pod: bool) -> None:
        """Every request answered for steady_s, and one liveness probe answered well: no fault comes before that.

        On every lane, for what never worked cannot fail; and at the first attempt, for a retrying client hides what is looked for.
        """
        spec, generator = self.spec, self.generator
        watches = [self._probe_watch(pod, of_its_boot=True) for pod in self.deployed.pods]

        def look() -> Look[bool]:
            since = now_ns() - int(spec.steady_s * 1e9)
            seen = generator.tail(since)
            failed = sum(1 for one in seen if one.outcome is not Outcome.OK or one.attempt)
            long_enough = now_ns() - self.mark.load_started_ns >= spec.steady_s * 1e9
            probed = all(watch is None or watch.seen() for watch in watches)
            words = f"{len(seen)} answers in the last {spec.steady_s:g} s, {failed} of them failed; "
            words += "liveness probe answered" if probed else "no liveness probe yet"
            ready = len(self.sight.now().ready_at(now_ns())) if every_pod else 0
            short = every_pod and ready < self._pods_wanted()
            words += f"; {ready} of {self._pods_wanted()} pods are Ready" if short else ""
            return Look(True if long_enough and seen and not (calm and failed) and probed and not short else None, words)

        await until("the steady state", look, within_s=self._steady_within_s(), every_s=0.25)

    def _probe_watch(self, pod: Pod, *, of_its_boot: bool) -> _ProbeSeen | None:
        """For the boot that the cycle began with, or another one, of the container that the fault hits.

        None where the app cannot tell a liveness probe from another connection, logs none, or has no such probe.
        """
        probe, role = self.service.liveness, self.spec.fault.role
        if probe is None or probe.handler is Handler.TCP or not self.app.logs_probes:
            return None
        if not is_sidecar(role):
            return _ProbeSeen(self.bench.observers.feed, pod.name, self.service, lambda boot: (boot == pod.boot) is of_its_boot)
        # A sidecar names its boot in its log alone; the pod had not restarted when it was found.
        before_ns = self.mark.fault_ns or now_ns()
        known = {one.boot for one in self.sight.now().app(pod.name, self.container) if one.t_ns < before_ns}
        log = Stream.SIDECAR, self.container
        return _ProbeSeen(self.bench.observers.feed, pod.name, self.service, lambda boot: of_its_boot or boot not in known, *log)

    def _steady_within_s(self) -> float:
        probe = self.service.liveness
        first_probe_s = probe.initial_delay_s + 2 * probe.period_s if probe else 0
        return self.spec.steady_s * 2 + first_probe_s + 30

    def _pods_wanted(self) -> int:
        return self.spec.service.max_scale

    async def _await_landed(self, fault: FaultSpec, events: Sequence[FaultEvent]) -> None:
        """In every pod that was hit."""
        service = self._as_hit(fault)

        def look() -> Look[bool]:
            now = self.sight.now()
            self._lift_with_the_kill(fault, events, now)
            proofs = [(event.pod, analyse.landed(fault, service, event, now, event.sent_ns)) for event in events]
            missing = [
                f"{pod}: {name}" if len(proofs) > 1 else name for pod, proof in proofs for name, seen, _ in proof.parts if not seen
            ]
            proved = all(proof.proved for _, proof in proofs)
            return Look(True if proved else None, "missing: " + ", ".join(missing) if missing else "all parts")

        try:
            within_s = FAULTS[fault.kind].landing_s(fault, service)
            await until("the fault's landing", look, within_s=within_s, every_s=0.25)
        except WaitTimeout as late:
            if state := inject.last_state(self.bench.access, self.deployed, fault):
                raise WaitTimeout(late.waited_for, late.within_s, f"{late.last_seen}; {state}") from late
            raise

    def _lift_with_the_kill(self, fault: FaultSpec, events: Sequence[FaultEvent], now: Sight) -> None:
        """Looks at what the door shows of the fault, and takes it back from each pod whose container is being stopped."""
        kind, service = FAULTS[fault.kind], self._as_hit(fault)
        for event in events:
            pod = next((pod for pod, asked in self.unlifted if pod.name == event.pod and asked == fault), None)
            if pod is None:
                continue
            killed = kind.ends_in(fault, service).lift is Lift.KILLED
            if killed and kind.lifts(Case(fault, service, event, event.sent_ns), now):
                self._take_back(pod, fault)
                continue
            try:
                inject.look(self.bench.access, event)
            except FaultError as error:  # the landing then lacks its proof, and says so
                words = f"cycle {self.mark.index}, {pod.name}: {error.what}"
                if words not in self.said:
                    self.bench.progress.say(words)
                self.said.add(words)

    def _landing_within_s(self) -> float:
        asked = [self.spec.fault, *([self.spec.second] if self.spec.second else [])]
        return sum(FAULTS[fault.kind].landing_s(fault, self._as_hit(fault)) for fault in asked)

    def _as_hit(self, fault: FaultSpec) -> ServiceSpec:
        """The Service as the container has it that this fault hits."""
        return service_of_role(self.spec.service, fault.role)

    async def _await_recovery(self, generator: Generator) -> None:
        """Every answer of the new app for after_s, to those who come the way of every user; to all where nobody does.

        Where the app does not name its boot in its answers, the kubelet's count of restarts says that there is a new one.
        A lane that goes straight to the pod shows what it shows: the service has recovered when its users say so.
        """
        spec = self.spec
        judged = {lane for lane, weight in spec.load.lanes if weight and lane.route == USERS_ROUTE} or None
        hit = self.deployed.pods if self.fault.of_workload else self.told
        ended = {pod.boot for pod in hit} if self.ends.new_boot and self.app.names_itself else set()
        watches = [self._probe_watch(pod, of_its_boot=False) for pod in self.told if self.ends.probed_again]
        known = {pod.boot for pod in self.deployed.pods}

        def good(one: Seen) -> bool:
            return one.outcome is Outcome.OK and one.boot not in ended

        def by_another_boot(seen: Sequence[Seen]) -> bool:
            if not self.ends.new_boot:
                return True
            if not self.app.names_itself:
                return all(self._begun_anew(pod) for pod in hit)
            return any(good(one) and one.boot not in known for one in seen)

        def look() -> Look[bool]:
            since = now_ns() - int(spec.after_s * 1e9)
            seen = generator.tail(since, judged)
            bad = sum(1 for one in seen if not good(one))
            if seen and good(seen[-1]) and by_another_boot(seen):
                self.turn.give_up(self)
            probed = all(watch is None or watch.seen() for watch in watches)
            words = f"{len(seen)} answers in the last {spec.after_s:g} s, {bad} of them not good; "
            words += "liveness probe answered" if probed else "no liveness probe of the new container yet"
            back = not self.ends.ready_again or all(self.sight.now().is_ready(pod.name) for pod in self.told)
            words += "" if back else "; the pod is not Ready again"
            words += "" if by_another_boot(seen) else "; no new container or boot was seen"
            return Look(True if seen and not bad and probed and back and by_another_boot(seen) else None, words)

        await until("the recovery", look, within_s=spec.recovery_s, every_s=0.25)

    def _begun_anew(self, pod: Pod) -> bool:
        """Whether the kubelet restarted this pod's container since the fault, or the pod itself has left."""
        now, fault_ns = self.sight.now(), self.mark.fault_ns
        return bool(restarts_since(now.states(pod.name), fault_ns)) or now.left_ns(pod.name, fault_ns) > 0


def pod_that_came(followed: Sequence[str], seen: Sight) -> str:
    """The pod that a load without a pod brought up: the first of these that stands. "" if none does.

    While the pods of the cycle before are cleared away, their ReplicaSet may make new ones that are deleted at once. They are
    first seen after that cycle's end, so they are followed too.
    """
    standing = seen.standing()
    return next((pod for pod in followed if pod in standing), "")


class _LiveSight:
    """The index over the live feed; each line of it is read once. Of pods of the workloads it holds those of these of the slots."""

    def __init__(self, feed: observe.Feed, requests: Requests, own: Collection[str], slots: Sequence[str]) -> None:
        self._feed = feed
        self._own = own
        self._slots = slots
        self._sight = Sight((), requests)
        self._index = 0

    def now(self) -> Sight:
        """With everything that has come by now."""
        new, self._index = self._feed.since(self._index)
        self._sight.add(one for one in new if analyse.slot_of(one.pod, self._slots) in self._own)
        return self._sight


class _ProbeSeen:
    """Whether the app has logged a well answered liveness probe of a boot that is looked for; asks the feed for each line once."""

    def __init__(
        self,
        feed: observe.Feed,
        pod: str,
        service: ServiceSpec,
        boot: Callable[[str], bool],
        log: Stream = Stream.APP,
        container: str = "",
    ) -> None:
        """log, container: the log that is looked at; "": of the one container that has such a log."""
        self._feed = feed
        self._pod, self._log, self._container = pod, log, container
        self._service = service
        self._boot = boot
        self._index = 0
        self._told: list[Observation] = []
        self._seen = False

    def seen(self) -> bool:
        """Look at what is new."""
        new, self._index = self._feed.since(self._index)
        mine = (one for one in new if one.stream is self._log and one.pod == self._pod)
        fresh = [one for one in mine if self._container in {"", one.container}]
        if fresh and not self._seen:
            self._told += fresh
            self._seen = any(map(self._boot, well_probed("liveness", self._service, self._told)))
        return self._seen


async def _let_pass(seconds: float) -> None:
    """Let a drawn phase or a fault-free window go by; the one place where time itself is what is waited for."""
    await asyncio.sleep(seconds)
