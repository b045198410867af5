"""The node's files: kind's from its module, ours from the recipes, with the modes they have in the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BadInput, ImageError
from harness.images.bench import Bench
from harness.images.node import ON_THE_NODE, kubernetes_version, lay_out

from .conftest import Workshop


@pytest.fixture
def kind(tmp_path: Path) -> Path:
    """A module of kind with three of its files, read-only as Go unpacks it."""
    files = tmp_path / "kind" / "images" / "base" / "files"
    for name in ("usr/local/bin/entrypoint", "kind/bin/mount.sh", "etc/containerd/config.toml"):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(name, encoding="utf-8")
        (files / name).chmod(0o444)
    return tmp_path / "kind"


@pytest.fixture
def binaries(tmp_path: Path) -> Path:
    """Kubernetes' commands."""
    place = tmp_path / "binaries"
    place.mkdir()
    for name in ON_THE_NODE:
        (place / name).touch(mode=0o755)
    return place


def test_scripts_can_be_run_and_other_files_cannot(kind: Path, binaries: Path, tmp_path: Path) -> None:
    """The module cache keeps no modes: they come from where a file lies."""
    context = tmp_path / "context"
    lay_out(kind, binaries, "v1.34.4", context)
    modes = {
        path.relative_to(context).as_posix(): path.stat().st_mode & 0o777
        for path in context.rglob("*")
        if path.is_file() and "node-files" not in path.parts
    }
    assert modes == {
        "kind-files/usr/local/bin/entrypoint": 0o755,
        "kind-files/kind/bin/mount.sh": 0o755,
        "kind-files/etc/containerd/config.toml": 0o644,
        **{f"bin/{name}": 0o755 for name in ON_THE_NODE},
    }
    assert (context / "node-files/kind/version").read_text(encoding="utf-8") == "v1.34.4\n"
    assert (context / "node-files/etc/cni/net.d/10-ptp.conflist").is_file()


def test_a_kind_that_keeps_its_files_elsewhere_is_an_error(binaries: Path, tmp_path: Path) -> None:
    """Not an image that boots into nothing."""
    with pytest.raises(ImageError, match="no node files"):
        lay_out(tmp_path, binaries, "v1.34.4", tmp_path / "context")


@pytest.mark.parametrize("asked", ["", "1.34.4", "v1.34.4"])
def test_the_version_is_written_as_go_writes_it(workshop: Workshop, asked: str) -> None:
    """Whoever asks may leave out the v, or the version."""
    bench = Bench(engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert kubernetes_version(bench, asked) == "v1.34.4"


def test_another_patch_of_the_minor_is_taken(workshop: Workshop) -> None:
    """The images it wants are checked against kubeadm's own list before they are put in."""
    bench = Bench(engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert kubernetes_version(bench, "v1.34.9") == "v1.34.9"
    with pytest.raises(BadInput):
        kubernetes_version(bench, "v1.3")
