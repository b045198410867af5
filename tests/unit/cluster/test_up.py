"""When a cluster is used again and when it is made anew, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.cluster import kind
from harness.cluster.record import Record
from harness.errors import BadInput, ClusterError, HarnessError
from harness.model import ClusterHandle
from tests.unit.cluster.kit import FakeEngine, Said

FULL = "knative-chaos-a"
IMAGE = "localhost/kind-node:1"
PROGRAM = """#!/bin/sh
echo "$@" >> {calls}
if [ "$1" = create ] && [ -s {failures} ]; then
  head -n 1 {failures} >&2; sed -i 1d {failures}; exit 1
fi
[ "$1" = create ] && : > {kubeconfig}
[ "$1" = version ] && cat {version}
true
"""

Up = Callable[..., ClusterHandle]


class Kind:
    """A kind that writes down its calls, fails as often as it is told, and puts nodes on the fake engine."""

    def __init__(self, place: Path, state: State) -> None:
        place.mkdir()
        self.calls = place / "calls"
        self.failures = place / "failures"
        self.version = place / "version"
        self.calls.touch()
        self.failures.touch()
        self.version.write_text("kind v0.33.0\n", encoding="utf-8")
        self.program = place / "kind"
        kubeconfig = state.cluster("a") / "kubeconfig"
        text = PROGRAM.format(calls=self.calls, failures=self.failures, kubeconfig=kubeconfig, version=self.version)
        self.program.write_text(text, encoding="utf-8")
        self.program.chmod(0o755)

    def made(self) -> int:
        """How many creations were tried."""
        return sum(line.startswith("create") for line in self.calls.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def fake_kind(tmp_path: Path, state: State) -> Kind:
    """The program `up` is given."""
    return Kind(tmp_path / "kind", state)


@pytest.fixture
def up(engine: FakeEngine, state: State, said: Said, fake_kind: Kind, monkeypatch: pytest.MonkeyPatch) -> Up:
    """`kind.up` of cluster "a", on an engine on which a node appears with each creation."""
    monkeypatch.delenv("KNATIVE_CHAOS_PORTS", raising=False)
    engine.ids = {IMAGE: "sha256:1"}
    monkeypatch.setattr(kind._Job, "need_modules", lambda self: None)

    def ready(self: kind._Job, *, within_s: float) -> str:
        engine.nodes.setdefault(f"{FULL}-control-plane", (FULL, "running"))
        return "v1.34.4"

    monkeypatch.setattr(kind._Job, "wait_ready", ready)

    def call(name: str = "a", node_image: str = IMAGE, **more: object) -> ClusterHandle:
        return kind.up(
            name,
            node_image,
            (),
            engine=engine.real(),
            kind=fake_kind.program,
            state=state,
            progress=said.progress,
            **more,  # type: ignore[arg-type]  # what each test wants to differ
        )

    return call


def test_the_first_call_makes_and_the_second_uses_again(up: Up, said: Said, fake_kind: Kind) -> None:
    """The same handle but for `created`, and a line that says what was decided."""
    first = up()
    second = up()
    assert first.created and not second.created and second == replace(first, created=False)
    assert fake_kind.made() == 1
    assert f"Cluster {FULL}: there is none; it is made." in said.lines
    assert f"Cluster {FULL}: used again (node Ready, recipe " in said.text


def test_every_call_keeps_the_clusters_packets_inside(up: Up, engine: FakeEngine) -> None:
    """Also for a cluster used again: an older one was made without it."""
    up()
    up()
    assert [node for node, rules in engine.rules if "10.96.0.0/16 counter drop" in rules] == [f"{FULL}-control-plane"] * 2


def test_the_handle_says_where_everything_is(up: Up, state: State) -> None:
    """Context, kubeconfig and node are ours by name; ports are those of the configuration kind was given."""
    handle = up()
    assert (handle.context, handle.node) == (f"kind-{FULL}", f"{FULL}-control-plane")
    assert handle.kubeconfig == str(state.cluster("a") / "kubeconfig")
    given = (state.cluster("a") / "kind.yaml").read_text(encoding="utf-8")
    assert all(f": {port}" in given for port in (handle.ports.ingress, handle.ports.direct, handle.ports.control, handle.ports.api))


def test_kind_is_given_name_configuration_and_kubeconfig(up: Up, state: State, fake_kind: Kind) -> None:
    """Nothing is left to what is ambient, and kind may not clean up by itself: what it would remove could be a later one."""
    up()
    made = next(line for line in fake_kind.calls.read_text(encoding="utf-8").splitlines() if line.startswith("create"))
    assert f"--name {FULL} " in made and f"--kubeconfig {state.cluster('a') / 'kubeconfig'} " in made and "--retain" in made


def gone(engine: FakeEngine, state: State) -> None:
    """Somebody removed the container."""
    engine.nodes.clear()


def dead(engine: FakeEngine, state: State) -> None:
    """It ended, as it does with the session that started it."""
    engine.nodes[f"{FULL}-control-plane"] = (FULL, "exited")


def unfinished(engine: FakeEngine, state: State) -> None:
    """The harness was killed before it wrote the record."""
    (state.cluster("a") / "cluster.json").unlink()


def half_written(engine: FakeEngine, state: State) -> None:
    """What was kept cannot be read."""
    (state.cluster("a") / "cluster.json").write_text('{"recipe": "x", "ports"', encoding="utf-8")


def another_image(engine: FakeEngine, state: State) -> None:
    """The node image was built anew."""
    engine.ids[IMAGE] = "sha256:2"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (gone, "its container is gone"),
        (dead, "its container is exited"),
        (unfinished, "its making was not finished"),
        (half_written, "its making was not finished"),
        (another_image, "it is of another recipe"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_made_anew(
    up: Up,
    engine: FakeEngine,
    state: State,
    said: Said,
    fake_kind: Kind,
    what: Callable[[FakeEngine, State], None],
    reason: str,
) -> None:
    """Each with its own reason, after removing what is there."""
    up()
    what(engine, state)
    engine.volume_owners["old"] = f"{FULL}-control-plane"
    assert up().created
    assert fake_kind.made() == 2 and engine.volume_owners == {}
    assert f"Cluster {FULL}: {reason}" in said.text


def test_another_kind_makes_another_cluster(up: Up, fake_kind: Kind, said: Said) -> None:
    """The version of kind is part of the recipe."""
    up()
    fake_kind.version.write_text("kind v0.34.0\n", encoding="utf-8")
    assert up().created and "another recipe" in said.text


def test_a_silent_api_makes_a_new_cluster(up: Up, monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    """The node runs, but nobody answers."""
    up()
    answers = iter([ClusterError("connection refused")])
    ready = kind._Job.wait_ready

    def silent_once(self: kind._Job, *, within_s: float) -> str:
        for error in answers:
            raise error
        return ready(self, within_s=within_s)

    monkeypatch.setattr(kind._Job, "wait_ready", silent_once)
    assert up().created and "it does not answer (connection refused)" in said.text


def test_a_healthy_cluster_is_made_anew_when_asked(up: Up, said: Said) -> None:
    """`recreate` needs no other reason."""
    up()
    assert up(recreate=True).created and "asked for anew" in said.text


def test_a_port_lost_to_somebody_faster_is_replaced_once(up: Up, fake_kind: Kind, said: Said) -> None:
    """The second loss in a row is an error."""
    fake_kind.failures.write_text("listen tcp 127.0.0.1:1: bind: address already in use\n", encoding="utf-8")
    assert up().created and fake_kind.made() == 2 and "once more" in said.text
    fake_kind.failures.write_text("address already in use\n" * 2, encoding="utf-8")
    with pytest.raises(ClusterError, match="address already in use"):
        up(recreate=True)


def test_a_failed_creation_leaves_nothing(up: Up, engine: FakeEngine, fake_kind: Kind, state: State) -> None:
    """Neither node nor record; the error carries kind's last line and the log."""
    fake_kind.failures.write_text("could not find a line that matches\n", encoding="utf-8")
    with pytest.raises(ClusterError, match="could not find a line that matches") as failure:
        up()
    assert fake_kind.made() == 1 and failure.value.where.endswith("kind-a.log")
    assert engine.nodes == {} and Record.read(state.cluster("a")) is None


