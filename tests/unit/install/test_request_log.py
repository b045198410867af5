"""The request log is switched on for one run and given back, also by the run after one that was killed."""

from __future__ import annotations

import copy
import json
from functools import partial

import pytest

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Ref
from harness.errors import ClusterError, InstallError, WaitTimeout
from harness.install import request_log
from harness.install.request_log import ANNOTATION, REF
from harness.knative.requestlog import TEMPLATE, WANTED
from harness.model import ClusterHandle, HostPorts
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

HANDLE = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "c-control-plane", "podman", "", "v1.34.4", created=True)
EXAMPLE = "knative.dev/example-checksum"
DEPLOYMENT = Ref("apps/v1", "Deployment", "toggle-00001-deployment", "ns")
POD = Ref("v1", "Pod", "toggle-00001-deployment-abc", "ns")


def pod_spec(env: dict[str, str]) -> Obj:
    """Of a Revision, with this environment of queue-proxy."""
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return {"containers": [{"name": "user-container"}, {"name": "queue-proxy", "env": variables}]}


LOGGING = {"OBSERVABILITY_CONFIG": json.dumps({"requestLogTemplate": TEMPLATE, "enableRequestLog": True})}
SILENT = {"OBSERVABILITY_CONFIG": json.dumps({"requestLogTemplate": "{{.Request.Method}}"})}


class Cluster(FakeObjects):
    """Knative with a ConfigMap, and one Revision whose Deployment follows the ConfigMap when `follows`."""

    def __init__(self) -> None:
        super().__init__()
        self.follows = True
        self.stored[REF] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": REF.name, "namespace": REF.namespace, "resourceVersion": "7", "annotations": {EXAMPLE: "1234"}},
            "data": {"_example": "text"},
        }

    def revise(self, env: dict[str, str], pod_env: dict[str, str]) -> None:
        """A Revision, its Deployment made with one environment, its pod with another."""
        labels = {"serving.knative.dev/revision": "toggle-00001"}
        self.stored[DEPLOYMENT] = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": DEPLOYMENT.name, "namespace": "ns", "labels": labels},
            "spec": {"template": {"spec": pod_spec(env)}},
        }
        self.stored[POD] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": POD.name, "namespace": "ns", "labels": labels},
            "spec": pod_spec(pod_env),
        }

    def merge(self, ref: Ref, patch: Obj) -> Obj:
        """As the API server; then Knative's controller."""
        merged = super().merge(ref, patch)
        if self.follows and DEPLOYMENT in self.stored:
            on = merged["data"].get("logging.enable-request-log") == "true"
            self.stored[DEPLOYMENT]["spec"]["template"]["spec"] = pod_spec(LOGGING if on else SILENT)
        return merged


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """In place of the API server."""
    fake = Cluster()
    monkeypatch.setattr(request_log, "Objects", lambda _kube: fake)
    monkeypatch.setattr(Kube, "of", lambda _handle: None)
    return fake


def content(cluster: Cluster) -> tuple[dict[str, str], dict[str, str]]:
    """(data, annotations) of the ConfigMap."""
    stored = copy.deepcopy(cluster.stored[REF])
    return stored["data"], stored["metadata"]["annotations"]


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"logging.enable-request-log": "false", "logging.request-log-template": "{{.Request.Method}}"},
        {"logging.enable-request-log": "true", "logging.enable-probe-request-log": "true"},
        {**WANTED},
    ],
    ids=["nothing set", "off", "on with probes", "exactly ours"],
)
def test_what_was_there_comes_back(cluster: Cluster, before: dict[str, str]) -> None:
    """Key by key, and every change is told with what it was."""
    cluster.stored[REF]["data"] |= before
    was = content(cluster)
    changes = request_log.switch_on(HANDLE, run_id="r1")
    data, annotations = content(cluster)
    assert data == {"_example": "text", **WANTED}
    assert annotations[EXAMPLE] == "1234"
    assert {change.what: (change.was, change.now) for change in changes} == {
        key: (before.get(key), now) for key, now in WANTED.items() if before.get(key) != now
    }
    assert request_log.give_back(HANDLE, within_s=5)
    assert content(cluster) == was
    assert not request_log.give_back(HANDLE, within_s=5)


def test_a_dead_runs_switch_is_found_in_the_cluster_itself(cluster: Cluster) -> None:
    """Nothing else remembers what the keys were: not this process, no file."""
    cluster.stored[REF]["metadata"]["annotations"][ANNOTATION] = json.dumps(
        {"run": "dead", "was": {**dict.fromkeys(WANTED), "logging.request-log-template": "old"}}
    )
    cluster.stored[REF]["data"] |= WANTED
    assert request_log.give_back(HANDLE, within_s=5)
    assert content(cluster) == ({"_example": "text", "logging.request-log-template": "old"}, {EXAMPLE: "1234"})


def test_a_log_that_is_the_users_own_is_left_alone(cluster: Cluster) -> None:
    """Without our annotation nothing of it is ours to give back."""
    cluster.stored[REF]["data"] |= WANTED
    was = content(cluster)
    assert not request_log.give_back(HANDLE, within_s=5)
    assert content(cluster) == was


