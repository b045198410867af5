"""A cluster's life on the real engine: made, used again, killed, made anew, taken away without a trace."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import images
from harness.adapters.engine import Container
from harness.adapters.files import State
from harness.adapters.kube import Kube
from harness.adapters.ports import is_free
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.cluster import kind
from harness.cluster.down import KEPT, down
from harness.cluster.record import full_name, node_name
from harness.cluster.strays import find, is_making
from harness.model import ClusterHandle
from harness.run import World

pytestmark = pytest.mark.cluster

MAKE = """
import sys
from pathlib import Path
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.progress import QUIET
from harness.cluster import kind
home, name, image, program, prefer = sys.argv[1:]
state = State(Path(home))
kind.up(name, image, (), engine=Engine.detect(state, prefer=prefer), kind=Path(program), state=state, progress=QUIET)
"""


@pytest.fixture
def name() -> str:
    """Of a cluster of this test's own."""
    return f"t-{secrets.token_hex(3)}"


@pytest.fixture
def own_state(tmp_path: Path) -> State:
    """A state directory of this test's own: that of the session stays as it is."""
    return State(tmp_path / "state")


@pytest.fixture
def program(world: World) -> Path:
    """The pinned kind."""
    return images.kind_binary(state=world.state, progress=QUIET)


@pytest.fixture
def said() -> list[str]:
    """What the people were told."""
    return []


@pytest.fixture
def up(world: World, own_state: State, name: str, program: Path, said: list[str]) -> Iterator[Callable[[], ClusterHandle]]:
    """`kind.up` of the test's cluster, with one image to load; whatever is left of it at the end is removed."""

    def call() -> ClusterHandle:
        return kind.up(
            name,
            world.handle.node_image,
            world.provision.images[-1:],
            engine=world.engine,
            kind=program,
            state=own_state,
            progress=Progress(said.append),
        )

    yield call
    down(engine=world.engine, state=own_state, names=[name])


def remains(world: World, state: State, name: str) -> list[str]:
    """Everything on this host that bears the cluster's name."""
    full = full_name(name)
    found = [f"container {each.name}" for each in world.engine.containers(full)]
    found += [f"volume {volume}" for volume, labels in world.engine.volume_labels().items() if full in labels]
    found += [f"process {each.pid}" for each in find(is_making(full))]
    found += [f"file {place}" for place in (state.root / "clusters").glob(f"{name}*")]
    return found


def test_a_cluster_is_made_used_again_made_anew_when_killed_and_taken_away(
    world: World, own_state: State, name: str, up: Callable[[], ClusterHandle], said: list[str]
) -> None:
    """Each step by what the host shows: nodes, ports, images, and in the end nothing."""
    first = up()
    assert first.created and Kube.of(first).server_version() == first.kubernetes_version
    assert not any(is_free(port) for port in (first.ports.ingress, first.ports.direct, first.ports.control, first.ports.api))

    said.clear()
    second = up()
    assert not second.created and second.ports == first.ports
    assert any("used again" in line for line in said) and not any(line.startswith("load ") for line in said)

    world.engine.run("kill", first.node)
    said.clear()
    third = up()
    assert third.created and Kube.of(third).server_version() == first.kubernetes_version
    assert any("its container is" in line for line in said)

    lines = down(engine=world.engine, state=own_state, names=[name])
    assert f"container {third.node}" in lines and remains(world, own_state, name) == []
    assert is_free(third.ports.ingress)
    assert down(engine=world.engine, state=own_state, names=[name]) == (KEPT,)


def test_a_making_that_was_killed_is_begun_again(
    world: World, own_state: State, name: str, program: Path, up: Callable[[], ClusterHandle], said: list[str]
) -> None:
    """SIGKILL between the node's start and the record: kind itself lives on, and must not come between."""
    argv = [sys.executable, "-c", MAKE, str(own_state.root), name, world.handle.node_image, str(program), world.engine.name]
    node = node_name(full_name(name))

    def look() -> Look[Container]:
        nodes = [each for each in world.engine.containers(node) if each.state == "running"]
        return Look(nodes[0] if nodes else None, f"{len(nodes)} running")

    with subprocess.Popen(argv, env=dict(os.environ)) as making:
        wait_for(f"the node {node}", look, within_s=120)
        making.send_signal(signal.SIGKILL)
    assert up().created
    assert any("its making was not finished" in line for line in said)
    down(engine=world.engine, state=own_state, names=[name])
    assert remains(world, own_state, name) == []
