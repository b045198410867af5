"""Deploying, replacing and removing against a cluster in memory that makes pods as Knative does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.adapters.documents import Obj
from harness.adapters.ingress import Reply
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Ref
from harness.deploy import clearing, direct, service, serving, standing, workload_of
from harness.deploy.manifest import pods_wanted
from harness.deploy.pods import state_of
from harness.errors import DeployError, WaitTimeout
from harness.knative.names import SERVING_API
from harness.model import ClusterHandle, Deployed, Hop, HostPorts, InstalledStack, Pod, Route, ServiceSpec, Stack, UserRequest
from tests.unit.deploy.test_manifest import GOOD
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

HANDLE = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "c-control-plane", "podman", "", "v1.34.4", created=True)
STACK = InstalledStack(
    "knative-serving", "kourier-system", "x.example", "", {}, (), Stack("1.23.0", "module", "v1.34.4", "", "", (), ())
)
SPACE = Ref("v1", "Namespace", "ns")
RUN = "knative-chaos.dev/run"


class World(FakeObjects):
    """A Service is Ready at once and has the pods it begins with; a deleted pod is replaced. The youngest pod answers.

    turns: instead, all pods take turns.
    """

    def __init__(self) -> None:
        super().__init__(after=self._settle)
        self.made = 0
        self.shape: Callable[[Obj], None] = lambda _pod: None
        self.answer: Callable[[Reply], Reply] = lambda reply: reply
        self.ready = True
        self.replaces = True
        self.turns = False
        self.asked = 0

    def _settle(self, ref: Ref, obj: Obj) -> None:
        if ref.api_version.startswith("serving."):
            obj["status"] = {
                "url": f"http://{ref.name}.{ref.namespace}.x.example",
                "latestReadyRevisionName": f"{ref.name}-00001",
                "conditions": [
                    {"type": "Ready", "status": "True" if self.ready else "False", "reason": "Why", "message": "no cpu"}
                ],
            }
            self.stored[Ref(SERVING_API, "Revision", f"{ref.name}-00001", ref.namespace)] = {
                "apiVersion": SERVING_API,
                "kind": "Revision",
                "metadata": {
                    "name": f"{ref.name}-00001",
                    "namespace": ref.namespace,
                    "labels": {"serving.knative.dev/service": ref.name},
                },
            }
            for _ in range(pods_wanted(obj)):
                self._make(ref.namespace, ref.name, obj["metadata"]["labels"])

    def _make(self, namespace: str, owner: str, labels: dict[str, str]) -> None:
        self.made += 1
        name = f"{owner}-00001-{self.made}"
        both = {**labels, "serving.knative.dev/service": owner, "serving.knative.dev/revision": f"{owner}-00001"}
        pod: Obj = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "uid": f"u{self.made}", "labels": both},
            "spec": {
                "nodeName": "node-1",
                "containers": [{"name": "user-container", "ports": [{}]}, {"name": "queue-proxy", "ports": [{}]}],
            },
            "status": {
                "phase": "Running",
                "podIP": f"10.0.0.{self.made}",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "user-container", "restartCount": 0, "state": {"running": {}}}],
            },
        }
        self.shape(pod)
        self.stored[Ref("v1", "Pod", name, namespace)] = pod

    def delete(self, ref: Ref, *, grace_s: int | None = None) -> bool:
        """Pods are replaced while their Service is there."""
        pod = self.stored.get(ref)
        there = super().delete(ref, grace_s=grace_s)
        if ref.api_version == SERVING_API and there:
            self.stored.pop(Ref(SERVING_API, "Revision", f"{ref.name}-00001", ref.namespace), None)
        if ref.kind == "Pod" and pod is not None and self.replaces:
            labels = pod["metadata"]["labels"]
            owner = labels["serving.knative.dev/service"]
            if Ref("serving.knative.dev/v1", "Service", owner, ref.namespace) in self.stored:
                self._make(ref.namespace, owner, {RUN: labels[RUN]})
        return there

    def ask(self, _address: str, _port: int, _host: str, **_request: object) -> Reply:
        """What the ingress answers."""
        self.asked += 1
        pods = [ref.name for ref in self.stored if ref.kind == "Pod"]
        if not pods:
            return self.answer(Reply(200, {}, ""))
        pod = pods[self.asked % len(pods)] if self.turns else pods[-1]
        return self.answer(Reply(200, {"x-toggle-pod": pod, "x-toggle-boot": f"boot{pod.rpartition('-')[2]}"}, ""))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty cluster with Knative."""
    world = World()
    monkeypatch.setattr(standing, "Objects", lambda _kube: world)
    monkeypatch.setattr(clearing, "Objects", lambda _kube: world)
    monkeypatch.setattr(Kube, "of", lambda _handle: None)
    monkeypatch.setattr(serving, "ask", world.ask)
    return world


