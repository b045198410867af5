"""Which versions of Serving have their programs built on this host."""

from __future__ import annotations

import json

from harness.adapters.files import State
from harness.images.bench import DONE


def built(state: State, module: str) -> dict[str, str]:
    """The versions of this Go module whose commands are in the cache, each with the toolchain that built them, "go1.26.8".

    A product whose note cannot be read is left out.
    """
    found: dict[str, str] = {}
    root = state.cache / "go"
    for note in sorted(root.glob(f"*/{DONE}")) if root.is_dir() else ():
        try:
            made = json.loads(note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if (
            isinstance(made, dict)
            and made.get("module") == module
            and any("cmd/queue" in one for one in made.get("packages") or ())
        ):
            found[str(made.get("version"))] = str(made.get("toolchain") or "")
    return found
