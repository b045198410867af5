"""Several pods, from zero, and a plain Deployment on a real cluster: deployed, followed, given fresh pods."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import deploy, install
from harness.adapters.files import locked
from harness.adapters.ingress import ask
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.wait import Look, wait_for
from harness.inject import ClusterAccess, inject, state
from harness.model import AppSpec, Deployed, FaultSpec, Probe, ServiceSpec, Stream, Workload
from harness.observe import Observers
from harness.run import MEASURE_LOCK, World
from tests.cluster.test_observe import observing

pytestmark = pytest.mark.cluster

APP = AppSpec(startup_delay_s=1)
LIVENESS = Probe(initial_delay_s=3)
WITHIN_S = 90.0


@pytest.fixture(autouse=True)
def _alone(world: World) -> Iterator[None]:
    """The node port and Knative's configuration are one run's at a time."""
    with locked(world.state.locks / MEASURE_LOCK, within_s=3600, holder="the tests of workloads"):
        yield


@pytest.fixture
def stand(world: World, namespace: str) -> Callable[[Workload | ServiceSpec], Deployed]:
    """Deploys a workload into the test's namespace."""

    def deployed(workload: Workload | ServiceSpec) -> Deployed:
        return deploy.deploy(
            world.handle,
            world.stack,
            workload,
            namespace=namespace,
            app_image=world.provision.app_image,
            run_id=namespace.rpartition("-")[2],
            progress=world.progress,
        )

    return deployed


Stand = Callable[[Workload | ServiceSpec], Deployed]


def pods_there(world: World, deployed: Deployed) -> list[str]:
    """Names of the workload's pods."""
    found = Objects(Kube.of(world.handle)).find("v1", "Pod", namespace=deployed.namespace, labels=deployed.selector)
    return [one["metadata"]["name"] for one in found]


def test_three_pods_are_deployed_followed_and_replaced(world: World, stand: Stand, tmp_path: Path) -> None:
    """Each has its boot, and says the same by its control port; a pod that is deleted in the cycle leaves no gap."""
    deployed = stand(ServiceSpec(app=APP, liveness=LIVENESS, min_scale=3, max_scale=3))
    assert len({pod.boot for pod in deployed.pods}) == 3
    for pod in deployed.pods:
        assert state(world.handle, deployed, pod).boot == pod.boot
        assert pod.containers == {"user": "user-container", "queue-proxy": "queue-proxy"}
    assert {one["name"] for one in json.loads(deployed.pod_spec)["containers"]} == {"user-container", "queue-proxy"}
    assert deployed.token not in deployed.pod_spec
    with observing(world.handle, deployed, tmp_path) as observers:
        gone = deployed.pods[0].name
        Kube.of(world.handle).core.delete_namespaced_pod(gone, deployed.namespace, _request_timeout=10)

        def replaced() -> Look[str]:
            come = set(observers.followed()) - {pod.name for pod in deployed.pods}
            listening = {o.pod for o in observers.feed.snapshot() if o.stream is Stream.APP and '"listening"' in o.payload}
            return Look(next(iter(come & listening), None), f"{come}, {listening}")

        wait_for("the log of the pod that replaces it", replaced, within_s=WITHIN_S)
        assert observers.seal()
        assert observers.feed.gaps() == ()
    fresh = deploy.fresh_pods(world.handle, deployed, progress=world.progress)
    assert not {pod.uid for pod in fresh.pods} & {pod.uid for pod in deployed.pods}
    assert sorted(pods_there(world, fresh)) == [pod.name for pod in fresh.pods]


def followed(observers: Observers, pod: str) -> None:
    """Wait until its logs are."""
    wait_for("its logs", lambda: Look(pod in observers.followed() or None, "not yet"), within_s=WITHIN_S)


@contextmanager
def zero_allowed(world: World) -> Iterator[None]:
    """For the block."""
    install.give_back(world.handle, progress=world.progress)
    try:
        changes = install.zero_scale.switch_on(world.handle, run_id="test", progress=world.progress)
        assert [(change.what, change.now) for change in changes] == [("allow-zero-initial-scale", "true")]
        yield
    finally:
        assert install.zero_scale.give_back(world.handle, progress=world.progress)


def test_from_zero_there_is_no_pod_until_somebody_asks(world: World, stand: Stand, tmp_path: Path) -> None:
    """Twice: a Service that has got a pod is made anew without one. The change of Knative is given back."""
    config = Ref("v1", "ConfigMap", "config-autoscaler", "knative-serving")
    objects = Objects(Kube.of(world.handle))
    before = objects.get(config)
    with zero_allowed(world):
        deployed = stand(ServiceSpec(app=APP, min_scale=0, initial_scale=0, window_s=6))
        for _ in range(2):
            assert deployed.pods == ()
            assert pods_there(world, deployed) == []
            assert json.loads(deployed.pod_spec)["containers"]
            with observing(world.handle, deployed, tmp_path) as observers:
                route = deployed.route("users")
                reply = ask(route.address, route.port, route.host, timeout_s=30)
                assert reply.status == 200
                followed(observers, reply.pod)
                assert observers.seal()
                assert observers.feed.gaps() == ()
            deployed = deploy.fresh_pods(world.handle, deployed, progress=world.progress)
    after = objects.get(config)
    assert before is not None
    assert after is not None
    assert before["data"] == after["data"]
    assert before["metadata"].get("annotations") == after["metadata"].get("annotations")


@pytest.mark.parametrize("readiness", [False, True], ids=["as written", "the kubelet's readiness"])
def test_a_plain_deployment_is_refused_by_its_pod(world: World, stand: Stand, tmp_path: Path, readiness: bool) -> None:
    """Users come straight to the pods by the node port; a liveness failure refuses their connections until the restart is over."""
    spec = ServiceSpec(app=APP, liveness=LIVENESS, min_scale=2, max_scale=2, timeout_s=10)
    deployed = stand(deploy.plain_deployment(deploy.knative_service(spec), kubelet_readiness=readiness))
    assert [pod.containers for pod in deployed.pods] == [{"user": "user-container"}] * 2
    assert (readiness, deployed.token in deployed.pod_spec) == ("readinessProbe" in deployed.pod_spec, False)
    with observing(world.handle, deployed, tmp_path) as observers:
        hit = deployed.pods[0]
        inject(ClusterAccess(world.handle), deployed, hit, FaultSpec("liveness"), cycle=0)
        route = deployed.route("users")
        said: list[str] = []

        def restarted() -> Look[bool]:
            said.append(ask(route.address, route.port, route.host, timeout_s=2).text)
            again = any(
                o.stream is Stream.APP and o.pod == hit.name and o.instance == 1 and '"listening"' in o.payload
                for o in observers.feed.snapshot()
            )
            return Look(again or None, "not yet")

        wait_for("the restart", restarted, within_s=WITHIN_S, every_s=0.02)
        assert observers.seal()
        assert observers.feed.gaps() == ()
        assert not [o for o in observers.feed.snapshot() if o.stream is Stream.QUEUE_PROXY]
    assert len(said) > 20
    fresh = deploy.fresh_pods(world.handle, deployed, progress=world.progress)
    assert not {pod.uid for pod in fresh.pods} & {pod.uid for pod in deployed.pods}
