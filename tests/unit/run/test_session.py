"""What is known of a run before anything is made for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import analyse, deploy, inject, install, observe
from harness.adapters.clock import now_ns
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.progress import QUIET, Progress
from harness.catalogue import N1, S1, S23, SCENARIOS, broken, holds, is_catalogued, resolve
from harness.errors import BadInput, DeployError, Interrupted
from harness.history import read, read_meta
from harness.load.calm import Calm, Limits, Measure
from harness.model import (
    ClusterHandle,
    Deployed,
    FaultSpec,
    Hop,
    HostPorts,
    InstalledStack,
    KnativeVersion,
    Lane,
    LoadPlan,
    NodeCpu,
    Pod,
    Probe,
    Provision,
    Route,
    Scenario,
    Stack,
    SystemChange,
    Workload,
    WorkloadKind,
)
from harness.run import Planted, World, measure, require_runnable, session, with_request_log
from harness.run.phases import Phases
from harness.run.session import same_work

VERSION = KnativeVersion.parse("1.23")


@pytest.fixture(autouse=True)
def stock_queue_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed one; test_swapped.py is about another."""
    monkeypatch.setattr(install.queue_proxy, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.queue_proxy, "settled", lambda *_args, **_kwargs: True)


@pytest.mark.parametrize("spec", [S1, N1, replace(S1, cycles=1)], ids=["S1", "N1", "fewer cycles"])
def test_the_catalogue_can_be_run(tmp_path: Path, spec: Scenario) -> None:
    """Fewer or more cycles are the same scenario."""
    assert is_catalogued(spec)
    require_runnable(spec, VERSION, tmp_path)


@pytest.mark.parametrize(
    "spec",
    [
        replace(S1, service=S1.service.with_probes(readiness=Probe())),
        replace(S1, load=LoadPlan(rate_rps=10)),
        replace(S1, claims=S1.claims[:1]),
        replace(N1, fault=S1.fault),
        replace(S1, pacing_p99_limit_us=1_000),
    ],
    ids=["service", "load", "claims", "fault", "limits"],
)
def test_a_changed_scenario_needs_a_name_of_its_own(tmp_path: Path, spec: Scenario) -> None:
    """Its results would be taken for the catalogue's."""
    with pytest.raises(BadInput, match=r"not the \w+ of the catalogue"):
        require_runnable(spec, VERSION, tmp_path)
    require_runnable(replace(spec, name="mine"), VERSION, tmp_path)


@pytest.mark.parametrize(
    "limit",
    [{"match_tolerance_s": 1e300}, {"match_tolerance_s": math.nan}, {"pacing_p99_limit_us": 10**9}, {"pacing_max_limit_us": 10**9}],
    ids=["tolerance", "no number", "p99", "max"],
)
def test_limits_with_which_nothing_would_count_are_refused_first(tmp_path: Path, limit: dict[str, Any]) -> None:
    """Not after a measurement of which every cycle is voided."""
    with pytest.raises(BadInput, match=f"No cycle of this run could count: {next(iter(limit))}"):
        require_runnable(replace(S1, name="mine", **limit), VERSION, tmp_path)


def test_a_planted_run_needs_a_name_of_its_own(tmp_path: Path) -> None:
    """Also where nothing of the scenario itself is changed."""
    planted = Planted(before_fault=lambda _deployed, _generator: None)
    assert planted.names() == ("before_fault",)
    with pytest.raises(BadInput, match="not the S1"):
        require_runnable(S1, VERSION, tmp_path, planted=planted)


def test_a_users_own_service_needs_a_name_of_its_own(tmp_path: Path) -> None:
    """S1's probes are not the ones that were measured."""
    with pytest.raises(BadInput, match="not the S1"):
        require_runnable(S1, VERSION, tmp_path, workload=deploy.knative_service(S1.service))


@pytest.mark.parametrize("rate", [math.nan, math.inf, 0.0, -1.0, 2e6])
def test_a_load_that_cannot_be_generated_is_refused_first(tmp_path: Path, rate: float) -> None:
    """Not after the cluster was made."""
    with pytest.raises(BadInput, match="rate_rps"):
        require_runnable(replace(S1, name="mine", load=LoadPlan(rate_rps=rate)), VERSION, tmp_path)


