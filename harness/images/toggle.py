"""The image of the app under test, from its directory in the checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import ImageError
from harness.images.bench import APPS, Bench
from harness.images.jobs import Job, undisturbed
from harness.images.keys import digest, key
from harness.images.versions import CHECKOUT

CONTEXT = CHECKOUT / "testapps" / "toggle"


def toggle_job(bench: Bench, base: Job | str) -> Job:
    """The toggle app on `base`: the small Debian base made here, or the reference of an image with Python that can be pulled."""
    recipe = CONTEXT / "Containerfile"
    if not recipe.is_file():
        raise ImageError("The toggle app is not there.", where=str(recipe), fix="Run from a checkout of the repository.")
    under = base if isinstance(base, str) else base.makes

    def make(image: str, labels: Mapping[str, str], _scratch: Path, log: Path) -> None:
        with undisturbed():
            bench.engine.build(CONTEXT, containerfile=recipe, tag=image, args={"BASE": under}, labels=labels, log=log)

    needs = () if isinstance(base, str) else (base,)
    return bench.image_job(f"{APPS}toggle:1", key(digest(CONTEXT), under), make, title="image toggle", weight_s=3, needs=needs)
