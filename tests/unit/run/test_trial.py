"""A trial against a cluster in memory: what is recorded of it, when it ends, and what is taken back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import deploy, inject, install
from harness.adapters.clock import now_ns
from harness.adapters.documents import Obj
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.ingress import Reply
from harness.adapters.objects import ApiRefused, Ref
from harness.adapters.progress import QUIET
from harness.catalogue.bugs import BUGS
from harness.errors import BadInput, ClusterError, DeployError, FaultError
from harness.history import corpus as store
from harness.knative.names import SERVING_API
from harness.model import (
    BugState,
    Cell,
    ClusterHandle,
    Decided,
    Deployed,
    FaultEvent,
    FaultSpec,
    HostPorts,
    InstalledStack,
    KnativeVersion,
    Pod,
    Provision,
    Scenario,
    Seen,
    ServiceSpec,
    Stack,
    Trial,
)
from harness.run import Run, World, examine, trial
from harness.run.trial import try_out
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

STACK = Stack("1.23.0", "module", "v1.34.4", "", "", (), ())
STAND = Trial("stand", service=ServiceSpec(), within_s=0.2, logs=("user-container",))


class Cluster(FakeObjects):
    """A Service has an address and one Ready pod as soon as it is applied. boot: of the app that answers. logs: by container."""

    def __init__(self) -> None:
        super().__init__(after=self._settle)
        self.ready = True
        self.boot = "b1"
        self.probe: Obj = {"httpGet": {"port": 8012, "httpHeaders": [{"name": "K-Network-Probe", "value": "queue"}]}}
        self.logs: dict[str, str] = {}
        self.strict: list[bool] = []
        self.refusals: list[ApiRefused] = []

    def apply(self, obj: Obj, *, dry_run: bool = False, strict: bool = False) -> Obj:
        """Refuses as often as it is told to."""
        self.strict.append(strict)
        if self.refusals and obj["kind"] == "Service":
            raise self.refusals.pop(0)
        return super().apply(obj, dry_run=dry_run, strict=strict)

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False, since_s: int | None = None) -> str:
        """Of no instance but the newest."""
        return "" if previous else self.logs.get(container, "")

    def _settle(self, ref: Ref, obj: Obj) -> None:
        if ref.kind != "Service":
            return
        obj["status"] = {"url": "http://toggle.ns.x", "conditions": [{"type": "Ready", "status": "True"}]}
        labels = {"serving.knative.dev/service": ref.name, "serving.knative.dev/revision": "r1"}
        self._put("v1", "Pod", "p1", ref.namespace, labels, spec=self._pod(obj), status=self._status())
        template = {"spec": {"template": {"spec": self._pod(obj)}}}
        self._put("apps/v1", "Deployment", "r1-deployment", ref.namespace, labels, **template)

    def _pod(self, service: Obj) -> Obj:
        containers = [{**one, "name": "user-container"} for one in service["spec"]["template"]["spec"]["containers"]]
        return {"containers": [*containers, {"name": "queue-proxy", "readinessProbe": self.probe}]}

    def _status(self) -> Obj:
        return {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True" if self.ready else "False"}],
            "containerStatuses": [{"name": "user-container", "restartCount": 0, "ready": True}],
        }

    def _put(self, api: str, kind: str, name: str, namespace: str, labels: dict[str, str], **more: Any) -> None:
        meta = {"name": name, "namespace": namespace, "labels": labels, "uid": name}
        self.stored[Ref(api, kind, name, namespace)] = {"apiVersion": api, "kind": kind, "metadata": meta, **more}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """In place of the API server and of everything that would touch another one."""
    made = Cluster()
    monkeypatch.setattr(trial, "objects_at", lambda _handle: made)
    monkeypatch.setattr(trial, "kube_at", lambda _handle: PodAsked((200, "queue")))
    monkeypatch.setattr(
        trial, "ask", lambda *_args, **_more: Reply(200, {"x-toggle-pod": "p1", "x-toggle-boot": made.boot}, "hello")
    )
    monkeypatch.setattr(deploy, "sweep", lambda *_args, **_more: ())
    monkeypatch.setattr(install, "give_back", lambda *_args, **_more: None)
    monkeypatch.setattr(deploy, "remove", lambda _handle, *, namespace, **_more: made.delete(Ref("v1", "Namespace", namespace)))
    return made


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Of which only names are used."""
    handle = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "", "podman", "node:1", "v1.34.4", created=True)
    version = KnativeVersion.parse("1.23")
    provision = Provision("module", version, "", (), (), "dev.local/toggle:1", {})
    stack = InstalledStack("knative-serving", "kourier-system", "x", "", {}, (), STACK)
    engine = Engine.__new__(Engine)  # nothing of it is used: the cluster has no node of ours
    return World(handle, stack, provision, engine, State(tmp_path / "state"), QUIET)