def deploy(spec: Any = None, within_s: float = 60) -> Deployed:
    """With names a test can look for."""
    return standing.deploy(
        HANDLE, STACK, spec or ServiceSpec(), namespace="ns", app_image="dev.local/toggle:1", run_id="r1", within_s=within_s
    )


def test_the_pod_is_the_one_that_answered(world: World) -> None:
    """Host from the Service's address, port from the cluster, boot from the answer, a token nobody else knows."""
    deployed = deploy()
    assert (deployed.kind, deployed.namespace, deployed.name) == ("knative-service", "ns", "toggle")
    assert deployed.revision == "toggle-00001"
    roles = {"user": "user-container", "queue-proxy": "queue-proxy"}
    assert deployed.pods == (Pod("toggle-00001-1", "u1", "10.0.0.1", "node-1", "boot1", roles),)
    assert deployed.routes == (Route("users", "127.0.0.1", 1, "toggle.ns.x.example", service.USERS_HOPS),)
    assert {Hop.QUEUE_PROXY, Hop.USER_CONTAINER} <= set(service.USERS_HOPS)
    assert len(deployed.token) == 32
    assert deployed.token not in repr(deployed)
    assert world.stored[SPACE]["metadata"]["labels"] == {RUN: "r1"}


def test_a_users_manifest_is_deployed_too(world: World) -> None:
    """With its own port and name."""
    deployed = deploy(workload_of(GOOD))
    assert (deployed.name, deployed.user_port) == ("mine", 9000)
    assert deployed.token


def test_what_the_pods_need_is_there_before_them(world: World) -> None:
    """A ConfigMap of the user's file: else the container would not be created."""
    site = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: site}\n"
    deploy(workload_of(GOOD + "        envFrom: [{configMapRef: {name: site}}]\n" + site))
    made = [ref.kind for ref in world.stored]
    assert made.index("ConfigMap") < made.index("Service")


def test_an_app_without_our_headers_is_taken_at_its_word(world: World) -> None:
    """A user's own image: one pod, and 200; there is no boot to know and no token to control it with."""
    world.answer = lambda reply: Reply(reply.status, {}, "own")
    deployed = deploy(workload_of(GOOD.replace("image: toggle", "image: own:1")))
    assert (deployed.pods[0].name, deployed.pods[0].boot, deployed.token) == ("mine-00001-1", "", "")


