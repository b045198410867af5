"""The whole of it against a cluster in memory."""

from __future__ import annotations

import pytest

from harness.adapters.documents import Obj
from harness.adapters.ingress import Reply
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Ref
from harness.adapters.progress import QUIET
from harness.errors import ClusterError, InstallError
from harness.install import proof, record
from harness.install import stack as room
from harness.model import ClusterHandle, HostPorts, InstalledStack, Provision
from tests.unit.install.fake import FakeObjects
from tests.unit.install.manifests import provision

HANDLE = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "c-control-plane", "podman", "", "v1.34.4", created=True)
OK = Reply(200, {"x-toggle-pod": "proof-1", "x-toggle-boot": "b"}, "toggle")


class FakeKube:
    """Says its version."""

    def server_version(self) -> str:
        """As the API would."""
        return "v1.34.4"


class World:
    """A cluster, and what the ingress answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.objects = FakeObjects(after=self._settle)
        self.reply = OK
        self.hosts: list[str] = []
        monkeypatch.setattr(room, "Objects", lambda _kube: self.objects)
        monkeypatch.setattr(Kube, "of", lambda _handle, pool=1: FakeKube())
        monkeypatch.setattr(proof, "ask", self._ask)

    def _settle(self, ref: Ref, obj: Obj) -> None:
        if ref.name == proof.SERVICE:
            obj["status"] = {"url": "http://proof.x.example"}

    def _ask(self, _address: str, _port: int, host: str) -> Reply:
        self.hosts.append(host)
        return self.reply

    def install(self, given: Provision | None = None, proof_s: float = 5) -> InstalledStack:
        """Into this cluster."""
        return room.install(HANDLE, given or provision(), progress=QUIET, within_s=5, proof_s=proof_s)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty cluster."""
    return World(monkeypatch)


def test_a_bare_cluster_gets_knative_and_the_proof_is_a_request(world: World) -> None:
    """The proof's Service is gone afterwards; versions are read back."""
    stack = world.install()
    assert world.hosts == ["proof.x.example"]
    assert stack.proof == "GET http://proof.x.example/ through 127.0.0.1:1: HTTP 200 by pod proof-1"
    assert stack.versions["kubernetes"] == "v1.34.4"
    assert stack.versions["knative_label"] == "1.23.0"
    assert stack.versions["knative"] == "1.23.0 (module v0.50.0)"
    assert (stack.stack.knative, stack.stack.source, stack.stack.kubernetes) == ("1.23.0", "module", stack.versions["kubernetes"])
    assert stack.stack.images == ("dev.local/x:1",)
    assert stack.stack.changes == stack.changes
    assert stack.changes
    assert not [ref for ref in world.objects.stored if proof.NAMESPACE in {ref.name, ref.namespace}]


def test_a_second_time_only_the_proof_is_made(world: World) -> None:
    """Same content: nothing is applied again, the same changes are told, a request is served again."""
    first = world.install()
    world.objects.applied.clear()
    assert world.install() == first
    assert [ref.namespace or ref.name for ref in world.objects.applied] == [proof.NAMESPACE, proof.NAMESPACE]
    assert len(world.hosts) == 2


def test_other_images_of_the_same_version_are_applied_over(world: World) -> None:
    """A rebuilt image changes the content, not the version."""
    world.install()
    world.objects.applied.clear()
    world.install(provision(image="dev.local/x:2"))
    stored = world.objects.stored[Ref("apps/v1", "Deployment", "controller", "knative-serving")]
    assert stored["spec"]["template"]["spec"]["containers"][0]["image"] == "dev.local/x:2"


def test_another_version_is_refused_before_anything_is_touched(world: World) -> None:
    """A cluster never changes its version."""
    world.install()
    world.objects.applied.clear()
    with pytest.raises(ClusterError, match=r"has Knative 1\.23\.0 .*, and 1\.22\.0 .* was asked for") as caught:
        world.install(provision(knative="1.22.0 (module v0.49.0)"))
    assert "down" in caught.value.fix
    assert world.objects.applied == []


def test_a_cut_installation_is_finished(world: World) -> None:
    """The record says it was begun, so it is not taken for whole, nor for a stranger's."""

    def cut(ref: Ref) -> None:
        if ref.kind == "MutatingWebhookConfiguration":
            raise ApiRefused("PATCH", status=422, said="cut")

    world.objects._refuse = cut
    with pytest.raises(InstallError, match="cut"):
        world.install()
    world.objects._refuse = lambda _ref: None
    world.install()
    found = record.read(world.objects)
    assert found is not None
    assert found.complete
    assert found.changes


def test_a_strangers_knative_is_left_alone(world: World) -> None:
    """No record of ours beside it: nothing is applied."""
    ref = Ref("apps/v1", "Deployment", "controller", "knative-serving")
    world.objects.stored[ref] = {"metadata": {"name": "controller"}}
    with pytest.raises(ClusterError, match="did not install"):
        world.install()
    assert world.objects.applied == []


def test_a_spoilt_record_is_an_error_with_a_way_out(world: World) -> None:
    """It is neither believed nor overwritten."""
    world.install()
    world.objects.stored[record.REF]["data"]["changes"] = "{"
    with pytest.raises(ClusterError, match="cannot be read") as caught:
        world.install()
    assert caught.value.fix


@pytest.mark.parametrize("reply", [Reply(404, {}, ""), Reply(200, {}, "ingress page"), Reply(0, {}, "ConnectionRefusedError: x")])
def test_without_a_served_request_nothing_is_proved(world: World, reply: Reply) -> None:
    """Pods may be as ready as they like; the last answer is told, and the proof is removed."""
    world.reply = reply
    with pytest.raises(InstallError, match="serves no request") as caught:
        world.install(proof_s=0.2)
    assert (str(reply.status) if reply.status else reply.text) in caught.value.what
    assert not [ref for ref in world.objects.stored if proof.NAMESPACE in {ref.name, ref.namespace}]
    found = record.read(world.objects)
    assert found is not None
    assert not found.complete


def test_what_served_a_request_stays_whole_when_the_next_is_not_served(world: World) -> None:
    """Nothing was installed by the second call, so that the cluster need not go."""
    world.install()
    world.reply = Reply(404, {}, "")
    with pytest.raises(InstallError, match="serves no request"):
        world.install(proof_s=0.2)
    found = record.read(world.objects)
    assert found is not None
    assert found.complete


def test_a_proof_left_by_a_killed_run_is_cleared_first(world: World) -> None:
    """Its namespace would otherwise be found terminating."""
    left = Ref("v1", "Namespace", proof.NAMESPACE)
    world.objects.stored[left] = {"metadata": {"name": proof.NAMESPACE}}
    world.install()
    assert world.objects.deleted.count(left) == 2


def test_kinds_of_another_version_are_not_taken_for_this_one(world: World) -> None:
    """The label of Serving's kinds is what the cluster itself says."""
    given = provision(knative="1.22.0 (module v0.49.0)")
    with pytest.raises(InstallError, match=r"say version 1\.23\.0, applied was 1\.22\.0"):
        world.install(given)
