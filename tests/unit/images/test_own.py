"""Images of the user's own: found in the manifest, read from an archive, named for a cluster without a registry."""

from __future__ import annotations

import io
import json
import platform
import tarfile
from pathlib import Path
from typing import Any, cast

import pytest

from harness.adapters.engine import Engine
from harness.errors import BadInput
from harness.images.own import OwnImage, archived, bring, own_images

HERE = "amd64"


@pytest.fixture(autouse=True)
def _on_amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def archive(path: Path, **files: Any) -> Path:
    """An archive with these files of JSON; "__" in a name stands for "/", "_" for "."."""
    with tarfile.open(path, "w") as tar:
        for name, value in files.items():
            data = json.dumps(value).encode()
            info = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def docker(path: Path, *names: str, built_for: str = HERE, images: int = 1) -> Path:
    """As `docker save` writes it."""
    manifest = [{"Config": "c.json", "RepoTags": list(names), "Layers": []}] * images
    return archive(path, manifest_json=manifest, c_json={"architecture": built_for})


def oci(path: Path, name: str) -> Path:
    """As `podman save --format oci-archive` writes it."""
    entry = {"digest": "sha256:aa", "annotations": {"org.opencontainers.image.ref.name": name}}
    files = {
        "index_json": {"manifests": [entry]},
        "blobs__sha256__aa": {"config": {"digest": "sha256:bb"}},
        "blobs__sha256__bb": {"architecture": HERE},
    }
    return archive(path, **files)


def test_both_formats_are_read(tmp_path: Path) -> None:
    """With the names they hold, if any."""
    assert archived(docker(tmp_path / "d.tar", "localhost/shop:1")) == ("localhost/shop:1",)
    assert archived(docker(tmp_path / "n.tar")) == ()
    assert archived(oci(tmp_path / "o.tar", "docker.io/library/shop:1")) == ("docker.io/library/shop:1",)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    """Before anything is built, each in one line."""
    (tmp_path / "text").write_text("not a tar")
    for path, said in (
        (tmp_path / "absent.tar", "cannot be read"),
        (tmp_path / "text", "no docker or OCI image archive"),
        (archive(tmp_path / "other.tar", a_json=1), "no docker or OCI image archive"),
        (archive(tmp_path / "odd.tar", manifest_json=[7]), "no docker or OCI image archive"),
        (docker(tmp_path / "two.tar", images=2), "2 images"),
        (docker(tmp_path / "arm.tar", built_for="arm64"), "built for arm64, and this machine is amd64"),
    ):
        with pytest.raises(BadInput, match=said):
            archived(path)


def test_each_image_stands_for_the_one_of_the_manifest(tmp_path: Path) -> None:
    """However the engine or the archive spells it; an archive without a name is the served container's."""
    written = ("shop:1", "docker.io/acme/side")
    tar = docker(tmp_path / "d.tar", "localhost/shop:1")
    side = oci(tmp_path / "o.tar", "acme/side:latest")
    assert own_images(written, ["localhost/shop:1"], [side]) == (OwnImage("shop:1"), OwnImage("docker.io/acme/side", side))
    nameless = docker(tmp_path / "n.tar")
    assert own_images(written, [], [nameless]) == (OwnImage("shop:1", nameless),)
    with pytest.raises(BadInput, match=r"has no image cart:1; it has: shop:1, docker\.io/acme/side"):
        own_images(written, ["cart:1"], [])
    with pytest.raises(BadInput, match="given twice"):
        own_images(written, ["shop:1"], [tar])


class Images:
    """An engine that has these images: by name, their ids."""

    name = "podman"

    def __init__(self, there: dict[str, str]) -> None:
        self.there = there
        self.tagged: list[tuple[str, str]] = []

    def image_id(self, name: str) -> str | None:
        """As the engine knows it."""
        return self.there.get(name)

    def load(self, _archive: Path) -> tuple[str, ...]:
        """Everything was in it."""
        return tuple(self.there)

    def tag(self, image: str, name: str) -> None:
        """Remember it."""
        self.tagged.append((image, name))


def brought(wanted: OwnImage, images: Images) -> dict[str, str]:
    """By this engine."""
    return bring([wanted], cast("Engine", images))


def test_an_image_gets_a_name_that_changes_with_its_content(tmp_path: Path) -> None:
    """Knative asks no registry for names below dev.local, and the node keeps what it has under a name."""
    engine = Images({"shop:1": "sha256:0123456789abcdef"})
    named = "dev.local/knative-chaos/own-shop:0123456789ab"
    assert brought(OwnImage("shop:1"), engine) == {"shop:1": named}
    assert engine.tagged == [("shop:1", named)]
    loaded = Images({"other:2": "sha256:ff", "localhost/cart:1": "sha256:ee"})
    assert brought(OwnImage("cart:1", tmp_path / "x.tar"), loaded) == {"cart:1": "dev.local/knative-chaos/own-cart:ee"}
    assert brought(OwnImage("Cart", tmp_path / "x.tar"), loaded) == {"Cart": "dev.local/knative-chaos/own-cart:ff"}


def test_an_image_that_the_engine_does_not_have_is_refused() -> None:
    """With the command that makes one."""
    with pytest.raises(BadInput, match=r"podman has no image shop:1") as caught:
        brought(OwnImage("shop:1"), Images({}))
    assert "build --tag shop:1" in caught.value.fix
