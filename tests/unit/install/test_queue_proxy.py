"""A queue-proxy of the user's own is set for one run and set back, also by the run after one that was killed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, NoSuchKind, Ref
from harness.errors import ClusterError, InstallError, WaitTimeout
from harness.install import queue_proxy
from harness.install.queue_proxy import CACHED, CONFIG
from harness.model import ClusterHandle, HostPorts
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

HANDLE = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "c-control-plane", "podman", "", "v1.34.4", created=True)
STOCK, OWN = "dev.local/knative-chaos/serving-queue:v0.50.0-aaa", "dev.local/knative-chaos/queue-proxy:v0.50.0-own-bbb"
DEPLOYMENT = Ref("apps/v1", "Deployment", "toggle-00001-deployment", "ns")
POD = Ref("v1", "Pod", "toggle-00001-deployment-abc", "ns")
LABELS = {"serving.knative.dev/revision": "toggle-00001"}


def pod_spec(image: str) -> Obj:
    """Of a Revision, with this queue-proxy."""
    return {"containers": [{"name": "user-container", "image": "app"}, {"name": "queue-proxy", "image": image}]}


class Cluster(FakeObjects):
    """Knative with its two objects that name queue-proxy's image, and one Revision that follows the ConfigMap when `follows`."""

    def __init__(self, key: str = "queue-sidecar-image") -> None:
        super().__init__()
        self.follows = True
        self.key = key
        for scoped, section in ((CONFIG, {"data": {"_example": "text", key: STOCK}}), (CACHED, {"spec": {"image": STOCK}})):
            ref = scoped.ref
            metadata = {"name": ref.name, "namespace": ref.namespace, "resourceVersion": "7", "annotations": {"other": "1"}}
            self.stored[ref] = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata, **copy.deepcopy(section)}

    def revise(self, image: str, of_pod: str) -> None:
        """A Revision, its Deployment made with one queue-proxy, its pod with another."""
        self.stored[DEPLOYMENT] = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": DEPLOYMENT.name, "namespace": "ns", "labels": LABELS},
            "spec": {"template": {"spec": pod_spec(image)}},
        }
        self.stored[POD] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": POD.name, "namespace": "ns", "labels": LABELS},
            "spec": pod_spec(of_pod),
        }

    def merge(self, ref: Ref, patch: Obj) -> Obj:
        """As the API server; then Knative's controller."""
        merged = super().merge(ref, patch)
        if self.follows and ref == CONFIG.ref and DEPLOYMENT in self.stored:
            self.stored[DEPLOYMENT]["spec"]["template"]["spec"] = pod_spec(merged["data"][self.key])
        return merged

    def content(self) -> Any:
        """Both objects without their resourceVersion."""
        both = copy.deepcopy([self.stored.get(CONFIG.ref), self.stored.get(CACHED.ref)])
        for one in both:
            if one is not None:
                del one["metadata"]["resourceVersion"]
        return both


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """In place of the API server."""
    fake = Cluster()
    monkeypatch.setattr(queue_proxy, "Objects", lambda _kube: fake)
    monkeypatch.setattr(Kube, "of", lambda _handle: None)
    return fake


@pytest.mark.parametrize("key", ["queue-sidecar-image", "queueSidecarImage"])
def test_both_objects_name_the_image_and_it_comes_back(cluster: Cluster, key: str) -> None:
    """Under the key that the installed version has; each change is recorded with what it was; nothing else is touched."""
    Cluster.__init__(cluster, key)
    was = cluster.content()
    changes = queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1")
    config, cached = cluster.stored[CONFIG.ref], cluster.stored[CACHED.ref]
    assert config["data"] == {"_example": "text", key: OWN}
    assert cached["spec"] == {"image": OWN}
    assert [(change.object, change.what, change.was, change.now) for change in changes] == [
        ("ConfigMap knative-serving/config-deployment", key, STOCK, OWN),
        ("Image knative-serving/queue-proxy", "image", STOCK, OWN),
    ]
    assert queue_proxy.give_back(HANDLE, within_s=5)
    assert cluster.content() == was
    assert not queue_proxy.give_back(HANDLE, within_s=5)


def test_what_a_dead_run_left_is_found_in_the_cluster_itself(cluster: Cluster) -> None:
    """Killed between the two changes or after both."""
    was = cluster.content()
    for refs in ((CONFIG.ref,), (CONFIG.ref, CACHED.ref)):
        queue_proxy.switch_on(HANDLE, image=OWN, run_id="dead")
        if CACHED.ref not in refs:
            cluster.stored[CACHED.ref] = {**cluster.stored[CACHED.ref], "spec": {"image": STOCK}}
            del cluster.stored[CACHED.ref]["metadata"]["annotations"][CACHED.annotation]
        assert queue_proxy.give_back(HANDLE, within_s=5)
        assert cluster.content() == was


