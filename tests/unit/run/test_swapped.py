"""A run on a queue-proxy of the user's own: set for the run, recorded, and set back whatever ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness import deploy, install
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.progress import QUIET
from harness.catalogue import S1
from harness.errors import DeployError, Interrupted
from harness.history import read_meta
from harness.model import (
    Build,
    ClusterHandle,
    Deployed,
    Hop,
    HostPorts,
    InstalledStack,
    KnativeVersion,
    Pod,
    Provision,
    Route,
    RunMeta,
    SourceTree,
    Stack,
    SystemChange,
)
from harness.run import World, measure, set_queue_proxy

VERSION = KnativeVersion.parse("1.23")
STACK = Stack("1.23.0", "module", "v1.34.4", "net-kourier v0.48.0", "go1.25", (), ())
POD = Pod("pod", "uid", "10.0.0.1", "node", "boot")
USERS = Route("users", "127.0.0.1", 1, "host", (Hop.INGRESS, Hop.QUEUE_PROXY, Hop.USER_CONTAINER))
DEPLOYED = Deployed("knative-service", "ns", "toggle", "toggle-00001", (POD,), (USERS,))
IMAGE = "dev.local/knative-chaos/queue-proxy:v0.50.0-own-abc"
CHANGE = SystemChange("ConfigMap knative-serving/config-deployment", "queue-sidecar-image", "stock", IMAGE, "why")
CACHED = SystemChange("Image knative-serving/queue-proxy", "image", "stock", IMAGE, "why")
OWN = SourceTree("0123456789abcdef", commit="fedcba9876543210", changed=True, directory="/somewhere/holding", name="holding")


def world(tmp_path: Path, build: Build, *, image: str = IMAGE, said: str = "1.23.0 (module v0.50.0)") -> World:
    """Nothing is there but rooms of the test's own."""
    handle = ClusterHandle("c", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "", "", "", "v1.34.4", created=False)
    stack = InstalledStack("knative-serving", "kourier-system", "", "", {"knative": said}, (), STACK)
    engine = cast("Engine", SimpleNamespace(name="none", env={}))
    provision = Provision("module", VERSION, "", (), (), "toggle", {}, queue_proxy_image=image)
    return World(handle, stack, provision, engine, State(tmp_path / "state"), QUIET, build=build)