def after(looks: int) -> Callable[[Seen], bool]:
    """A signature that decides at this look."""
    count = 0

    def decides(_seen: Seen) -> bool:
        nonlocal count
        count += 1
        return count >= looks

    return decides


def test_what_is_seen_is_kept_once(cluster: Cluster, world: World) -> None:
    """Ten looks at the same pod are one observation; each request and the last log stand. The namespace is taken away."""
    cluster.logs["user-container"] = "hello\n"
    seen = try_out(replace(STAND, within_s=60), world, decides=after(10))
    assert seen.answer is not None
    assert seen.answer.status == 200
    assert [one.stream.value for one in seen.observations] == ["pods"]
    assert [(one.kind, one.type, one.status) for one in seen.conditions] == [("Service", "Ready", "True")]
    assert len(seen.requests) == 10
    assert {one.pod for one in seen.requests} == {"p1"}
    assert seen.logs == {"p1/user-container": "hello\n"}
    assert "TOGGLE_TOKEN" in seen.template
    for kept in (seen.template, seen.stored):
        assert '"redacted"' in kept
        assert not re.search(r'"value":"[0-9a-f]{32}"', kept)
    assert (seen.ended, seen.error) == (False, "")
    assert [ref.kind for ref in cluster.deleted] == ["Namespace"]


