"""Ways past the ingress: made for the lanes that need them, proved, and nobody else's port is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.adapters.documents import Obj
from harness.adapters.ingress import Reply
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Ref
from harness.deploy import direct, open_routes, service
from harness.errors import BadInput, DeployError, WaitTimeout
from harness.model import RUN_LABEL, ClusterHandle, Deployed, Hop, HostPorts, Lane, LoadPlan, Pod, Route
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

PORTS = HostPorts(ingress=1, direct=59001, control=59002, api=4)
HANDLE = ClusterHandle("c", "kind-c", "/nowhere", PORTS, "c-control-plane", "podman", "", "v1.34.4", created=True)
USERS = Route("users", "127.0.0.1", 1, "toggle.example", service.USERS_HOPS)
DEPLOYED = Deployed(
    "knative-service", "ns", "toggle", "toggle-00001", (Pod("pod-2", "u2", "10.0.0.2", "node", "boot"),), (USERS,), 8081, token="t"
)
BOTH = ((Lane.GET_KEEPALIVE, 1), (Lane.GET_QUEUE_PROXY, 1), (Lane.GET_POD, 1))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeObjects:
    """An empty cluster whose every way ends at the target's pod."""
    fake = FakeObjects()
    monkeypatch.setattr(direct, "Objects", lambda _kube: fake)
    monkeypatch.setattr(Kube, "of", lambda _handle: None)
    monkeypatch.setattr(direct, "ask", lambda *_args, **_request: Reply(200, {"x-toggle-pod": "pod-2"}, ""))
    return fake


def test_each_lane_gets_its_way(cluster: FakeObjects) -> None:
    """Queue-proxy's port and the app's, of every pod of the Revision, ready or not; in the run's namespace, with its label."""
    opened = open_routes(HANDLE, DEPLOYED, BOTH, run_id="r1")
    past = (
        Route("queue-proxy", "127.0.0.1", 59001, "toggle.example", (Hop.QUEUE_PROXY, Hop.USER_CONTAINER)),
        Route("pod", "127.0.0.1", 59002, "toggle.example", (Hop.USER_CONTAINER,)),
    )
    assert opened == replace(DEPLOYED, routes=(USERS, *past))
    made = {obj["spec"]["ports"][0]["nodePort"]: obj for obj in cluster.stored.values()}
    assert {port: obj["spec"]["ports"][0]["targetPort"] for port, obj in made.items()} == {31081: 8012, 31082: 8081}
    for obj in made.values():
        assert obj["metadata"]["namespace"] == "ns"
        assert obj["metadata"]["labels"] == {RUN_LABEL: "r1"}
        assert obj["spec"]["selector"] == {"serving.knative.dev/revision": "toggle-00001"}
        assert obj["spec"]["publishNotReadyAddresses"] is True


@pytest.mark.parametrize("lanes", [LoadPlan().lanes, ((Lane.GET_H2C, 1), (Lane.GET_RETRYING, 1)), ((Lane.GET_POD, 0),)])
def test_no_lane_for_it_no_way(cluster: FakeObjects, lanes: tuple[tuple[Lane, int], ...]) -> None:
    """Nothing is put beside the system under test that the load does not use."""
    assert open_routes(HANDLE, DEPLOYED, lanes, run_id="r1") is DEPLOYED
    assert not cluster.applied


def test_one_lane_one_way(cluster: FakeObjects) -> None:
    """There is no other route."""
    opened = open_routes(HANDLE, DEPLOYED, ((Lane.GET_POD, 1),), run_id="r1")
    assert [(route.name, route.port) for route in opened.routes] == [("users", 1), ("pod", 59002)]
    assert len(cluster.applied) == 1


def test_a_cluster_without_the_host_port_is_refused(cluster: FakeObjects) -> None:
    """Before anything is made."""
    handle = replace(HANDLE, ports=replace(PORTS, control=0))
    with pytest.raises(BadInput, match=r"node port 31082 of the cluster .*; the route pod needs it"):
        open_routes(handle, DEPLOYED, BOTH, run_id="r1")
    assert not cluster.applied


@pytest.mark.parametrize(
    "reply",
    [Reply(200, {"x-toggle-pod": "pod-1"}, ""), Reply(200, {}, ""), Reply(502, {}, "dial tcp"), Reply(0, {}, "refused")],
    ids=["the pod before", "nobody of ours", "502", "nothing"],
)
def test_a_way_that_ends_elsewhere_is_no_way(cluster: FakeObjects, monkeypatch: pytest.MonkeyPatch, reply: Reply) -> None:
    """What it ends at is waited for, and told."""
    assert not cluster.applied
    monkeypatch.setattr(direct, "ask", lambda *_args, **_request: reply)
    with pytest.raises(WaitTimeout, match="route queue-proxy is answered by pod-2"):
        open_routes(HANDLE, DEPLOYED, BOTH, run_id="r1", within_s=0.3)


