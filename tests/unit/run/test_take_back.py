"""A fault that lasts does not outlive its cycle, whatever ended the course."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import inject
from harness.adapters.progress import QUIET, Progress
from harness.errors import FaultError, WaitTimeout
from harness.faults import FAULTS, Sight
from harness.model import CycleMark, FaultEvent, FaultSpec, LoadPlan, Observation, Pod, Probe, ServiceSpec, Stream
from harness.run import courses
from harness.run import cycle as room
from harness.run.cycle import Cycle
from harness.run.turn import Turn

POD = Pod("pod", "uid", "10.0.0.1", "node", "boot")


def cut_short(*unlifted: FaultSpec) -> Cycle:
    """A cycle whose course ended before these faults were lifted."""
    cycle = cast("Any", Cycle.__new__(Cycle))
    service = ServiceSpec(liveness=Probe(), readiness=Probe(path="/readyz"))
    cycle.bench = SimpleNamespace(access="access", progress=QUIET)
    cycle.spec = SimpleNamespace(service=service)
    cycle.deployed, cycle.mark = "deployed", CycleMark(0, "pod", "boot", 0, 0, 0, 0, 0, 0)
    cycle.unlifted = [(POD, fault) for fault in unlifted]
    cycle.said = set()
    return cast("Cycle", cycle)


@pytest.fixture
def taken_back(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The faults that were taken back; the readiness one answers with an error."""
    done: list[str] = []

    def take_back(_handle: object, _deployed: object, _pod: Pod, fault: FaultSpec) -> None:
        done.append(fault.kind)
        if fault.kind == "readiness":
            raise FaultError("planted: the app does not answer")

    monkeypatch.setattr(inject, "take_back", take_back)
    return done


def test_what_lasts_is_taken_back_and_what_ends_by_itself_is_not(taken_back: list[str]) -> None:
    """Each once, the second one too; an app that does not answer keeps nothing from being taken back after it."""
    cycle = cut_short(FaultSpec("readiness"), FaultSpec("liveness"), FaultSpec("readiness"))
    cycle._take_back_what_was_not_lifted()
    assert taken_back == ["readiness", "readiness"]
    cycle._take_back_what_was_not_lifted()
    assert taken_back == ["readiness", "readiness"]


