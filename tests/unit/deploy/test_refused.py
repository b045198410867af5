"""A wait for a workload that the cluster has refused ends at once; a refusal that may pass ends it once it has lasted."""

from __future__ import annotations

import pytest

from harness.adapters.objects import ApiRefused, Ref
from harness.deploy import refused, standing
from harness.deploy.refused import RefusalWatch
from harness.deploy.service import KnativeService
from harness.errors import DeployError
from harness.knative.names import SERVING_API
from harness.knative.refusals import FULL_S
from tests.unit.deploy.test_service import HANDLE, World, deploy, world
from tests.unit.install.fake import FakeObjects
from tests.unit.knative import refused_objects as objects

__all__ = ["world"]
pytestmark = pytest.mark.usefixtures("quick_looks")

SERVICE = {"apiVersion": SERVING_API, "kind": "Service", "metadata": {"name": "shop", "namespace": "ns"}}


@pytest.fixture
def each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look of a wait reads the cluster."""
    monkeypatch.setattr(refused, "EVERY_S", 0.0)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def broken(pod: objects.Obj) -> None:
    """The kubelet cannot pull the image of this pod."""
    status = objects.container(**objects.waiting("ErrImagePull", objects.NOT_FOUND))
    pod["status"] = {"phase": "Pending", "conditions": [], "containerStatuses": [status]}


@pytest.mark.usefixtures("each_look")
def test_an_image_that_does_not_exist_ends_the_deployment(world: World) -> None:
    """Long before its deadline, with the registry's words."""
    world.ready, world.shape = False, broken
    with pytest.raises(
        DeployError, match=r"refused Service toggle: pod .*, container user-container: ErrImagePull.*not found"
    ) as caught:
        deploy(within_s=1000)
    assert "image's name" in caught.value.fix


@pytest.mark.usefixtures("each_look")
def test_a_fresh_pod_that_is_refused_ends_the_wait_for_it(world: World) -> None:
    """A node that has lost the image since the first cycle."""
    before = deploy()
    world.shape = broken
    with pytest.raises(DeployError, match="not found"):
        standing.fresh_pods(HANDLE, before, within_s=1000)


@pytest.mark.usefixtures("each_look")
def test_a_deployment_that_kubernetes_refuses_is_told_from_the_controllers_log(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the Service nor an event says so."""
    world.ready = False
    monkeypatch.setattr(world, "_make", lambda *_: None)
    line = objects.logged(objects.NO_PORT, key="ns/toggle-00001")
    monkeypatch.setattr(world, "log", lambda *_, **__: line)
    controller = Ref("v1", "Pod", "controller-1", "knative-serving")
    world.stored[controller] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "controller-1", "namespace": "knative-serving", "labels": {"app": "controller"}},
    }
    with pytest.raises(DeployError, match=r"startupProbe\.httpGet\.port: Invalid value: 0"):
        deploy(within_s=1000)


def test_a_refusal_that_may_pass_is_final_once_it_has_lasted() -> None:
    """Counted from the first look that saw it."""
    clock, cluster = Clock(), FakeObjects()
    unmet = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "1 Insufficient cpu"}
    cluster.stored[Ref("v1", "Pod", "p", "ns")] = objects.pod(conditions=[unmet])
    watch = RefusalWatch(cluster, KnativeService(), [SERVICE], clock=clock)
    for now_s in (1.0, 10.0, 10.0 + FULL_S - 1):
        clock.now_s = now_s
        watch.require_none()
    clock.now_s = 10.0 + FULL_S
    watch.require_none()  # not before the next look
    clock.now_s += refused.EVERY_S
    with pytest.raises(DeployError, match="Insufficient cpu"):
        watch.require_none()


def test_a_cluster_that_cannot_be_read_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait itself says so in the end."""
    clock, cluster = Clock(), FakeObjects()

    def away(*_: object, **__: object) -> list[objects.Obj]:
        raise ApiRefused("GET", status=0, said="no answer")

    monkeypatch.setattr(cluster, "find", away)
    watch = RefusalWatch(cluster, KnativeService(), [SERVICE], clock=clock)
    clock.now_s = 100.0
    watch.require_none()