def test_a_users_own_app_needs_only_to_answer(cluster: FakeObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not say which pod it is."""
    assert not cluster.applied
    monkeypatch.setattr(direct, "ask", lambda *_args, **_request: Reply(200, {}, ""))
    assert open_routes(HANDLE, replace(DEPLOYED, token=""), BOTH, run_id="r1", within_s=60).route("pod").port == 59002


def taken(cluster: FakeObjects, namespace: str, *, going: bool) -> Ref:
    """A Service of somebody else's that has node port 31081."""
    metadata: Obj = {"name": namespace}
    if going:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster.stored[Ref("v1", "Namespace", namespace)] = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    ref = Ref("v1", "Service", "theirs", namespace)
    cluster.stored[ref] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "theirs", "namespace": namespace},
        "spec": {"ports": [{"nodePort": 31081}]},
    }
    return ref


def allocating(cluster: FakeObjects, holder: Ref, *, gives_up_after: int) -> Callable[[Ref], None]:
    """Refuses as the API server does while the holder is there; it goes after so many refusals."""
    refused = 0

    def refuse(ref: Ref) -> None:
        nonlocal refused
        if holder in cluster.stored and ref.name == "knative-chaos-queue-proxy":
            refused += 1
            if refused >= gives_up_after:
                del cluster.stored[holder]
            raise ApiRefused(
                f"PATCH {ref}", status=422, said="spec.ports[0].nodePort: Invalid value: provided port is already allocated"
            )

    return refuse


def test_a_port_of_a_namespace_that_goes_is_waited_for(cluster: FakeObjects) -> None:
    """A killed run's, on its way out."""
    holder = taken(cluster, "knative-chaos-dead", going=True)
    cluster._refuse = allocating(cluster, holder, gives_up_after=2)
    assert open_routes(HANDLE, DEPLOYED, BOTH, run_id="r1", within_s=60).route("queue-proxy").port == 59001


def test_a_port_of_somebody_who_stays_is_theirs(cluster: FakeObjects) -> None:
    """Named, and left alone."""
    holder = taken(cluster, "shop", going=False)
    cluster._refuse = allocating(cluster, holder, gives_up_after=99)
    with pytest.raises(DeployError, match="Node port 31081 is taken by Service shop/theirs") as caught:
        open_routes(HANDLE, DEPLOYED, BOTH, run_id="r1", within_s=60)
    assert caught.value.fix
    assert holder in cluster.stored


def test_another_refusal_is_final(cluster: FakeObjects) -> None:
    """It would not pass by waiting."""

    def refuse(ref: Ref) -> None:
        raise ApiRefused(f"PATCH {ref}", status=403, said="forbidden")

    cluster._refuse = refuse
    with pytest.raises(DeployError, match="forbidden"):
        open_routes(HANDLE, DEPLOYED, BOTH, run_id="r1", within_s=60)


def test_a_route_is_proved_by_each_pod_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer by a pod of before begins the count anew."""
    answers = iter(["pod-2", "pod-1", "pod-3", "pod-2"])
    asked: list[str] = []

    def ask(_address: str, _port: int, _host: str, **_request: object) -> Reply:
        asked.append(next(answers))
        return Reply(200, {"x-toggle-pod": asked[-1]}, "")

    monkeypatch.setattr(direct, "ask", ask)
    pods = (*DEPLOYED.pods, replace(DEPLOYED.pods[0], name="pod-3"))
    past = Route("pod", "127.0.0.1", 59002, "toggle.example", (Hop.USER_CONTAINER,))
    direct.prove_routes(replace(DEPLOYED, pods=pods, routes=(USERS, past)), within_s=60)
    assert asked == ["pod-2", "pod-1", "pod-3", "pod-2"]


def test_without_a_pod_no_route_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request would make one."""
    monkeypatch.setattr(direct, "ask", lambda *_args, **_request: pytest.fail("asked"))
    past = Route("pod", "127.0.0.1", 59002, "toggle.example", (Hop.USER_CONTAINER,))
    direct.prove_routes(replace(DEPLOYED, pods=(), routes=(USERS, past)), within_s=60)