def test_the_status_that_its_users_expect_proves_another_app(world: World) -> None:
    """And its image is the one that the cluster has under another name."""
    world.answer = lambda _reply: Reply(404, {"x-envoy-upstream-service-time": "1"}, "no such page")
    own = workload_of(GOOD.replace("image: toggle", "image: own:1"))
    named = {"namespace": "ns", "app_image": "x", "run_id": "r1", "images": {"own:1": "dev.local/own:2"}}
    deployed = standing.deploy(HANDLE, STACK, own, request=UserRequest(expect=(404,)), within_s=60, **named)  # type: ignore[arg-type]
    assert '"image": "dev.local/own:2"' in deployed.applied
    assert standing.fresh_pods(HANDLE, deployed, within_s=60).request == UserRequest(expect=(404,))
    with pytest.raises(DeployError, match="no such page"):
        standing.fresh_pods(HANDLE, replace(deployed, request=UserRequest()), within_s=0.1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(200, {"x-toggle-pod": "another"}, ""), "HTTP 200 by pod another"),
        (Reply(200, {}, ""), "HTTP 200"),
        (Reply(503, {}, "no healthy upstream"), "HTTP 503: no healthy upstream"),
        (Reply(0, {}, "ConnectionRefusedError: x"), "ConnectionRefusedError"),
    ],
)
def test_another_answer_is_none(world: World, answer: Reply, said: str) -> None:
    """The toggle app must answer itself, from this pod; the last answer is told."""
    world.answer = lambda _reply: answer
    with pytest.raises(DeployError, match=said):
        deploy(within_s=0.2)


@pytest.mark.parametrize(
    ("reason", "message", "mends"),
    [
        ("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.", "CPU request"),
        ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "must listen on the port"),
    ],
    ids=["no cpu", "never ready"],
)
def test_a_service_that_is_not_ready_is_told_with_conditions_and_warnings(
    world: World, reason: str, message: str, mends: str
) -> None:
    """And with what mends what was seen; warnings of others in the namespace are not shown."""
    world.ready = False
    for name, about in (("toggle-00001", message), ("else", "not ours")):
        world.stored[Ref("v1", "Event", name, "ns")] = {
            "metadata": {"name": name},
            "type": "Warning",
            "reason": reason,
            "message": about,
            "involvedObject": {"name": name},
        }
    with pytest.raises(DeployError, match=rf"Ready=False Why \(no cpu\).*{reason}: {re.escape(message)}") as caught:
        deploy(within_s=0.2)
    assert mends in caught.value.fix
    assert "not ours" not in str(caught.value)


def test_a_refused_service_is_told_at_once(world: World) -> None:
    """With the webhook's words."""

    def refuse(ref: Ref) -> None:
        if ref.kind == "Service":
            raise ApiRefused("PATCH", status=400, said='admission webhook "v" denied the request: missing field(s): x')

    world._refuse = refuse
    with pytest.raises(DeployError, match="missing field"):
        deploy(within_s=1000)


def test_a_webhook_away_for_a_moment_is_asked_again(world: World) -> None:
    """It restarts with the control plane's configuration."""
    away = [1]

    def refuse(ref: Ref) -> None:
        if ref.kind == "Service" and away[0]:
            away[0] -= 1
            raise ApiRefused("PATCH", status=500, said="failed calling webhook: connection refused")

    world._refuse = refuse
    assert deploy().pods


def test_a_namespace_of_somebody_else_is_used_and_never_labelled(world: World) -> None:
    """So remove() takes away our Service only."""
    world.stored[SPACE] = {"metadata": {"name": "ns"}}
    deploy()
    world.replaces = False
    clearing.remove(HANDLE, namespace="ns", run_id="r1", within_s=60)
    assert SPACE in world.stored
    assert not [ref for ref in world.stored if ref.kind in {"Service", "Pod"}]


def test_remove_takes_the_namespace_that_is_ours_and_is_idempotent(world: World) -> None:
    """A second call finds nothing and says nothing."""
    deploy()
    clearing.remove(HANDLE, namespace="ns", run_id="r1", within_s=60)
    assert world.stored == {}
    clearing.remove(HANDLE, namespace="ns", run_id="r1", within_s=60)


def test_remove_ends_the_pods_before_what_they_belong_to(world: World) -> None:
    """With its Service a pod goes by its own grace, and queue-proxy's drain of 30 s is no longer cut short."""
    (pod,) = deploy().pods
    clearing.remove(HANDLE, namespace="ns", run_id="r1", within_s=60)
    assert world.deleted[0] == Ref("v1", "Pod", pod.name, "ns")
    assert SERVICE in world.deleted


