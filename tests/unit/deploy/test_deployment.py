"""A plain Deployment against a cluster in memory that makes pods as Kubernetes does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.adapters.documents import Obj
from harness.adapters.ingress import Reply
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Ref
from harness.deploy import clearing, knative_service, plain_deployment, serving, standing
from harness.errors import BadInput, DeployError
from harness.model import ClusterHandle, Deployed, Hop, HostPorts, Pod, Route, ServiceSpec, WorkloadKind
from tests.unit.deploy.test_service import HANDLE, RUN, STACK
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

DEPLOYMENT = Ref("apps/v1", "Deployment", "toggle", "ns")
SERVICE = Ref("v1", "Service", "toggle", "ns")


class World(FakeObjects):
    """A Deployment has its replicas at once, and a deleted pod is replaced; the pods answer in turn."""

    def __init__(self) -> None:
        super().__init__(after=self._settle)
        self.made = 0
        self.asked: list[tuple[str, int, str]] = []

    def _settle(self, ref: Ref, obj: Obj) -> None:
        if ref.kind == "Deployment":
            obj["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "1"
            for _ in range(obj["spec"]["replicas"]):
                self._make(obj)

    def _make(self, deployment: Obj) -> None:
        self.made += 1
        name = f"toggle-{self.made}"
        template = deployment["spec"]["template"]
        self.stored[Ref("v1", "Pod", name, "ns")] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "ns", "uid": f"u{self.made}", "labels": template["metadata"]["labels"]},
            "spec": {"nodeName": "node-1", "containers": template["spec"]["containers"]},
            "status": {
                "phase": "Running",
                "podIP": f"10.0.0.{self.made}",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "user-container", "restartCount": 0, "state": {"running": {}}}],
            },
        }

    def delete(self, ref: Ref, *, grace_s: int | None = None) -> bool:
        """Pods are replaced while their Deployment is there."""
        there = super().delete(ref, grace_s=grace_s)
        if ref.kind == "Pod" and there and DEPLOYMENT in self.stored:
            self._make(self.stored[DEPLOYMENT])
        return there

    def ask(self, address: str, port: int, host: str, **_request: object) -> Reply:
        """The pods in turn."""
        self.asked.append((address, port, host))
        pods = [ref.name for ref in self.stored if ref.kind == "Pod"]
        pod = pods[len(self.asked) % len(pods)]
        return Reply(200, {"x-toggle-pod": pod, "x-toggle-boot": f"b-{pod}"}, "")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty cluster."""
    world = World()
    for room in (standing, clearing):
        monkeypatch.setattr(room, "Objects", lambda _kube: world)
    monkeypatch.setattr(Kube, "of", lambda _handle: None)
    monkeypatch.setattr(serving, "ask", world.ask)
    monkeypatch.setattr(serving, "boot_of", lambda *_args, **_request: pytest.fail("each pod answers by itself"))
    return world


def deploy(count: int = 1, *, handle: ClusterHandle = HANDLE, within_s: float = 60) -> Deployed:
    """So many pods."""
    workload = plain_deployment(knative_service(ServiceSpec(min_scale=count, max_scale=count)))
    return standing.deploy(handle, STACK, workload, namespace="ns", app_image="dev.local/toggle:1", run_id="r1", within_s=within_s)


def test_users_come_by_the_node_port_straight_to_the_pods(world: World) -> None:
    """Nobody is between; each pod has answered by itself."""
    deployed = deploy(3)
    assert (deployed.kind, deployed.name, deployed.revision) == (WorkloadKind.DEPLOYMENT, "toggle", "1")
    assert deployed.routes == (Route("users", "127.0.0.1", 3, "toggle.ns", (Hop.USER_CONTAINER,)),)
    assert deployed.pods == tuple(
        Pod(f"toggle-{n}", f"u{n}", f"10.0.0.{n}", "node-1", f"b-toggle-{n}", {"user": "user-container"}) for n in (1, 2, 3)
    )
    assert deployed.selector == "app=toggle"
    assert world.stored[DEPLOYMENT]["metadata"]["labels"] == world.stored[SERVICE]["metadata"]["labels"] == {RUN: "r1"}
    assert world.stored[DEPLOYMENT]["spec"]["template"]["metadata"]["labels"] == {"app": "toggle", RUN: "r1"}