def test_a_claim_nobody_can_check_is_refused_first(tmp_path: Path) -> None:
    """With the checks there are."""
    for claim in (holds("requests-dont-fail"), broken("no-such-thing", "nowhere")):
        with pytest.raises(BadInput, match="requests-do-not-fail"):
            require_runnable(replace(S1, name="mine", claims=(claim,)), VERSION, tmp_path)


def test_a_fault_that_shall_last_for_no_time_is_refused_first(tmp_path: Path) -> None:
    """It would be taken back as soon as it has landed. One that ends by itself needs no time."""
    hung = replace(S23, name="mine", hold_s=0.0)
    with pytest.raises(BadInput, match="The fault hang would be taken back as soon as it has landed: hold_s is 0"):
        require_runnable(hung, VERSION, tmp_path)
    require_runnable(replace(hung, hold_s=0.5), VERSION, tmp_path)
    require_runnable(replace(S1, name="mine", hold_s=0.0), VERSION, tmp_path)
    require_runnable(replace(S1, name="mine", fault=FaultSpec("liveness-once")), VERSION, tmp_path)


def test_a_run_with_the_request_log_has_a_name_that_says_so(tmp_path: Path) -> None:
    """It measures another system than the scenario of the catalogue."""
    asked = with_request_log(replace(S1, cycles=2))
    assert asked == replace(S1, cycles=2, request_log=True, name="S1-request-log")
    require_runnable(asked, VERSION, tmp_path)
    with pytest.raises(BadInput, match="not the S1"):
        require_runnable(replace(S1, request_log=True), VERSION, tmp_path)


STACK = Stack("1.23.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.25", (), ())
POD = Pod("pod", "uid", "10.0.0.1", "node", "boot")
USERS = Route("users", "127.0.0.1", 1, "host", (Hop.INGRESS, Hop.QUEUE_PROXY, Hop.USER_CONTAINER))
DEPLOYED = Deployed("knative-service", "ns", "toggle", "toggle-00001", (POD,), (USERS,))


def nowhere(tmp_path: Path) -> World:
    """A world in which nothing is, for rooms of the test's own."""
    handle = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "", "", "", "v1.34.4", created=False)
    stack = InstalledStack("knative-serving", "kourier-system", "", "", {}, (), STACK)
    engine = cast("Engine", SimpleNamespace(name="none", env={}))
    return World(handle, stack, Provision("module", VERSION, "", (), (), "toggle", {}), engine, State(tmp_path / "state"), QUIET)