def test_remove_leaves_another_run_alone(world: World) -> None:
    """Only what carries this run's label."""
    deploy()
    clearing.remove(HANDLE, namespace="ns", run_id="r2", within_s=60)
    assert SPACE in world.stored
    assert world.deleted == []


def test_a_fresh_pod_is_another_pod_and_another_boot(world: World) -> None:
    """All else stays."""
    before = deploy()
    after = standing.fresh_pods(HANDLE, before, within_s=60)
    assert [(pod.name, pod.ip, pod.boot) for pod in after.pods] == [("toggle-00001-2", "10.0.0.2", "boot2")]
    assert replace(after, pods=before.pods) == before


def test_a_fresh_pod_is_proved_on_each_route_there_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that still leads to the pod before would make a cycle of two pods."""
    first = deploy()
    users = first.route("users")
    past = (replace(users, name="queue-proxy", port=7), replace(users, name="pod", port=8))
    before = replace(first, routes=(users, *past))
    asked: list[int] = []

    def ask(address: str, port: int, host: str, **_request: object) -> Reply:
        asked.append(port)
        old = Reply(200, {"x-toggle-pod": before.pods[0].name}, "")
        return old if asked.count(port) == 1 else world.ask(address, port, host)

    monkeypatch.setattr(direct, "ask", ask)
    after = standing.fresh_pods(HANDLE, before, within_s=60)
    assert asked == [7, 7, 8, 8]
    assert after.routes == before.routes


def test_a_pod_that_restarted_before_the_cycle_is_no_fresh_pods(world: World) -> None:
    """Its back-off and its events would be part of what is measured."""
    before = deploy()

    def restarted(pod: Obj) -> None:
        pod["status"]["containerStatuses"][0]["restartCount"] = 1

    world.shape = restarted
    with pytest.raises(DeployError, match=r"toggle-00001-2 Ready, 1 restarts before anything was measured"):
        standing.fresh_pods(HANDLE, before, within_s=1000)


@pytest.mark.parametrize("broken", [{"conditions": [{"type": "Ready", "status": "False"}]}, {"phase": "Pending", "conditions": []}])
def test_a_pod_that_is_not_ready_is_waited_for(world: World, broken: dict[str, object]) -> None:
    """Even if something answers in its name."""
    before = deploy()
    world.shape = lambda pod: pod["status"].update(broken)
    with pytest.raises(DeployError, match="not Ready"):
        standing.fresh_pods(HANDLE, before, within_s=0.2)


def test_two_pods_are_not_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod on its way out may still be asked: it must be gone first."""
    before = deploy()
    old, delete = Ref("v1", "Pod", "toggle-00001-old", "ns"), world.delete
    monkeypatch.setattr(world, "delete", lambda ref, grace_s=None: ref == old or delete(ref, grace_s=grace_s))
    world.stored[old] = {
        "metadata": {
            "name": "toggle-00001-old",
            "namespace": "ns",
            "uid": "u0",
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"serving.knative.dev/service": "toggle"},
        },
        "status": {"phase": "Running"},
    }
    with pytest.raises(DeployError, match="toggle-00001-old Terminating"):
        standing.fresh_pods(HANDLE, before, within_s=0.2)