def test_an_image_that_is_the_users_own_doing_is_left_alone(cluster: Cluster) -> None:
    """Without our annotation nothing of it is ours to give back."""
    cluster.stored[CONFIG.ref]["data"][cluster.key] = "theirs"
    assert not queue_proxy.give_back(HANDLE, within_s=5)
    assert cluster.stored[CONFIG.ref]["data"][cluster.key] == "theirs"


def test_without_knative_there_is_nothing_to_give_back(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first `up` on a new cluster asks too, before Image is a kind; setting says what is missing."""
    cluster.stored.clear()
    get = cluster.get

    def unknown_kind(ref: Ref) -> Obj | None:
        if ref == CACHED.ref:
            raise NoSuchKind(ref.api_version, ref.kind)
        return get(ref)

    monkeypatch.setattr(cluster, "get", unknown_kind)
    assert not queue_proxy.give_back(HANDLE, within_s=5)
    with pytest.raises(ClusterError, match="no ConfigMap knative-serving/config-deployment"):
        queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1")


def test_without_a_caching_image_the_configuration_is_enough(cluster: Cluster) -> None:
    """It only says what a cache should hold."""
    del cluster.stored[CACHED.ref]
    assert len(queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1")) == 1
    assert queue_proxy.give_back(HANDLE, within_s=5)


def test_it_is_not_set_twice(cluster: Cluster) -> None:
    """The second would take the first one's image for what was there before."""
    queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1")
    with pytest.raises(InstallError, match="another run's image of queue-proxy"):
        queue_proxy.switch_on(HANDLE, image="third", run_id="r2")
    assert cluster.stored[CONFIG.ref]["data"][cluster.key] == OWN


def test_a_refusal_of_the_second_object_does_not_lose_the_first(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set until then is given back."""
    was = cluster.content()
    merge = cluster.merge

    def refuse(ref: Ref, patch: Obj) -> Obj:
        if ref == CACHED.ref and patch["spec"]["image"] == OWN:
            raise ApiRefused(f"PATCH {ref}", status=403, said="forbidden")
        return merge(ref, patch)

    monkeypatch.setattr(cluster, "merge", refuse)
    with pytest.raises(InstallError, match="forbidden"):
        queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1", within_s=5)
    assert queue_proxy.give_back(HANDLE, within_s=5)
    assert cluster.content() == was


def test_every_revision_that_stands_is_rolled_first(cluster: Cluster) -> None:
    """Both ways: else it would be rolled under the measurement."""
    cluster.revise(STOCK, STOCK)
    cluster.follows = False
    with pytest.raises(WaitTimeout, match=r"another queue-proxy: not seen .* Deployment ns/toggle-00001-deployment"):
        queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1", within_s=0.3)
    cluster.revise(OWN, OWN)
    with pytest.raises(WaitTimeout, match=r"queue-proxy of before: not seen .* Deployment ns/toggle-00001-deployment"):
        queue_proxy.give_back(HANDLE, within_s=0.3)


@pytest.mark.parametrize("swapped", [True, False])
def test_a_pod_of_the_making_before_is_seen(cluster: Cluster, *, swapped: bool) -> None:
    """Knative reads the change a moment later: a Revision may have been made before that, with the queue-proxy of before."""
    if swapped:
        queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1")
    now, old = (OWN, STOCK) if swapped else (STOCK, OWN)

    def settled(*pods: str) -> bool:
        return queue_proxy.settled(HANDLE, namespace="ns", revision="toggle-00001", pods=pods, within_s=0.3)

    cluster.revise(now, now)
    assert settled(POD.name)
    cluster.revise(now, old)
    assert not settled(POD.name)
    assert settled(), "from zero there is no pod to replace"
    cluster.revise(old, old)
    with pytest.raises(WaitTimeout, match=f"1 Deployments with {old}"):
        settled(POD.name)
    del cluster.stored[DEPLOYMENT]
    with pytest.raises(WaitTimeout, match="0 Deployments"):
        settled(POD.name)


def test_a_configuration_that_names_no_image_decides_nothing(cluster: Cluster) -> None:
    """What is not known cannot be waited for."""
    del cluster.stored[CONFIG.ref]["data"][cluster.key]
    assert queue_proxy.settled(HANDLE, namespace="ns", revision="toggle-00001", pods=(POD.name,), within_s=0.3)


def test_the_annotation_says_whose_and_what(cluster: Cluster) -> None:
    """For whoever finds the cluster like this."""
    queue_proxy.switch_on(HANDLE, image=OWN, run_id="r1")
    for scoped, key in ((CONFIG, cluster.key), (CACHED, "image")):
        annotations = cluster.stored[scoped.ref]["metadata"]["annotations"]
        assert json.loads(annotations[scoped.annotation]) == {"run": "r1", "was": {key: STOCK}}
