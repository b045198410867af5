"""Filling in a recipe: `@NAME@` in its text is replaced; one left over, or never asked for, is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.errors import ImageError
from harness.images.versions import RECIPES

SPOT = re.compile(r"@([A-Z]+)@")


def filled(name: str, values: Mapping[str, str], root: Path = RECIPES) -> str:
    """The text of recipe `name` with its spots filled. Raises ImageError unless spots and values are the same set."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    spots = set(SPOT.findall(text))
    if spots != set(values):
        raise ImageError(
            f"The recipe {name} has the spots {sorted(spots)} and is given {sorted(values)}.",
            where=str(path),
            fix="Restore the file from version control.",
        )
    return SPOT.sub(lambda spot: values[spot[1]], text)


def packages(name: str, root: Path = RECIPES) -> tuple[str, ...]:
    """The lines of a package list, without comments and empty lines."""
    lines = (line.split("#", maxsplit=1)[0].strip() for line in (root / "debian" / name).read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line)