def test_what_is_lifted_with_the_kill_is_taken_back_when_the_container_is_stopped(
    taken_back: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then it is looked at; afterwards neither, and nothing is left for the end of the cycle."""
    looked: list[str] = []
    monkeypatch.setattr(inject, "look", lambda _access, event: looked.append(event.pod))
    fault = FaultSpec("liveness-blocked")
    cycle = cut_short(fault)
    event = FaultEvent(0, fault.kind, {}, "pod", "boot", 1_000, 1_001, 200, "{}")
    stop = 'time="x" level=info msg="StopContainer for \\"abc\\" with timeout 300 (s)"'

    def sight(at_ns: int) -> Sight:
        return Sight([Observation(Stream.CONTAINERD, "pod", "user-container", 0, at_ns, 1, at_ns, stop)])

    cycle._lift_with_the_kill(fault, [event], sight(999))
    assert (taken_back, looked) == ([], ["pod"])
    cycle._lift_with_the_kill(fault, [event], sight(1_002))
    cycle._lift_with_the_kill(fault, [event], sight(1_002))
    assert (taken_back, looked) == (["liveness-blocked"], ["pod"])
    cycle._take_back_what_was_not_lifted()
    assert taken_back == ["liveness-blocked"]


def test_what_is_lifted_with_a_kill_that_never_came_is_taken_back_at_the_end(taken_back: list[str]) -> None:
    """A rule on a pod's address would hit whoever gets that address next."""
    cycle = cut_short(FaultSpec("liveness-blocked"), FaultSpec("freeze"), FaultSpec("kill"))
    cycle._take_back_what_was_not_lifted()
    assert taken_back == ["liveness-blocked", "freeze"]


@pytest.mark.parametrize(("kind", "raises"), [("liveness-blocked", True), ("readiness", False)])
def test_what_may_stay_on_the_node_ends_the_run(monkeypatch: pytest.MonkeyPatch, *, kind: str, raises: bool) -> None:
    """A rule would hit the pod that gets the address next; a fault in a pod of the workload goes with the pod."""
    tried: list[str] = []

    def take_back(_access: object, _deployed: object, _pod: Pod, fault: FaultSpec) -> None:
        tried.append(fault.kind)
        raise FaultError(f"planted: {fault.kind} stays")

    monkeypatch.setattr(inject, "take_back", take_back)
    cycle = cut_short(FaultSpec(kind), FaultSpec("readiness"))
    with pytest.raises(FaultError, match=f"planted: {kind} stays") if raises else nullcontext():
        cycle._take_back_what_was_not_lifted()
    assert tried == [kind, "readiness"]


@pytest.mark.parametrize("ends", [KeyboardInterrupt, FaultError, WaitTimeout])
def test_what_ended_the_course_is_what_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ends: type[BaseException]
) -> None:
    """An interruption stays one although a fault cannot be taken back then; after a wait in vain that is what is reported."""
    cycle = cast("Any", cut_short(FaultSpec("freeze")))
    recorder = SimpleNamespace(load_dir=lambda _index: tmp_path)
    cycle.bench = SimpleNamespace(access="access", progress=QUIET, recorder=recorder, run_id="r")
    vars(cycle.spec).update(load=LoadPlan(), hold_s=0.0, recovery_s=0.0, after_s=0.0, course_name="disturb")
    for name in ("_steady_within_s", "_landing_within_s"):
        monkeypatch.setattr(Cycle, name, lambda _self: 0.0)

    async def course(_trial: object) -> None:
        raise WaitTimeout("the landing", 1, "nothing") if ends is WaitTimeout else ends("it ends")

    def take_back(*_args: object) -> None:
        raise FaultError("planted: it stays")

    generator = SimpleNamespace(wait_started=lambda: 1)
    monkeypatch.setattr(room, "routes_of", lambda *_args: ())
    monkeypatch.setattr(room, "start_generator", lambda *_args: nullcontext(generator))
    monkeypatch.setattr(courses, "COURSES", {"disturb": course})
    monkeypatch.setattr(inject, "take_back", take_back)
    with pytest.raises(FaultError if ends is WaitTimeout else ends, match=r"it stays|it ends") as caught:
        cycle.run(Turn()).send(None)
    assert ("it stays" in str(caught.value)) is (ends is WaitTimeout)
    assert bool(cycle.mark.given_up) is (ends is WaitTimeout)


def test_a_door_that_shows_nothing_does_not_end_the_cycle(taken_back: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The landing then lacks its proof, which is what is reported; that it shows nothing is said once, not at each look."""

    def look(_access: object, _event: FaultEvent) -> None:
        raise FaultError("planted: the shell on the node has ended")

    monkeypatch.setattr(inject, "look", look)
    cycle, fault = cut_short(FaultSpec("freeze")), FaultSpec("freeze")
    said: list[str] = []
    cast("Any", cycle).bench.progress = Progress(said.append)
    for _look in range(2):
        cycle._lift_with_the_kill(fault, [FaultEvent(0, "freeze", {}, "pod", "boot", 1, 2, 200, "{}")], Sight())
    assert taken_back == []
    assert said == ["cycle 0, pod: planted: the shell on the node has ended"]


@pytest.mark.parametrize(("hold_s", "persistent", "done"), [(60.0, True, True), (0.0, True, False), (60.0, False, False)])
def test_a_restart_loop_is_ended_after_the_time_that_was_asked_for(
    taken_back: list[str], monkeypatch: pytest.MonkeyPatch, *, hold_s: float, persistent: bool, done: bool
) -> None:
    """Without one it goes on, and the cycle is given up; what a restart ends is not taken back at all."""
    waited: list[float] = []

    async def let_pass(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("harness.run.cycle._let_pass", let_pass)
    fault = FaultSpec("exit", {"persistent": persistent})
    cycle = cast("Any", cut_short(fault))
    cycle.spec.fault, cycle.spec.hold_s = fault, hold_s
    cycle.ends = FAULTS["exit"].ends(fault, cycle.spec.service)
    asyncio.run(cycle.lift())
    assert taken_back == (["exit"] if done else [])
    assert waited == ([hold_s] if done else [])
