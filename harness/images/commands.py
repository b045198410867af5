"""Images of one command each: static Go on nothing, others on the small Debian base; and the pause image."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from harness.errors import ImageError
from harness.images.bench import OURS, Bench, put
from harness.images.jobs import Job, undisturbed
from harness.images.keys import digest, key
from harness.images.recipes import filled
from harness.images.versions import RECIPES

NOBODY = "65532:65532"
"""Knative's pods set runAsNonRoot: their images must name a user that is not root."""

ROOT = "0:0"
"""For what runs on the node's own network and files: Kubernetes' components."""

RECIPE = "command.Containerfile"


def command_job(bench: Bench, name: str, binaries: Job, command: str, *, user: str = NOBODY, base: Job | None = None) -> Job:
    """An image that runs `command` of the directory `binaries` makes. name: with prefix and version. base: None is from scratch."""
    made_from = key(digest(RECIPES / RECIPE), binaries.makes.rsplit("-", 1)[-1], command, user, base.makes if base else "scratch")

    def make(image: str, labels: Mapping[str, str], context: Path, log: Path) -> None:
        source = Path(binaries.makes) / command
        if not source.is_file():
            raise ImageError(
                f"{binaries.title} made no command {command}.", where=binaries.makes, fix="knative-chaos cache prune --all"
            )
        put(source, context / command)
        recipe = context / "Containerfile"
        recipe.write_text(filled(RECIPE, {"COMMAND": command}), encoding="utf-8")
        args = {"BASE": base.makes if base else "scratch", "USER": user}
        with undisturbed():
            bench.engine.build(context, containerfile=recipe, tag=image, args=args, labels=labels, log=log)

    needs = (binaries, base) if base else (binaries,)
    return bench.image_job(name, made_from, make, title=f"image {command}", weight_s=2, needs=needs)


def pause_job(bench: Bench, base: Job) -> Job:
    """The image whose process holds a pod's namespaces."""
    recipe = RECIPES / "pause.Containerfile"

    def make(image: str, labels: Mapping[str, str], context: Path, log: Path) -> None:
        shutil.copy(recipe, context / "Containerfile")
        with undisturbed():
            bench.engine.build(
                context, containerfile=context / "Containerfile", tag=image, args={"BASE": base.makes}, labels=labels, log=log
            )

    name = f"{OURS}pause:{bench.versions.pause}"
    return bench.image_job(name, key(digest(recipe), base.makes), make, title="image pause", weight_s=2, needs=(base,))
