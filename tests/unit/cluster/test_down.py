"""Taking away: all of ours, nothing of others, as often as one likes."""

from __future__ import annotations

import pytest

from harness.adapters.engine import Container
from harness.adapters.files import State
from harness.cluster import strays
from harness.cluster.down import KEPT, down
from harness.cluster.remains import orphaned_volumes
from harness.errors import BadInput
from tests.unit.cluster.kit import FakeEngine


def full_house(engine: FakeEngine, state: State) -> None:
    """Two clusters of ours, a container and a network of ours, and the same of somebody else."""
    for name in ("knative-chaos-a", "knative-chaos-b", "theirs"):
        engine.add(name)
    engine.others = ["knative-chaos-bake-1", "web"]
    engine.nets = ["knative-chaos-net", "kind", "podman"]
    engine.volume_owners["orphan-volume-of-ours"] = "knative-chaos-old-control-plane"
    for name in ("a", "c"):
        (state.cluster(name) / "kubeconfig").touch()
    (state.cache / "kept").touch()


def test_everything_of_ours_goes_and_nothing_else(engine: FakeEngine, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers, volumes, network and files; caches stay, which is said."""
    full_house(engine, state)
    monkeypatch.setattr(FakeEngine, "remove_network", lambda self, name: self.nets.remove(name) or True)
    lines = down(engine=engine.real(), state=state, names=None)
    assert {cluster for cluster, _ in engine.nodes.values()} == {"theirs"}
    assert engine.others == ["web"] and engine.nets == ["kind", "podman"]
    assert set(engine.volume_owners.values()) == {"theirs-control-plane"}
    assert list((state.root / "clusters").iterdir()) == [] and (state.cache / "kept").exists()
    assert "container knative-chaos-a-control-plane" in lines and lines[-1] == KEPT


def test_a_second_time_there_is_nothing_to_say(engine: FakeEngine, state: State) -> None:
    """Down is idempotent."""
    engine.add("knative-chaos-a")
    engine.nets = ["knative-chaos-net"]
    assert len(down(engine=engine.real(), state=state, names=None)) == 4
    assert down(engine=engine.real(), state=state, names=None) == (KEPT,)


def test_a_named_cluster_goes_alone(engine: FakeEngine, state: State) -> None:
    """The others keep their nodes, files and the network they share with it."""
    full_house(engine, state)
    down(engine=engine.real(), state=state, names=["a"])
    assert {cluster for cluster, _ in engine.nodes.values()} == {"knative-chaos-b", "theirs"}
    assert [entry.name for entry in (state.root / "clusters").iterdir()] == ["c"]
    assert engine.nets == ["knative-chaos-net", "kind", "podman"] and "knative-chaos-bake-1" in engine.others


@pytest.mark.parametrize("names", [["a"], None], ids=["the cluster by its name", "every cluster"])
def test_a_prometheus_that_outlived_its_test_is_ended(
    engine: FakeEngine, state: State, monkeypatch: pytest.MonkeyPatch, names: list[str] | None
) -> None:
    """A killed `make monitoring` left it; it is known by the cluster's directory, in which its data lie."""
    full_house(engine, state)
    left = strays.Stray(7, ("prometheus", f"{strays.PROMETHEUS_DATA}{state.root / 'clusters' / 'a'}/monitoring/data"), {})
    monkeypatch.setattr(strays, "find", lambda matches: (left,) if matches(left) else ())
    monkeypatch.setattr(strays, "end", lambda found: tuple(each.pid for each in found))
    monkeypatch.setattr(FakeEngine, "remove_network", lambda self, name: self.nets.remove(name) or True)
    assert "process 7 (Prometheus)" in down(engine=engine.real(), state=state, names=names)


def test_the_volume_of_a_node_that_is_gone_goes_too(engine: FakeEngine, state: State) -> None:
    """It is found by its own label."""
    engine.volume_owners["orphan-volume"] = "knative-chaos-a-control-plane"
    down(engine=engine.real(), state=state, names=["a"])
    assert engine.volume_owners == {}


def test_the_volume_of_a_cluster_that_somebody_makes_meanwhile_stays(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its container comes between the two lists, or is still to come. Seen with two `up` side by side on a busy machine."""
    engine.volume_owners["orphan"] = "knative-chaos-old-control-plane"
    listed = engine.containers

    def then_one_is_made(*asked: str, **more: str) -> list[Container]:
        rows = list(listed(*asked, **more))
        engine.add("knative-chaos-new")
        return rows

    monkeypatch.setattr(engine, "containers", then_one_is_made)
    assert orphaned_volumes(engine.real()) == {"orphan": "knative-chaos-old"}
    monkeypatch.setattr(engine, "containers", listed)
    engine.volume_owners["made-first"] = "knative-chaos-next-control-plane"
    kind = strays.Stray(7, ("/opt/kind", "create", "cluster", "--name", "knative-chaos-next"), {})
    monkeypatch.setattr(strays, "find", lambda matches: (kind,) if matches(kind) else ())
    assert orphaned_volumes(engine.real()) == {"orphan": "knative-chaos-old"}


def test_a_name_that_is_none_is_bad_input(engine: FakeEngine, state: State) -> None:
    """And leads nowhere outside the state directory."""
    with pytest.raises(BadInput):
        down(engine=engine.real(), state=state, names=["../../etc"])