def test_without_knative_there_is_nothing_to_give_back(cluster: Cluster) -> None:
    """The first `up` on a new cluster asks too; switching on says what is missing."""
    del cluster.stored[REF]
    assert not request_log.give_back(HANDLE, within_s=5)
    with pytest.raises(ClusterError, match="no ConfigMap knative-serving/config-observability"):
        request_log.switch_on(HANDLE, run_id="r1")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"was": {}}', '{"was": 7}'])
def test_an_annotation_nobody_can_read_is_told(cluster: Cluster, text: str) -> None:
    """With the place and what to do, instead of guessing what the keys were."""
    cluster.stored[REF]["metadata"]["annotations"][ANNOTATION] = text
    was = content(cluster)
    for act in (lambda: request_log.give_back(HANDLE), lambda: request_log.switch_on(HANDLE, run_id="r1")):
        with pytest.raises(InstallError, match="cannot be read") as caught:
            act()
        assert ANNOTATION in caught.value.where
        assert caught.value.fix
    assert content(cluster) == was


def test_it_is_not_switched_twice(cluster: Cluster) -> None:
    """The second would remember the first one's keys as what was there before."""
    request_log.switch_on(HANDLE, run_id="r1")
    was = content(cluster)
    with pytest.raises(InstallError, match="another run"):
        request_log.switch_on(HANDLE, run_id="r2")
    assert content(cluster) == was


def test_a_change_by_somebody_else_in_between_is_not_lost(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was is read again, and that is what comes back."""
    stale = copy.deepcopy(cluster.stored[REF])
    cluster.merge(REF, {"data": {"logging.request-log-template": "theirs"}})
    was = content(cluster)
    reads = [stale]
    get = cluster.get
    monkeypatch.setattr(cluster, "get", lambda ref: reads.pop() if reads else get(ref))
    changes = request_log.switch_on(HANDLE, run_id="r1", within_s=20)
    assert ("logging.request-log-template", "theirs") in {(change.what, change.was) for change in changes}
    assert request_log.give_back(HANDLE, within_s=20)
    assert content(cluster) == was


@pytest.mark.parametrize("stored", [True, False], ids=["stored, answer lost", "not stored"])
@pytest.mark.parametrize(
    ("status", "said"), [(0, "read timed out"), (500, 'failed calling webhook "config.webhook": connect: connection refused')]
)
def test_what_passes_is_tried_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, status: int, said: str, *, stored: bool
) -> None:
    """A webhook that is away, an answer that is lost: what the keys were is not forgotten over it."""
    was = content(cluster)
    merge = cluster.merge
    fail: list[bool] = []

    def flaky(ref: Ref, patch: Obj) -> Obj:
        if fail.pop():
            if stored:
                merge(ref, patch)
            raise ApiRefused(f"PATCH {ref}", status=status, said=said)
        return merge(ref, patch)

    monkeypatch.setattr(cluster, "merge", flaky)
    fail[:] = [False, True]
    assert len(request_log.switch_on(HANDLE, run_id="r1", within_s=20)) == 3
    assert content(cluster)[0] == {"_example": "text", **WANTED}
    fail[:] = [False, True]
    assert request_log.give_back(HANDLE, within_s=20)
    assert content(cluster) == was


def test_a_refusal_that_stays_is_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, with what the API server said."""
    was = content(cluster)

    def refuse(ref: Ref, _patch: Obj) -> Obj:
        raise ApiRefused(f"PATCH {ref}", status=400, said="admission webhook denied the request: template: unexpected EOF")

    monkeypatch.setattr(cluster, "merge", refuse)
    with pytest.raises(InstallError, match="unexpected EOF"):
        request_log.switch_on(HANDLE, run_id="r1", within_s=20)
    assert content(cluster) == was


@pytest.mark.parametrize("on", [True, False])
def test_a_pod_of_the_making_before_is_told(cluster: Cluster, *, on: bool) -> None:
    """Knative reads the change a moment later: the Revision may have been made, and its pod started, before that."""
    now, old = (LOGGING, SILENT) if on else (SILENT, LOGGING)
    settled = partial(request_log.settled, HANDLE, namespace="ns", revision="toggle-00001", on=on)
    pods = (POD.name,)
    cluster.revise(now, now)
    assert settled(pods=pods, within_s=5)
    cluster.revise(now, old)
    assert not settled(pods=pods, within_s=5)
    assert settled(pods=(), within_s=5), "from zero there is no pod to replace"
    cluster.revise(old, old)
    with pytest.raises(WaitTimeout, match="with it" if on else "without it"):
        settled(pods=pods, within_s=0.3)
    del cluster.stored[DEPLOYMENT]
    with pytest.raises(WaitTimeout, match="0 Deployments"):
        settled(pods=pods, within_s=0.3)


def test_giving_back_waits_for_the_revisions(cluster: Cluster) -> None:
    """Else the next run's pods would be rolled under it."""
    cluster.revise(SILENT, SILENT)
    request_log.switch_on(HANDLE, run_id="r1")
    cluster.follows = False
    with pytest.raises(WaitTimeout, match="Deployment ns/toggle-00001-deployment"):
        request_log.give_back(HANDLE, within_s=0.3)