class Told(Exception):
    """What a room of the test's own raises."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the rooms were asked, in order; `open_routes` ends the run."""
    said: list[str] = []

    def stand_in(name: str, answer: object = None) -> Callable[..., object]:
        def called(*_args: object, **kwargs: object) -> object:
            said.append(f"{name} {kwargs['image']}" if "image" in kwargs else name)
            return answer

        return called

    def ends(*_args: object, **_kwargs: object) -> object:
        said.append("open_routes")
        raise DeployError("far enough")

    for name in ("sweep", "remove"):
        monkeypatch.setattr(deploy, name, stand_in(name))
    monkeypatch.setattr(deploy, "deploy", stand_in("deploy", DEPLOYED))
    monkeypatch.setattr(deploy, "fresh_pods", stand_in("fresh_pods", DEPLOYED))
    monkeypatch.setattr(deploy, "open_routes", ends)
    for module in (install.request_log, install.sidecar_probes, install.zero_scale):
        monkeypatch.setattr(module, "give_back", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(install.request_log, "settled", lambda *_args, **_kwargs: True)
    monkeypatch.setattr(install.queue_proxy, "switch_on", stand_in("switch_on", (CHANGE, CACHED)))
    monkeypatch.setattr(install.queue_proxy, "settled", stand_in("settled", answer=True))
    monkeypatch.setattr(install.queue_proxy, "give_back", stand_in("give_back", answer=False))
    return said


def recorded(tmp_path: Path) -> RunMeta:
    """The head of the only run."""
    (run,) = (tmp_path / "artifacts" / "S1").iterdir()
    return read_meta(run)


def test_the_swap_is_made_before_the_deployment_and_given_back_after_it(tmp_path: Path, calls: list[str]) -> None:
    """What a dead run left is given back first; each change is in the record, and makes the stack another."""
    with pytest.raises(DeployError, match="far enough"):
        measure(S1, world(tmp_path, Build(VERSION, queue_proxy=OWN)), artifacts=tmp_path / "artifacts")
    assert calls == ["sweep", "give_back", f"switch_on {IMAGE}", "deploy", "settled", "open_routes", "remove", "give_back"]
    meta = recorded(tmp_path)
    assert meta.changes == (CHANGE, CACHED)
    assert meta.stack == replace(STACK, changes=(CHANGE, CACHED))
    assert meta.versions["knative"] == (
        "1.23.0 (module v0.50.0), queue-proxy holding: commit fedcba987654 with changes, files 0123456789ab"
    )


def test_without_one_nothing_is_set(tmp_path: Path, calls: list[str]) -> None:
    """A run on the installed queue-proxy looks whether it is that one: a run before may have given it back a moment ago."""
    with pytest.raises(DeployError, match="far enough"):
        measure(S1, world(tmp_path, Build(VERSION), image=""), artifacts=tmp_path / "artifacts")
    assert calls == ["sweep", "give_back", "deploy", "settled", "open_routes", "remove"]
    assert recorded(tmp_path).versions["knative"] == "1.23.0 (module v0.50.0)"
    assert recorded(tmp_path).stack == STACK


def test_a_checkout_is_named_with_its_commit(tmp_path: Path, calls: list[str]) -> None:
    """The cluster's own text stays the same while the files change; the run's says which files."""
    where = world(tmp_path, Build(VERSION, replace(OWN, name="serving")), image="", said="1.23.0 (checkout)")
    with pytest.raises(DeployError, match="far enough"):
        measure(S1, where, artifacts=tmp_path / "artifacts")
    text = recorded(tmp_path).versions["knative"]
    assert text == "1.23.0 (checkout serving: commit fedcba987654 with changes, files 0123456789ab)"
    assert "/somewhere" not in str(recorded(tmp_path)), "a path of this machine is nobody's business"


@pytest.mark.parametrize("ends", [DeployError("no"), KeyboardInterrupt(), Told()], ids=["an error", "Ctrl-C", "a crash"])
@pytest.mark.parametrize("at", ["switch_on", "settled"])
def test_it_is_given_back_whatever_happens(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch, ends: BaseException, at: str
) -> None:
    """Also when it was set only in part."""

    def fail(*_args: object, **_kwargs: object) -> object:
        raise ends

    monkeypatch.setattr(install.queue_proxy, at, fail)
    with pytest.raises(type(ends) if not isinstance(ends, KeyboardInterrupt) else Interrupted):
        measure(S1, world(tmp_path, Build(VERSION, queue_proxy=OWN)), artifacts=tmp_path / "artifacts")
    assert calls[-1] == "give_back"
    assert calls.count("give_back") == 2


def test_a_pod_with_the_queue_proxy_of_before_is_replaced(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a cycle would measure the other arm."""
    monkeypatch.setattr(install.queue_proxy, "settled", lambda *_args, **_kwargs: False)
    with pytest.raises(DeployError, match="far enough"):
        measure(S1, world(tmp_path, Build(VERSION, queue_proxy=OWN)), artifacts=tmp_path / "artifacts")
    assert calls[calls.index("deploy") + 1] == "fresh_pods"


def test_up_leaves_it_in_the_cluster(tmp_path: Path, calls: list[str]) -> None:
    """For requests by hand."""
    set_queue_proxy(world(tmp_path, Build(VERSION, queue_proxy=OWN)))
    set_queue_proxy(world(tmp_path, Build(VERSION), image=""))
    assert calls == [f"switch_on {IMAGE}"]
