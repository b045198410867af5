"""The kind configuration: checked, filled in, and hashed without what differs from one making to the next."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from harness.adapters.files import State
from harness.adapters.limits import Cgroups
from harness.adapters.ports import LOOPBACK
from harness.adapters.wait import Look, wait_for
from harness.cluster import config
from harness.cluster.config import PORTS_VARIABLE
from harness.cluster.kind import require_ports
from harness.errors import BadInput, HostError
from harness.model import HostPorts

PORTS = HostPorts(ingress=1001, direct=1002, control=1003, api=1004)


def test_the_file_of_the_checkout_listens_on_loopback_only_and_leaves_ports_open() -> None:
    """As it lies there it is valid for kind: every hostPort is 0, a free one."""
    read = config.read(config.default_path())
    assert read["apiVersion"] == "kind.x-k8s.io/v1alpha4"
    mappings = read["nodes"][0]["extraPortMappings"]
    assert [(entry["containerPort"], entry["hostPort"], entry["listenAddress"]) for entry in mappings] == [
        (port, 0, LOOPBACK) for port in (31080, 31081, 31082)
    ]


def test_rendering_fills_in_image_and_ports() -> None:
    """Each port goes to the mapping it is named for; the file read stays as it was."""
    read = config.read(config.default_path())
    out = yaml.safe_load(config.render(read, node_image="localhost/node:1", ports=PORTS, cgroups=Cgroups.V2))
    assert out["networking"] == {"apiServerAddress": LOOPBACK, "apiServerPort": 1004}
    assert out["nodes"][0]["image"] == "localhost/node:1"
    assert [entry["hostPort"] for entry in out["nodes"][0]["extraPortMappings"]] == [1001, 1002, 1003]
    assert "kubeadmConfigPatches" not in out
    assert read == config.read(config.default_path())


def test_a_host_without_cgroups_v2_alone_tells_the_kubelet() -> None:
    """Newer kubelets refuse such hosts unless told."""
    text = config.render(config.read(config.default_path()), node_image="", ports=None, cgroups=Cgroups.HYBRID)
    assert "failCgroupV1: false" in yaml.safe_load(text)["kubeadmConfigPatches"][0]


def test_the_recipe_changes_with_each_ingredient() -> None:
    """Configuration, node image and kind each make another cluster; nothing else does."""
    one = config.recipe("config", "sha256:1", "kind v0.33.0")
    assert one == config.recipe("config", "sha256:1", "kind v0.33.0")
    others = {
        config.recipe("other", "sha256:1", "kind v0.33.0"),
        config.recipe("config", "sha256:2", "kind v0.33.0"),
        config.recipe("config", "sha256:1", "kind v0.34.0"),
    }
    assert len(others | {one}) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", r"is not YAML: .* in mine\.yaml, line 1"),
        ("- 1", "is not a kind configuration"),
        ("kind: Cluster\nnodes: [{role: control-plane}]", "maps no host port to 31080, 31081, 31082"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_bad_input(tmp_path: Path, text: str, said: str) -> None:
    """Each with the file's name and what it lacks."""
    place = tmp_path / "mine.yaml"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=rf"mine\.yaml {said}"):
        config.read(place)


def test_a_configuration_open_to_the_world_is_refused(tmp_path: Path) -> None:
    """A mapping without listenAddress listens everywhere, which is what kind does then."""
    read = config.read(config.default_path())
    del read["nodes"][0]["extraPortMappings"][1]["listenAddress"]
    place = tmp_path / "open.yaml"
    place.write_text(yaml.safe_dump(read), encoding="utf-8")
    with pytest.raises(BadInput, match=r"listens on 0\.0\.0\.0"):
        config.read(place)


def test_a_missing_configuration_is_bad_input(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(BadInput, match=r"none\.yaml cannot be read"):
        config.read(tmp_path / "none.yaml")


def test_ports_may_be_wished_for() -> None:
    """By the names of HostPorts; none is the usual case."""
    assert config.wished_ports("") == {}
    assert config.wished_ports("ingress=8080, api=6443") == {"ingress": 8080, "api": 6443}


@pytest.mark.parametrize("text", ["ingress", "ingress=x", "web=80", "ingress=0", "ingress=70000", "ingress=80,api=80"])
def test_a_wish_that_is_none_is_bad_input(text: str) -> None:
    """With an example of one."""
    with pytest.raises(BadInput):
        config.wished_ports(text)


def test_the_rest_of_the_ports_are_found() -> None:
    """Wished ones are kept, all four differ."""

    def look() -> Look[bool]:
        ports = config.choose_ports({})
        again = config.choose_ports({"ingress": ports.ingress})
        assert again.ingress == ports.ingress
        assert len({again.ingress, again.direct, again.control, again.api}) == 4
        return Look(value=True, seen="four ports")

    assert wait_for("a port nobody was faster to take", look, within_s=20, tolerate=(HostError,))


def test_a_wished_port_that_is_taken_is_the_hosts_lack() -> None:
    """It is never replaced silently."""
    with socket.create_server((LOOPBACK, 0)) as door, pytest.raises(HostError, match="asked for as the direct port, is taken"):
        config.choose_ports({"direct": door.getsockname()[1]})


def test_ports_wished_for_are_looked_at_before_anything_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip or a taken port must not cost a cold build; and looking leaves nothing behind."""
    state = State(tmp_path / "state")
    monkeypatch.setenv(PORTS_VARIABLE, "ingress=22x")
    with pytest.raises(BadInput, match="22x"):
        require_ports("new", state)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv(PORTS_VARIABLE, f"ingress={taken.getsockname()[1]}")
        with pytest.raises(HostError, match="ingress port, is taken"):
            require_ports("new", state)
        monkeypatch.setenv(PORTS_VARIABLE, "")
    require_ports("new", state)
    assert not (tmp_path / "state").exists()