def test_a_namespace_is_looked_at_again_once_its_pods_are_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes saw a pod and would come back after minutes; one change of the namespace brings it back at once."""
    deploy()
    delete, merge, merged = world.delete, world.merge, []

    def stays(ref: Ref, *, grace_s: int | None = None) -> bool:
        return True if ref == SPACE else delete(ref, grace_s=grace_s)

    def touched(ref: Ref, patch: Obj) -> Obj:
        assert not [one for one in world.stored if one.kind == "Pod"]
        merged.append(ref)
        answer = merge(ref, patch)
        delete(ref)
        return answer

    monkeypatch.setattr(world, "delete", stays)
    monkeypatch.setattr(world, "merge", touched)
    clearing.remove(HANDLE, namespace="ns", run_id="r1", within_s=60)
    assert merged == [SPACE]


def test_a_namespace_that_stays_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """remove() waits until it is gone."""
    deploy()
    monkeypatch.setattr(world, "delete", lambda _ref, grace_s=None: True)
    with pytest.raises(WaitTimeout, match="1 pods left"):
        clearing.remove(HANDLE, namespace="ns", run_id="r1", within_s=0.2)


def test_a_pods_state_in_words() -> None:
    """Why it is not Ready comes from its containers and conditions."""
    state = state_of(
        {
            "metadata": {"name": "p", "labels": {}},
            "status": {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}],
                "containerStatuses": [
                    {"name": "a", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                    {"name": "b", "restartCount": 1, "state": {}},
                ],
            },
        }
    )
    assert state.restarts == {"a": 2, "b": 1}
    assert str(state) == "pod p Pending, not Ready, 3 restarts (a: CrashLoopBackOff; no node)"


def boots(monkeypatch: pytest.MonkeyPatch, said: Callable[[str], str]) -> list[str]:
    """The app's control port says this of a pod; which pods were asked."""
    asked: list[str] = []

    def boot_of(_handle: ClusterHandle, _deployed: Deployed, pod: str) -> str:
        asked.append(pod)
        return said(pod)

    monkeypatch.setattr(serving, "boot_of", boot_of)
    return asked


THREE = ServiceSpec(min_scale=3, max_scale=3)


def test_three_pods_are_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its boot: from its answer, or by its control port where the activator chose another one."""
    asked = boots(monkeypatch, lambda pod: f"told-{pod}")
    deployed = deploy(THREE)
    assert [(pod.name, pod.boot) for pod in deployed.pods] == [
        ("toggle-00001-1", "told-toggle-00001-1"),
        ("toggle-00001-2", "told-toggle-00001-2"),
        ("toggle-00001-3", "boot3"),
    ]
    assert asked == ["toggle-00001-1", "toggle-00001-2"]
    assert deployed.selector == "serving.knative.dev/service=toggle"
    assert world.made == 3


def test_two_of_three_pods_are_not_three(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ready pod that answers does not stand for those that are missing."""
    boots(monkeypatch, lambda _pod: "b")
    made = world._make

    def make(namespace: str, owner: str, labels: dict[str, str]) -> None:
        if world.made < 2:
            made(namespace, owner, labels)

    monkeypatch.setattr(world, "_make", make)
    with pytest.raises(DeployError, match=r"2 of 3 pods.*HTTP 200"):
        deploy(THREE, within_s=0.2)


def test_one_of_three_pods_that_is_not_ready_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the others serve."""
    boots(monkeypatch, lambda _pod: "b")

    def unready(pod: Obj) -> None:
        if pod["metadata"]["uid"] == "u2":
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "not yet"}]

    world.shape = unready
    with pytest.raises(DeployError, match="toggle-00001-2 Running, not Ready"):
        deploy(THREE, within_s=0.2)


def test_one_of_three_pods_that_restarted_is_no_fresh_pod(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever it is."""
    boots(monkeypatch, lambda _pod: "b")

    def restarted(pod: Obj) -> None:
        if pod["metadata"]["uid"] == "u2":
            pod["status"]["containerStatuses"][0]["restartCount"] = 1

    world.shape = restarted
    with pytest.raises(DeployError, match="toggle-00001-2 Ready, 1 restarts before anything was measured"):
        deploy(THREE, within_s=1000)