def test_the_pod_spec_is_what_was_made_without_the_token(world: World) -> None:
    """It is recorded; the token is not."""
    deployed = deploy()
    (container,) = json.loads(deployed.pod_spec)["containers"]
    assert container["image"] == "dev.local/toggle:1"
    assert {"name": "TOGGLE_TOKEN", "value": "redacted"} in container["env"]
    assert deployed.token
    assert deployed.token not in deployed.pod_spec
    assert deployed.token not in repr(deployed)
    assert deployed.token in str(world.stored[DEPLOYMENT])


def test_one_of_three_pods_that_does_not_answer_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No activator chooses for it."""
    monkeypatch.setattr(
        serving, "ask", lambda *_args, **_request: Reply(200, {"x-toggle-pod": "toggle-1", "x-toggle-boot": "b"}, "")
    )
    with pytest.raises(DeployError, match="no answer yet by toggle-2, toggle-3"):
        deploy(3, within_s=0.2)
    assert world.made == 3


def test_fresh_pods_are_all_others(world: World) -> None:
    """The Deployment stays."""
    before = deploy(2)
    after = standing.fresh_pods(HANDLE, before, within_s=60)
    assert not {pod.uid for pod in before.pods} & {pod.uid for pod in after.pods}
    assert replace(after, pods=before.pods) == before
    assert DEPLOYMENT not in world.deleted


@pytest.mark.parametrize("change", ["replicas", "template"])
def test_a_deployment_that_was_changed_is_made_anew(world: World, change: str) -> None:
    """A scale-down or a rollout of the cycle before."""
    before = deploy(2)
    stored = world.stored[DEPLOYMENT]
    if change == "replicas":
        stored["spec"]["replicas"] = 1
    else:
        stored["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
    after = standing.fresh_pods(HANDLE, before, within_s=60)
    assert {DEPLOYMENT, SERVICE} <= set(world.deleted)
    assert len(after.pods) == 2


def test_a_cluster_without_the_host_port_is_refused(world: World) -> None:
    """There is no way for its users."""
    handle = replace(HANDLE, ports=HostPorts(1, 2, 0, 4))
    with pytest.raises(BadInput, match="node port 31082"):
        deploy(handle=handle)
    assert not world.asked


def test_a_node_port_of_somebody_else_is_theirs(world: World) -> None:
    """Named, and left alone."""
    theirs = Ref("v1", "Service", "theirs", "shop")
    world.stored[Ref("v1", "Namespace", "shop")] = {"metadata": {"name": "shop"}}
    world.stored[theirs] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "theirs", "namespace": "shop"},
        "spec": {"ports": [{"nodePort": 31082}]},
    }

    def refuse(ref: Ref) -> None:
        if ref == SERVICE:
            raise ApiRefused(f"PATCH {ref}", status=422, said="provided port is already allocated")

    world._refuse = refuse
    with pytest.raises(DeployError, match="Node port 31082 is taken by Service shop/theirs"):
        deploy()
    assert theirs in world.stored


def test_in_a_namespace_of_somebody_else_only_ours_is_removed(world: World) -> None:
    """What Knative or Kubernetes made of something goes with that."""
    world.stored[Ref("v1", "Namespace", "ns")] = {"metadata": {"name": "ns"}}
    deploy()
    owned = Ref("apps/v1", "Deployment", "owned", "ns")
    world.stored[owned] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "owned", "namespace": "ns", "labels": {RUN: "r1"}, "ownerReferences": [{}]},
        "spec": {},
    }
    clearing.remove(HANDLE, namespace="ns", run_id="r1", within_s=60)
    assert DEPLOYMENT not in world.stored
    assert SERVICE not in world.stored
    assert owned not in world.deleted
