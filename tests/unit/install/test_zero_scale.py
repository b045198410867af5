"""An initial scale of 0 is allowed for one run and given back."""

from __future__ import annotations

import pytest

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Ref
from harness.errors import InstallError, WaitTimeout
from harness.install import permission, zero_scale
from harness.model import ClusterHandle, HostPorts
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

HANDLE = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "c-control-plane", "podman", "", "v1.34.4", created=True)
KEY = "allow-zero-initial-scale"
REF = zero_scale.PERMISSION.scoped.ref
SERVICE = Ref("serving.knative.dev/v1", "Service", "knative-chaos-from-zero", "default")


class Cluster(FakeObjects):
    """Knative's webhook reads the ConfigMap after so many looks at it."""

    def __init__(self) -> None:
        super().__init__(refuse=self._webhook)
        self.lags = 0
        self.stored[REF] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": REF.name, "namespace": REF.namespace, "resourceVersion": "7"},
            "data": {"_example": "text"},
        }

    def _webhook(self, ref: Ref) -> None:
        self.lags -= 1
        if ref == SERVICE and (self.lags >= 0 or self.stored[REF]["data"].get(KEY) != "true"):
            raise ApiRefused("PATCH", status=400, said="validation failed: initial-scale=0 not allowed by cluster")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """In place of the API server."""
    fake = Cluster()
    monkeypatch.setattr(permission, "Objects", lambda _kube: fake)
    monkeypatch.setattr(Kube, "of", lambda _handle: None)
    return fake


@pytest.mark.parametrize("before", [None, "false", "true"])
def test_it_is_on_for_the_run_and_as_it_was_after_it(cluster: Cluster, before: str | None) -> None:
    """Whatever it was; what was on already is no change."""
    data: Obj = cluster.stored[REF]["data"]
    if before is not None:
        data[KEY] = before
    was = dict(data)
    changes = zero_scale.switch_on(HANDLE, run_id="r1")
    assert cluster.stored[REF]["data"][KEY] == "true"
    assert [(change.what, change.was, change.now) for change in changes] == ([] if before == "true" else [(KEY, before, "true")])
    assert zero_scale.give_back(HANDLE)
    assert cluster.stored[REF]["data"] == was
    assert not zero_scale.give_back(HANDLE)


def test_the_webhook_is_waited_for(cluster: Cluster) -> None:
    """It reads the ConfigMap a moment later; the trial is never stored."""
    cluster.lags = 2
    zero_scale.switch_on(HANDLE, run_id="r1", within_s=60)
    assert cluster.applied == [SERVICE]
    assert SERVICE not in cluster.stored


def test_a_webhook_that_does_not_read_it_is_told(cluster: Cluster) -> None:
    """With its words."""
    cluster.lags = 1000
    with pytest.raises(WaitTimeout, match="not allowed by cluster"):
        zero_scale.switch_on(HANDLE, run_id="r1", within_s=0.2)


def test_a_refusal_of_another_kind_is_final(cluster: Cluster) -> None:
    """It would not pass by waiting."""

    def forbid(_ref: Ref) -> None:
        raise ApiRefused("PATCH", status=403, said="forbidden")

    cluster._refuse = forbid
    with pytest.raises(InstallError, match="initial scale of 0 is refused"):
        zero_scale.switch_on(HANDLE, run_id="r1", within_s=60)