def test_a_wish_for_other_ports_makes_another_cluster(up: Up, said: Said) -> None:
    """A cluster cannot move to other ports; one that has them already is used."""
    first = up()
    assert not up(ports={"ingress": first.ports.ingress}).created
    other = first.ports.ingress + 1 if first.ports.ingress < 60_000 else first.ports.ingress - 1
    try:
        up(ports={"ingress": other})
    except HarnessError as taken:
        assert "is taken" in taken.what  # noqa: PT017 - somebody on this machine may listen there
    assert "it does not have the ingress port asked for" in said.text


def test_dead_clusters_of_other_names_are_swept(up: Up, engine: FakeEngine, said: Said) -> None:
    """A dead one of ours goes with its volume; a live one of ours and a dead one of somebody else stay."""
    engine.add("knative-chaos-dead", "exited")
    engine.add("knative-chaos-live")
    engine.add("theirs", "exited")
    engine.volume_owners["left-behind-volume"] = "knative-chaos-old-control-plane"
    up()
    assert {cluster for cluster, _ in engine.nodes.values()} == {FULL, "knative-chaos-live", "theirs"}
    assert set(engine.volume_owners.values()) == {"knative-chaos-live-control-plane", "theirs-control-plane"}
    assert "left over: container knative-chaos-dead-control-plane" in said.text


@pytest.mark.parametrize("name", ["", "A", "-a", "a_b", "a" * 31, "../x"])
def test_a_name_no_cluster_can_have_is_bad_input(up: Up, name: str) -> None:
    """Before anything is looked at."""
    with pytest.raises(BadInput, match="cannot name a cluster"):
        up(name=name)
