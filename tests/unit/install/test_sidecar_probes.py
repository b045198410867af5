"""Probes of sidecars are permitted for an examination, waited for where the version knows the switch, and given back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.adapters.objects import ApiRefused, Ref
from harness.install import permission, sidecar_probes
from harness.model import ClusterHandle, HostPorts
from tests.unit.install.fake import FakeObjects

pytestmark = pytest.mark.usefixtures("quick_looks")

HANDLE = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "", "podman", "", "v1.34.4", created=True)


class Cluster(FakeObjects):
    """The webhook accepts a sidecar's probe at the `reads`-th time of asking; 0: never."""

    def __init__(self, reads: int) -> None:
        super().__init__(refuse=self._webhook)
        self.reads, self.asked = reads, 0
        self.stored[sidecar_probes.PERMISSION.scoped.ref] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "config-features", "namespace": "knative-serving"},
            "data": {"_example": "..."},
        }

    def _webhook(self, ref: Ref) -> None:
        self.asked += 1
        if ref.kind == "Service" and not 0 < self.reads <= self.asked:
            raise ApiRefused("PATCH", status=400, said="must not set the field(s): readinessProbe")


@pytest.mark.parametrize("reads", [1, 4, 0])
def test_set_waited_for_and_given_back(reads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that never accepts it ends the wait without an error: that is what is examined."""
    cluster = Cluster(reads)
    monkeypatch.setattr(permission, "Objects", lambda _kube: cluster)
    monkeypatch.setattr(permission, "Kube", type("Kube", (), {"of": staticmethod(lambda _handle: None)}))
    quick = replace(sidecar_probes.PERMISSION, settles_s=0.2)
    (change,) = quick.switch_on(HANDLE, run_id="r1")
    assert (change.what, change.was, change.now) == ("multi-container-probing", None, "enabled")
    assert cluster.stored[sidecar_probes.PERMISSION.scoped.ref]["data"]["multi-container-probing"] == "enabled"
    assert cluster.asked >= max(reads, 1)
    assert sidecar_probes.give_back(HANDLE)
    assert cluster.stored[sidecar_probes.PERMISSION.scoped.ref]["data"] == {"_example": "..."}
    assert not sidecar_probes.give_back(HANDLE)
