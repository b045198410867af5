"""Images of the user's own: from the local engine or from an archive, under a name that a cluster takes without a registry."""

from __future__ import annotations

import json
import platform
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.adapters.engine import Engine
from harness.errors import BadInput, ImageError, ToolFailed
from harness.images.bench import APPS

_FRONT = ("docker.io/library/", "docker.io/", "localhost/")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MOST_BYTES = 8 << 20
"""Of a file of JSON in an archive; a layer is none."""


@dataclass(frozen=True, slots=True)
class OwnImage:
    """An image that the cluster must be given. written: its name in the manifest. source: an archive; None: the local engine has
    it under that name.
    """

    written: str
    source: Path | None = None


def own_images(written: Sequence[str], named: Sequence[str], archives: Sequence[Path]) -> tuple[OwnImage, ...]:
    """Which image of a manifest comes from where. Only reads the archives' indices.

    written: the images of the manifest, that of the container that gets the requests first. named: those that the local engine has.
    An archive stands for the image whose name it holds; one without such a name, for the image of the container that gets the
    requests. Raises BadInput.
    """
    found: dict[str, OwnImage] = {}
    for name in named:
        if (fits := _written(written, name)) is None:
            raise BadInput(
                f"The manifest has no image {name}; it has: {', '.join(written)}.", fix="Write the name as it is in the manifest."
            )
        found[fits] = OwnImage(fits)
    for archive in archives:
        fits = next((one for name in archived(archive) if (one := _written(written, name)) is not None), written[0])
        if fits in found:
            raise BadInput(f"The image {fits} of the manifest is given twice.", fix="Give it once.", where=str(archive))
        found[fits] = OwnImage(fits, archive)
    return tuple(found.values())


def bring(wanted: Sequence[OwnImage], engine: Engine) -> dict[str, str]:
    """Have these images in the engine under names that Knative does not look up in a registry; by their names in the manifest.

    The name holds the image's id, so that another build is another image to the cluster. Raises BadInput, ImageError.
    """
    return {one.written: _brought(one, engine) for one in wanted}


def _brought(image: OwnImage, engine: Engine) -> str:
    here = image.written
    if image.source is not None:
        try:
            loaded = engine.load(image.source)
        except ToolFailed as failure:
            raise ImageError(f"{engine.name} cannot load {image.source}: {failure.what}", where=str(image.source)) from failure
        here = next((name for name in loaded if plain(name) == plain(image.written)), loaded[0] if loaded else "")
    ident = engine.image_id(here) if here else None
    if ident is None:
        raise BadInput(
            f"{engine.name} has no image {here or image.written}.",
            fix=f"{engine.name} build --tag {image.written} DIR, or give an archive with --image-archive.",
        )
    last = re.sub(r"[^a-z0-9._-]", "-", plain(image.written).rsplit("/", 1)[-1].rpartition(":")[0].lower()).strip("-._")
    name = f"{APPS}own-{last or 'app'}:{ident.removeprefix('sha256:')[:12]}"
    engine.tag(here, name)
    return name


def plain(name: str) -> str:
    """A name without what an engine puts in front, and with its tag."""
    for front in _FRONT:
        name = name.removeprefix(front)
    return name if "@" in name or ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def _written(written: Sequence[str], name: str) -> str | None:
    return next((one for one in written if plain(one) == plain(name)), None)


def archived(archive: Path) -> tuple[str, ...]:
    """The names of the image in a docker or OCI archive; () for one without a name.

    Raises BadInput for what is no such archive, for several images, and for one that is built for another processor than this.
    """
    try:
        with tarfile.open(archive) as tar:
            files = {one.name.removeprefix("./"): one for one in tar if one.isfile() and one.size <= _MOST_BYTES}

            def read(name: str) -> Any:
                found = tar.extractfile(files[name])
                return json.loads(found.read()) if found is not None else None

            names, built_for = _of_docker(read) if "manifest.json" in files else _of_oci(read)
    except OSError as error:
        raise BadInput(f"{archive} cannot be read: {error}.", fix="Give the path of an archive.") from error
    except (tarfile.TarError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        what = f"{archive} is no docker or OCI image archive ({type(error).__name__}: {error})."
        raise BadInput(what, fix="Write one with `docker save` or `podman save`.") from error
    here = _ARCHITECTURES.get(platform.machine(), platform.machine())
    if built_for and built_for != here:
        raise BadInput(f"The image in {archive} is built for {built_for}, and this machine is {here}.", fix=f"Build it for {here}.")
    return names


def _of_docker(read: Any) -> tuple[tuple[str, ...], str]:
    images: list[Mapping[str, Any]] = read("manifest.json")
    (image,) = _one(images)
    return tuple(image.get("RepoTags") or ()), str(read(image["Config"]).get("architecture") or "")


def _of_oci(read: Any) -> tuple[tuple[str, ...], str]:
    (entry,) = _one(read("index.json")["manifests"])
    notes: Mapping[str, str] = entry.get("annotations") or {}
    names = [notes.get(key, "") for key in ("io.containerd.image.name", "org.opencontainers.image.ref.name")]
    inner = read(_blob(entry["digest"]))
    config = read(_blob(inner["config"]["digest"])) if "config" in inner else {}
    return tuple(name for name in names if "/" in name or ":" in name), str(config.get("architecture") or "")


def _one(images: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if len(images) != 1:
        raise ValueError(f"it holds {len(images)} images, and one is wanted")
    return images


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