def deployed_and_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session finds its workload deployed and its observers standing, without a cluster."""
    for name in ("sweep", "remove"):
        monkeypatch.setattr(deploy, name, lambda *_args, **_kwargs: None)
    for name in ("deploy", "open_routes"):
        monkeypatch.setattr(deploy, name, lambda *_args, **_kwargs: DEPLOYED)
    monkeypatch.setattr(install.request_log, "settled", lambda *_args, **_kwargs: True)
    monkeypatch.setattr(install.request_log, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.zero_scale, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.sidecar_probes, "give_back", lambda *_args, **_kwargs: False)
    standing = SimpleNamespace(start=lambda: None, stop=lambda: None, feed=observe.Feed())
    monkeypatch.setattr(observe, "Observers", lambda *_args, **_kwargs: standing)


@pytest.mark.parametrize("logged", [True, False])
def test_the_ingress_is_observed_in_a_run_with_the_request_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, logged: bool
) -> None:
    """Without the other lines of a request its line says nothing."""
    asked: list[object] = []

    def observers(*_args: object, **more: object) -> object:
        asked.append(more["ingress"])
        raise Told

    deployed_and_observed(monkeypatch)
    monkeypatch.setattr(install.request_log, "switch_on", lambda *_args, **_kwargs: ())
    monkeypatch.setattr(observe, "Observers", observers)
    with pytest.raises(Told):
        measure(with_request_log(S1) if logged else S1, nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    assert asked == [logged]


@pytest.mark.parametrize("kind", ["freeze", "liveness-blocked", "kill"])
def test_a_fault_whose_door_the_cluster_does_not_have_is_refused(tmp_path: Path, kind: str) -> None:
    """Before anything is made; the same on a cluster of ours is let through."""
    spec = replace(S1, name="mine", fault=FaultSpec(kind))
    require_runnable(spec, VERSION, tmp_path)
    with pytest.raises(BadInput, match=f"The fault {kind} cannot land: it is done through the node"):
        measure(spec, nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    assert not (tmp_path / "artifacts").exists()


def test_what_a_killed_run_left_on_the_node_is_undone_before_anything_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule of another run would hit a pod of this one that gets the same address."""
    calls: list[str] = []

    def deployed(*_args: object, **_kwargs: object) -> Deployed:
        calls.append("deploy")
        raise DeployError("far enough")

    for name in ("sweep", "remove"):
        monkeypatch.setattr(deploy, name, lambda *_args, **_kwargs: None)
    monkeypatch.setattr(deploy, "deploy", deployed)
    monkeypatch.setattr(install, "give_back", lambda *_args, **_kwargs: None)
    monkeypatch.setattr(inject.ClusterAccess, "sweep", lambda access: calls.append(f"node of {access.handle.name}"))
    with pytest.raises(DeployError, match="far enough"):
        measure(S1, nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    assert calls == ["node of c", "deploy"]


class Told(Exception):
    """What a room of the test's own raises."""


@pytest.mark.parametrize("ends", [DeployError("no"), KeyboardInterrupt(), Told()], ids=["an error", "Ctrl-C", "a crash"])
@pytest.mark.parametrize("at", ["switch_on", "deploy", "settled", "open_routes"])
def test_the_request_log_is_given_back_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: BaseException, at: str
) -> None:
    """What a dead run left comes first; the run's own Service is gone before the switch is turned back, which rolls what stands."""
    calls: list[str] = []
    change = SystemChange("ConfigMap x/y", "key", None, "true", "why")
    answers = {"switch_on": (change,), "deploy": DEPLOYED, "settled": True, "open_routes": DEPLOYED, "give_back": False}

    def stand_in(name: str) -> Callable[..., object]:
        def called(*_args: object, **_kwargs: object) -> object:
            calls.append(name)
            if name == at:
                raise ends
            return answers.get(name)

        return called

    for name in ("sweep", "remove", "deploy", "open_routes", "fresh_pods"):
        monkeypatch.setattr(deploy, name, stand_in(name))
    for name in ("switch_on", "settled", "give_back"):
        monkeypatch.setattr(install.request_log, name, stand_in(name))
    monkeypatch.setattr(install.zero_scale, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.sidecar_probes, "give_back", lambda *_args, **_kwargs: False)
    with pytest.raises(type(ends) if not isinstance(ends, KeyboardInterrupt) else Interrupted) as caught:
        measure(with_request_log(replace(S1, cycles=1)), nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    if isinstance(caught.value, Interrupted):
        assert caught.value.what.startswith("S1-request-log was interrupted; ")
    order = ["sweep", "give_back", "switch_on", "deploy", "settled", "open_routes"]
    expected = order[: order.index(at) + 1] + (["remove"] if at != "switch_on" else []) + ["give_back"]
    assert calls == expected
    (run,) = (tmp_path / "artifacts" / "S1-request-log").iterdir()
    meta = read_meta(run)
    assert meta.spec.request_log
    assert meta.changes == (() if at == "switch_on" else (change,))
    assert meta.stack == replace(STACK, changes=meta.changes)


@pytest.mark.parametrize(("asked", "made"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_pod_made_before_the_switch_was_read_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, asked: bool, made: bool
) -> None:
    """With the log and without it: else a cycle would be measured on the other system, or be rolled in its middle."""
    fresh: list[str] = []
    wanted: list[bool] = []

    def settled(*_args: object, on: bool, **_kwargs: object) -> bool:
        wanted.append(on)
        return made

    def fresh_pods(*_args: object, **_kwargs: object) -> Deployed:
        fresh.append("fresh")
        return replace(DEPLOYED, pods=(replace(POD, name="another"),))

    def open_routes(_handle: object, given: Deployed, *_args: object, **_kwargs: object) -> Deployed:
        assert given.pods[0].name == ("pod" if made else "another")
        raise DeployError("far enough")

    for name in ("sweep", "remove"):
        monkeypatch.setattr(deploy, name, lambda *_args, **_kwargs: None)
    monkeypatch.setattr(deploy, "deploy", lambda *_args, **_kwargs: DEPLOYED)
    monkeypatch.setattr(deploy, "fresh_pods", fresh_pods)
    monkeypatch.setattr(deploy, "open_routes", open_routes)
    monkeypatch.setattr(install.request_log, "settled", settled)
    monkeypatch.setattr(install.request_log, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.zero_scale, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.sidecar_probes, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.request_log, "switch_on", lambda *_args, **_kwargs: ())
    with pytest.raises(DeployError, match="far enough"):
        measure(with_request_log(S1) if asked else S1, nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    assert wanted == [asked]
    assert fresh == ([] if made else ["fresh"])


def test_the_first_cycle_waits_for_a_calm_machine_and_the_record_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, before the first cycle, by the run's own limits; how it ended and how many cycles may be replaced is in the record."""
    calls: list[str] = []
    asked: list[Limits] = []
    calm = Calm(True, 12.3, 5, "pacing p99 100 us")

    def waited(_plan: LoadPlan, limits: Limits, *, measure: Measure) -> Calm:
        assert callable(measure)
        calls.append("calm")
        asked.append(limits)
        return calm

    class NoCycle:
        def __init__(self, *_args: object, **_kwargs: object) -> None:
            calls.append("cycle")

        def prepare(self) -> None:
            raise DeployError("far enough")

    deployed_and_observed(monkeypatch)
    monkeypatch.setattr(session, "wait_until_calm", waited)
    monkeypatch.setattr(session, "Cycle", NoCycle)
    with pytest.raises(DeployError, match="far enough"):
        measure(replace(S1, cycles=10), nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    assert calls == ["calm", "cycle"]
    assert asked == [Limits(S1.pacing_p99_limit_us, S1.pacing_max_limit_us, analyse.STEAL_LIMIT, analyse.CPU_WAIT_LIMIT_US)]
    (run,) = (tmp_path / "artifacts" / "S1").iterdir()
    recorded = read(run)
    assert recorded.meta.host["calm"] == str(calm)
    assert recorded.meta.spec.max_replacements == 5
    assert [phase.name for phase in recorded.phases][-2:] == ["5 wait for a calm machine", "6-10 cycle 0"]


@pytest.mark.parametrize("ours", [True, False], ids=["a node of ours", "another"])
def test_how_a_node_of_ours_waits_for_a_cpu_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ours: bool) -> None:
    """From the start of the observers on, for the wait for a calm machine too; of another node nothing is known."""
    calls: list[str] = []
    second = NodeCpu(now_ns(), now_ns() + 1, 2, 261_030_816, 180, 89_595_889, 2_484)

    class Watch:
        def __init__(self, threads: tuple[str, str], record: Callable[[NodeCpu], None]) -> None:
            calls.append(" ".join(threads))
            self._record = record

        def start(self) -> None:
            self._record(second)

        def end(self) -> None:
            calls.append("end")

        def join(self, _within_s: float) -> bool:
            calls.append("join")
            return True

    def waited(*_args: object, **_kwargs: object) -> Calm:
        raise DeployError("far enough")

    deployed_and_observed(monkeypatch)
    monkeypatch.setattr(inject.ClusterAccess, "sweep", lambda _access: "")
    monkeypatch.setattr(session, "NodeThreads", lambda container: ("threads of", container))
    monkeypatch.setattr(observe, "NodeCpuWatch", Watch)
    monkeypatch.setattr(session, "wait_until_calm", waited)
    world = nowhere(tmp_path)
    engine = cast("Engine", SimpleNamespace(name="e", env={}, container_id=lambda node: f"id-of-{node}"))
    if ours:
        world = replace(world, handle=replace(world.handle, node="c-control-plane"), engine=engine)
    with pytest.raises(DeployError, match="far enough"):
        measure(S1, world, artifacts=tmp_path / "artifacts")
    assert calls == (["threads of id-of-c-control-plane", "end", "join"] if ours else [])
    (run,) = (tmp_path / "artifacts" / "S1").iterdir()
    assert read(run).node_cpu == ((second,) if ours else ())


def test_no_cycles_are_no_run(tmp_path: Path) -> None:
    """Zero cycles would leave nothing to rule on."""
    with pytest.raises(BadInput, match="0 cycles"):
        require_runnable(replace(S1, cycles=0), VERSION, tmp_path)


def test_a_version_of_which_nothing_is_expected_is_refused_first(tmp_path: Path) -> None:
    """Not after its cluster was made; a user's own claims expect the same of every version."""
    old = KnativeVersion.parse("1.6")
    with pytest.raises(BadInput, match=r"no expectation for Knative 1\.6\.0; it has: >=1\.7 \(broken\)"):
        require_runnable(S1, old, tmp_path)
    spec = require_runnable(replace(S1, name="mine", claims=(holds("no-restart"),)), old, tmp_path)
    assert [claim.source for claim in spec.claims] == ["the author of this scenario"]


def test_the_expected_time_of_a_cycle_is_that_of_a_cycle_like_it(tmp_path: Path) -> None:
    """S1 and N1 differ, and so does another rate; more cycles, another name and other claims take no longer each."""
    s1, n1 = resolve(S1, VERSION), resolve(N1, VERSION)
    cycle = same_work("cycle", s1, True)
    assert cycle == same_work(
        "cycle", replace(s1, scenario="mine", title="mine", claims=s1.claims[:1], cycles=9, max_replacements=5), True
    )
    others = [
        same_work("cycle", n1, True),
        same_work("cycle", s1, False),
        same_work("cycle", replace(s1, load=LoadPlan(rate_rps=10)), True),
        same_work("analyse", s1, True),
    ]
    assert len({cycle, *others}) == 1 + len(others)
    said: list[str] = []
    phases = Phases(Progress(said.append, tmp_path / "durations.json"))
    for index, work in enumerate(("a", "b")):
        (tmp_path / "durations.json").write_text('{"a": 31.0, "6-10 cycle 1": 5.0}', encoding="utf-8")
        with phases.step(f"6-10 cycle {index}", work=work):
            pass
    assert [line for line in said if "..." in line] == ["6-10 cycle 0 ... (took 31 s last time)", "6-10 cycle 1 ..."]
    assert [phase.name for phase in phases.done] == ["6-10 cycle 0", "6-10 cycle 1"]


def test_from_zero_is_allowed_for_the_run_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what a killed run left; the run's own Service is gone before the switch is turned back."""
    calls: list[str] = []

    def stand_in(name: str, answer: object = None) -> Callable[..., object]:
        def called(*_args: object, **_kwargs: object) -> object:
            calls.append(name)
            return answer

        return called

    change = SystemChange("ConfigMap x/y", "key", None, "true", "why")

    def fail(*_args: object, **_kwargs: object) -> object:
        calls.append("deploy")
        raise DeployError("far enough")

    monkeypatch.setattr(deploy, "sweep", stand_in("sweep"))
    monkeypatch.setattr(deploy, "remove", stand_in("remove"))
    monkeypatch.setattr(deploy, "deploy", fail)
    monkeypatch.setattr(install.request_log, "give_back", stand_in("log given back"))
    monkeypatch.setattr(install.sidecar_probes, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.zero_scale, "give_back", stand_in("given back"))
    monkeypatch.setattr(install.zero_scale, "switch_on", stand_in("on", (change,)))
    spec = replace(N1, name="mine", course="from-zero", service=replace(S1.service, min_scale=0, initial_scale=0))
    with pytest.raises(DeployError, match="far enough"):
        measure(spec, nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    assert calls == ["sweep", "log given back", "given back", "on", "deploy", "remove", "given back"]
    (run,) = (tmp_path / "artifacts" / "mine").iterdir()
    assert read_meta(run).changes == (change,)


@pytest.mark.parametrize("name", ["S25", "S35A", "S1"])
def test_probes_of_sidecars_are_allowed_only_where_there_are_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """And given back after the run's own Service is gone."""
    calls: list[str] = []

    def note(call: str) -> Callable[..., tuple[SystemChange, ...]]:
        def noted(*_args: object, **_kwargs: object) -> tuple[SystemChange, ...]:
            calls.append(call)
            return ()

        return noted

    def fail(*_args: object, **_kwargs: object) -> object:
        raise DeployError("far enough")

    monkeypatch.setattr(deploy, "sweep", note("sweep"))
    monkeypatch.setattr(deploy, "remove", note("remove"))
    monkeypatch.setattr(deploy, "deploy", fail)
    for module in (install.request_log, install.zero_scale):
        monkeypatch.setattr(module, "give_back", lambda *_args, **_kwargs: False)
        monkeypatch.setattr(module, "switch_on", lambda *_args, **_kwargs: ())
    monkeypatch.setattr(install.sidecar_probes, "give_back", note("given back"))
    monkeypatch.setattr(install.sidecar_probes, "switch_on", note("on"))
    with pytest.raises(DeployError, match="far enough"):
        measure(SCENARIOS[name], nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    allowed = ["on", "remove", "given back"] if name != "S1" else ["remove"]
    assert calls == ["sweep", "given back", *allowed]


def test_what_a_deployment_cannot_do_is_refused_first(tmp_path: Path) -> None:
    """Not after a cluster was made for it."""
    plain = replace(S1, name="mine", workload=WorkloadKind.DEPLOYMENT, load=LoadPlan(lanes=((Lane.GET_QUEUE_PROXY, 1),)))
    with pytest.raises(BadInput, match="get-queue-proxy needs the route 'queue-proxy'"):
        require_runnable(plain, VERSION, tmp_path)
    with pytest.raises(BadInput, match="no queue-proxy"):
        require_runnable(with_request_log(replace(plain, load=LoadPlan())), VERSION, tmp_path)
    require_runnable(replace(plain, load=LoadPlan(lanes=((Lane.GET_NEW, 1),))), VERSION, tmp_path)


def test_what_was_deployed_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its documents, what its pods were made from, and the routes of the load."""
    deployed = replace(DEPLOYED, pod_spec='{"containers":[]}')
    asked: list[Workload] = []

    def stand(_handle: object, _stack: object, workload: Workload, **_kwargs: object) -> Deployed:
        asked.append(workload)
        return deployed

    def fail(*_args: object, **_kwargs: object) -> None:
        raise DeployError("far enough")

    for name in ("sweep", "remove"):
        monkeypatch.setattr(deploy, name, lambda *_args, **_kwargs: None)
    monkeypatch.setattr(deploy, "deploy", stand)
    monkeypatch.setattr(deploy, "open_routes", lambda *_args, **_kwargs: deployed)
    monkeypatch.setattr(install.request_log, "settled", lambda *_args, **_kwargs: True)
    monkeypatch.setattr(install, "give_back", lambda *_args, **_kwargs: None)
    monkeypatch.setattr(observe, "Observers", fail)
    spec = replace(S1, name="mine", workload=WorkloadKind.DEPLOYMENT, kubelet_readiness=True)
    with pytest.raises(DeployError, match="far enough"):
        measure(spec, nowhere(tmp_path), artifacts=tmp_path / "artifacts")
    (run,) = (tmp_path / "artifacts" / "mine").iterdir()
    recorded = read_meta(run)
    wanted = deploy.plain_deployment(deploy.knative_service(S1.service), kubelet_readiness=True)
    assert asked == [wanted]
    assert (recorded.documents, recorded.pod_spec, recorded.routes) == (wanted.documents, deployed.pod_spec, deployed.routes)