def test_a_look_that_is_missed_for_long_is_a_gap(cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two whole looks, and up to the end: with the words of the API server. A look that is missed once is none."""
    clock, away = [1_000_000_000_000], [0, 1, 0, 1, 1, 0, 1]
    monkeypatch.setattr(trial, "now_ns", lambda: clock[0])
    find = cluster.find

    def looked(api: str, kind: str, **where: Any) -> list[Obj]:
        if kind == "Pod" and where.get("labels") is None:
            clock[0] += 2_500_000_000 if len(away) > 1 else 9_000_000_000
            if away.pop(0):
                raise ApiRefused("GET", status=503, said="the API server is away")
        return find(api, kind, **where)

    monkeypatch.setattr(cluster, "find", looked)
    seen = try_out(replace(STAND, logs=()), world, decides=lambda _seen: not away)
    assert [(gap.stream.value, gap.until_ns - gap.from_ns) for gap in seen.gaps] == [
        ("pods", 7_500_000_000),
        ("events", 7_500_000_000),
        ("pods", 9_000_000_000),
        ("events", 9_000_000_000),
    ]
    assert all("the API server is away" in gap.reason for gap in seen.gaps)


def test_an_undecided_trial_ends_at_its_deadline(cluster: Cluster, world: World) -> None:
    """And says that no look will follow."""
    assert cluster.ready
    seen = try_out(STAND, world, decides=lambda _seen: False)
    assert (seen.ended, seen.error) == (True, "")


def test_a_refusal_is_a_result(cluster: Cluster, world: World) -> None:
    """The webhook's words are the evidence; nothing is looked at after that."""
    cluster.refusals = [ApiRefused("PATCH", status=400, said="must not set the field(s): startupProbe")]
    seen = try_out(STAND, world, decides=lambda _seen: False)
    assert seen.answer is not None
    assert (seen.answer.status, seen.answer.said) == (400, "must not set the field(s): startupProbe")
    assert seen.ended
    assert not seen.observations


def test_a_webhook_that_is_away_is_asked_again(cluster: Cluster, world: World) -> None:
    """That is no refusal of the Service."""
    cluster.refusals = [ApiRefused("PATCH", status=500, said="failed calling webhook: EOF")] * 3
    seen = try_out(STAND, world, decides=after(1))
    assert seen.answer is not None
    assert seen.answer.status == 200


def test_a_dry_run_stores_nothing(cluster: Cluster, world: World) -> None:
    """It asks strictly if it is told to, in a namespace that is there."""
    seen = try_out(Trial("dry", service=ServiceSpec(), dry_run=True, strict=True), world, decides=lambda _seen: False)
    assert seen.answer is not None
    assert seen.answer.status == 200
    assert '"namespace":"default"' in seen.stored
    assert cluster.strict == [True]
    assert not cluster.stored
    assert seen.ended


def test_the_fault_comes_once_the_pod_has_served(cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into the pod that answered, with the token of its Service; an app that does not answer is asked again."""
    done: list[tuple[Pod, str]] = []

    def injected(_access: Any, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        done.append((pod, deployed.token))
        if len(done) == 1:
            raise FaultError("The app's control port was not reached")
        return FaultEvent(cycle, fault.kind, {}, pod.name, pod.boot, 1, 2, 200, "")

    monkeypatch.setattr(inject, "inject", injected)
    wanted = Trial("fault", service=ServiceSpec(), fault=FaultSpec("liveness"), within_s=0.2)
    seen = try_out(wanted, world, decides=lambda seen: seen.fault is not None)
    assert seen.fault is not None
    assert [pod.boot for pod, _ in done] == ["b1", "b1"]
    assert len(done[0][1]) == 32
    cluster.ready = False
    done.clear()
    assert try_out(wanted, world, decides=lambda _seen: False).fault is None
    assert not done


class PodAsked:
    """In place of the API server's way to a pod. answers: (status, text), or what is raised."""

    def __init__(self, *answers: tuple[int, str] | ClusterError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[object, ...]] = []

    def through_pod(self, *asked: object, **more: object) -> tuple[int, str]:
        """The next answer; the last one stands."""
        self.asked.append((*asked[1:], more["headers"]))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ClusterError):
            raise answer
        return answer


def test_queue_proxy_is_asked_from_the_fault_on(cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kubelet asks it, once a look; no answer is kept with its words, and ends no trial."""
    way = PodAsked((503, "shutting down\n"), ClusterError("no answer"), (200, "queue"))
    monkeypatch.setattr(trial, "kube_at", lambda _handle: way)
    asked_before_fault: list[int] = []

    def injected(_access: Any, _deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        asked_before_fault.append(len(way.asked))
        return FaultEvent(cycle, fault.kind, {}, pod.name, pod.boot, 1, 2, 200, "")

    monkeypatch.setattr(inject, "inject", injected)
    wanted = Trial("asks", service=ServiceSpec(), fault=FaultSpec("liveness"), within_s=5, asks_readiness=True)
    seen = try_out(wanted, world, decides=lambda seen: len(seen.readiness) >= 3)
    assert [(one.pod, one.status, one.text) for one in seen.readiness] == [
        ("p1", 503, "shutting down"),
        ("p1", 0, "no answer"),
        ("p1", 200, "queue"),
    ]
    assert asked_before_fault == [0]
    assert set(map(str, way.asked)) == {
        str(("p1", 8012, "GET", "/", {"User-Agent": "kube-probe/knative-chaos", "K-Network-Probe": "queue"}))
    }
    way.asked.clear()
    assert not try_out(replace(wanted, asks_readiness=False, within_s=0.1), world, decides=lambda _seen: False).readiness
    cluster.probe = {}
    assert not try_out(replace(wanted, within_s=0.1), world, decides=lambda _seen: False).readiness
    assert not way.asked


def test_the_second_fault_waits_for_a_new_instance_of_the_app(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance that was hit answers for a moment: it is not hit again, and the trial's last time begins with the last fault."""
    hit: list[str] = []

    def injected(_access: Any, _deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        hit.append(pod.boot)
        return FaultEvent(cycle, fault.kind, {}, pod.name, pod.boot, 1, 2, 200, "")

    monkeypatch.setattr(inject, "inject", injected)
    wanted = Trial("twice", service=ServiceSpec(), fault=FaultSpec("exit"), faults=2, within_s=0.2)
    seen = try_out(wanted, world, decides=lambda _seen: False)
    assert (hit, seen.ended) == (["b1"], True)
    hit.clear()
    looks = after(4)

    def decides(seen: Seen) -> bool:
        cluster.boot = f"b{1 + len(hit)}"
        return len(hit) == 2 and looks(seen)

    seen = try_out(wanted, world, decides=decides)
    assert seen.fault is not None
    assert (hit, seen.fault.boot, seen.ended) == (["b1", "b2"], "b2", False)


def test_the_evidence_decides_again_without_a_cluster(cluster: Cluster, world: World, tmp_path: Path) -> None:
    """What is stored is all that a signature saw: read back, it gives the same cell. The second bug of a trial provokes nothing."""
    cluster.refusals = [ApiRefused("PATCH", status=400, said="must not set the field(s): readinessProbe")] * 100
    root = tmp_path / "corpus"
    store.write_evidence(
        store.place_of(root, "1.23.0", STACK.id) / "sidecar-exec-readiness",
        store.Evidence(
            STACK,
            Seen(ended=True),
            Trial("sidecar-exec-readiness"),  # an earlier form of the trial: its evidence is of something else
        ),
    )
    quick = BUGS["B3"]
    cell = examine.examine(quick, world, root)
    assert cell.decided.state is BugState.INCONCLUSIVE
    assert cell.evidence == f"1.23.0-{STACK.id}/http-liveness"
    assert store.read_cells(root) == (cell,)
    assert store.read_evidence(root / cell.evidence).node_image == "node:1"
    assert examine.decided_again(cell, root, {}) == cell
    applied = len(cluster.strict)
    assert examine.examine(quick, world, root).decided == cell.decided
    assert len(cluster.strict) == applied
    assert examine.stored(BUGS["B8"], store.place_of(root, "1.23.0", STACK.id)) is None
    examine.examine(quick, world, root, since_ns=now_ns())
    assert len(cluster.strict) > applied


def test_one_trial_decides_each_bug_that_it_provokes(cluster: Cluster, world: World, tmp_path: Path) -> None:
    """Evidence that ended when one signature had decided is none for another that has not."""
    bug, other = BUGS["B4"], BUGS["B2"]
    assert bug.provoked_by == other.provoked_by
    assert isinstance(bug.provoked_by, Trial)
    cluster.refusals = [ApiRefused("PATCH", status=400, said="no")]
    assert examine.examine(bug, world, tmp_path).bug == "B4"
    assert {cell.bug for cell in store.read_cells(tmp_path)} == {"B4", "B2"}
    place = store.place_of(tmp_path, "1.23.0", STACK.id)
    assert examine.stored(other, place) is not None
    cut = store.Evidence(STACK, Seen(until_ns=now_ns()), bug.provoked_by)
    store.write_evidence(place / bug.provoked_by.name, cut)
    assert examine.stored(other, place) is None


def test_a_workload_that_never_stands_is_evidence(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On 1.1 the run of B1 ends before its first cycle: kept with its words, masked by what is known, and not tried twice."""
    tried: list[str] = []

    def measured(scenario: Scenario, _world: World, **_more: Any) -> Run:
        tried.append(scenario.name)
        raise DeployError("The pod toggle-1 Ready, 1 restarts before anything was measured.")

    monkeypatch.setattr(examine, "measure", measured)
    store.write_cell(tmp_path, Cell("B3", "1.23.0", STACK.id, Decided(BugState.PRESENT, "statuscode 400"), "", 1))
    cell = examine.examine(BUGS["B1"], world, tmp_path)
    assert (cell.decided.state, cell.decided.masked_by) == (BugState.MASKED, "B3")
    assert "before anything was measured" in cell.decided.why
    assert examine.examine(BUGS["B5"], world, tmp_path).decided.masked_by == "B3"
    assert examine.decided_again(cell, tmp_path, {"B3": Decided(BugState.PRESENT, "statuscode 400")}) == cell
    assert tried == ["liveness-under-load"]


def test_the_service_of_a_trial_is_applied_as_it_is_written() -> None:
    """The sidecar keeps its probe, both containers get the app's image and token."""
    bug = BUGS["B8"]
    assert isinstance(bug.provoked_by, Trial)
    (service,) = trial.objects_of(bug.provoked_by, namespace="ns", app_image="dev.local/toggle:1", run_id="r", token="t")
    user, sidecar = service["spec"]["template"]["spec"]["containers"]
    assert service["apiVersion"] == SERVING_API
    assert {user["image"], sidecar["image"]} == {"dev.local/toggle:1"}
    assert sidecar["readinessProbe"]["exec"]["command"][-1] == "readiness"
    with pytest.raises(ValueError, match="no Service"):
        trial.objects_of(Trial("none"), namespace="ns", app_image="i", run_id="r", token="t")


def test_a_trial_refuses_another_queue_proxy(cluster: Cluster, world: World) -> None:
    """A trial looks at what is installed: its cell would be of another build than was asked for."""
    swapped = replace(world, provision=replace(world.provision, queue_proxy_image="dev.local/knative-chaos/queue-proxy:1"))
    with pytest.raises(BadInput, match="only runs replace queue-proxy"):
        try_out(STAND, swapped, decides=after(1))
    assert cluster.applied == []