def test_a_pod_whose_app_does_not_say_its_boot_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No fault could be put into it."""
    boots(monkeypatch, lambda pod: "" if pod.endswith("2") else "b")
    with pytest.raises(DeployError, match="did not say its boot in toggle-00001-2"):
        deploy(THREE, within_s=0.2)
    assert world.made == 3


def test_fresh_pods_are_all_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of those before is among them."""
    boots(monkeypatch, lambda _pod: "b")
    before = deploy(THREE)
    after = standing.fresh_pods(HANDLE, before, within_s=60)
    assert len(after.pods) == 3
    assert not {pod.uid for pod in before.pods} & {pod.uid for pod in after.pods}
    assert replace(after, pods=before.pods) == before
    assert SERVICE not in world.deleted


FROM_ZERO = ServiceSpec(min_scale=0, initial_scale=0)
SERVICE = Ref(SERVING_API, "Service", "toggle", "ns")


def test_from_zero_there_is_no_pod_and_nothing_is_asked(world: World) -> None:
    """A request would make one."""
    deployed = deploy(FROM_ZERO)
    assert deployed.pods == ()
    assert world.asked == 0


def test_from_zero_a_pod_that_is_left_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An autoscaler that has not read the switch begins with one pod."""
    monkeypatch.setattr("tests.unit.deploy.test_service.pods_wanted", lambda _obj: 1)
    with pytest.raises(DeployError, match=r"has no pod.*toggle-00001-1 Ready"):
        deploy(FROM_ZERO, within_s=0.2)
    assert world.asked == 0


@pytest.mark.parametrize(
    "spec",
    [FROM_ZERO, ServiceSpec(min_scale=1, initial_scale=3, max_scale=3), ServiceSpec(max_scale=0)],
    ids=["from zero", "3 to 1", "free"],
)
def test_a_service_that_scales_by_itself_is_made_anew(world: World, monkeypatch: pytest.MonkeyPatch, spec: ServiceSpec) -> None:
    """What the autoscaler did in the cycle before cannot be undone by deleting pods."""
    boots(monkeypatch, lambda _pod: "b")
    before = deploy(spec)
    after = standing.fresh_pods(HANDLE, before, within_s=60)
    assert SERVICE in world.deleted
    assert world.applied.count(SERVICE) == 2
    assert len(after.pods) == len(before.pods) == (1 if spec.initial_scale is None else spec.initial_scale)
    assert not {pod.uid for pod in before.pods} & {pod.uid for pod in after.pods}
    assert after.token == before.token


def test_after_a_rollout_the_service_is_made_anew(world: World) -> None:
    """Its pods would be of the new Revision."""
    before = deploy()
    world.stored[SERVICE]["status"]["latestReadyRevisionName"] = "toggle-00002"
    after = standing.fresh_pods(HANDLE, before, within_s=60)
    assert SERVICE in world.deleted
    assert after.revision == before.revision
    assert world.deleted[0] == Ref("v1", "Pod", before.pods[0].name, "ns")
    assert not {pod.boot for pod in before.pods} & {pod.boot for pod in after.pods}


def test_a_revision_that_stays_keeps_the_service_from_being_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new Service would find a Revision of its name that is another's."""
    before = deploy(FROM_ZERO)
    revision = world.stored[Ref(SERVING_API, "Revision", "toggle-00001", "ns")]
    delete = world.delete

    def keeps(ref: Ref, *, grace_s: int | None = None) -> bool:
        there = delete(ref, grace_s=grace_s)
        world.stored[Ref.of(revision)] = revision
        return there

    monkeypatch.setattr(world, "delete", keeps)
    with pytest.raises(DeployError, match=r"toggle is gone.*toggle-00001"):
        standing.fresh_pods(HANDLE, before, within_s=0.2)


def test_a_pod_that_is_on_its_way_out_is_hurried(world: World) -> None:
    """Deleted in the cycle, with all of its grace: it would be waited for while queue-proxy drains."""
    before = deploy()
    pod = Ref("v1", "Pod", before.pods[0].name, "ns")
    world.stored[pod]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    standing.fresh_pods(HANDLE, before, within_s=60)
    assert pod in world.deleted
