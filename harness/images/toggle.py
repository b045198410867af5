"""The image of the toggle app, and of any other directory of the checkout with a Containerfile."""

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
    return context_job(bench, CONTEXT, f"{APPS}toggle:1", base)


def context_job(bench: Bench, context: Path, name: str, base: Job | str) -> Job:
    """The image of a directory with a Containerfile that takes BASE. name: with prefix and tag."""
    recipe = context / "Containerfile"
    if not recipe.is_file():
        raise ImageError(f"{context.name} is not there.", where=str(recipe), fix="Run from a checkout of the repository.")
    under = base if isinstance(base, str) else base.makes

    def make(image: str, labels: Mapping[str, str], _scratch: Path, log: Path) -> None:
        with undisturbed():
            bench.engine.build(context, containerfile=recipe, tag=image, args={"BASE": under}, labels=labels, log=log)

    needs = () if isinstance(base, str) else (base,)
    title = f"image {name.rsplit('/', 1)[-1].partition(':')[0]}"
    return bench.image_job(name, key(digest(context), under), make, title=title, weight_s=3, needs=needs)
