"""Knative's metrics are switched on for one test and given back, also by the `up` after a test that was killed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import Ref
from harness.errors import WaitTimeout
from harness.install import metrics
from harness.install.metrics import ANNOTATION, DEPLOYMENT, SCOPED
from harness.knative.metrics import SETTINGS
from harness.model import ClusterHandle, HostPorts, KnativeVersion
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

HANDLE = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "c-control-plane", "podman", "", "v1.34.4", created=True)
LATEST = KnativeVersion.parse("1.23")


class Cluster(FakeObjects):
    """Knative with its ConfigMap and its activator, whose pod follows the Deployment's template; `lingers` keeps the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.lingers = False
        self.stored[SCOPED.ref] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": SCOPED.ref.name, "namespace": SCOPED.ref.namespace, "resourceVersion": "7"},
            "data": {"metrics-protocol": "none", "other": "kept"},
        }
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
        self.stored[DEPLOYMENT] = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": DEPLOYMENT.name, "namespace": DEPLOYMENT.namespace, "generation": 1},
            "spec": {"replicas": 1, "template": {"metadata": {}}},
            "status": {"observedGeneration": 1, **counts},
        }
        self.started = 0
        self.roll()

    def roll(self) -> None:
        """A new activator pod."""
        self.started += 1
        if not self.lingers:
            self.stored = {ref: obj for ref, obj in self.stored.items() if ref.kind != "Pod"}
        name = f"activator-{self.started}"
        metadata = {"name": name, "namespace": DEPLOYMENT.namespace, "uid": name, "labels": {"app": "activator"}}
        self.stored[Ref("v1", "Pod", name, DEPLOYMENT.namespace)] = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}

    def merge(self, ref: Ref, patch: Obj) -> Obj:
        """As the API server; then the Deployment's controller."""
        before = self.stored[ref]
        merged = super().merge(ref, patch)
        if ref == DEPLOYMENT and merged["spec"] != before["spec"]:
            self.roll()
        return merged

    def data(self) -> Any:
        """Of the ConfigMap."""
        return self.stored[SCOPED.ref]["data"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """In place of the API server."""
    fake = Cluster()
    monkeypatch.setattr(metrics, "Objects", lambda _kube: fake)
    monkeypatch.setattr(Kube, "of", staticmethod(lambda _handle: None))
    return fake


def test_they_are_switched_on_recorded_and_given_back(cluster: Cluster) -> None:
    """The keys are as before in the end, one that was not set is not set, and the activator was replaced twice."""
    changes = metrics.switch_on(HANDLE, LATEST, run_id="abc")
    assert {key: cluster.data()[key] for key in SETTINGS} == dict(SETTINGS)
    assert [(change.was, change.now) for change in changes] == [
        ("none", "prometheus"),
        (None, "prometheus"),
        (None, ":9091"),
        (None, "abc"),
    ]
    assert cluster.started == 2
    assert metrics.give_back(HANDLE)
    assert cluster.data() == {"metrics-protocol": "none", "other": "kept"}
    assert cluster.started == 3
    assert not metrics.give_back(HANDLE)
    assert cluster.started == 3


def test_nothing_is_changed_where_they_are_served_anyway(cluster: Cluster) -> None:
    """Up to 1.18 `prometheus` is the default."""
    assert metrics.switch_on(HANDLE, KnativeVersion.parse("1.18.1"), run_id="abc") == ()
    assert cluster.started == 1
    assert not metrics.give_back(HANDLE)


def test_a_test_killed_between_two_changes_is_given_back(cluster: Cluster) -> None:
    """The settings were put back, the activator still has its mark."""
    metrics.switch_on(HANDLE, LATEST, run_id="abc")
    SCOPED.give_back(cluster, within_s=1)
    assert metrics.give_back(HANDLE)
    assert ANNOTATION not in (cluster.stored[DEPLOYMENT]["spec"]["template"]["metadata"].get("annotations") or {})


def test_an_activator_of_before_that_stays_is_named(cluster: Cluster) -> None:
    """It would answer some of the requests, and nobody could count them."""
    cluster.lingers = True
    with pytest.raises(WaitTimeout, match="activator-1"):
        metrics.switch_on(HANDLE, LATEST, run_id="abc", within_s=0.0)
