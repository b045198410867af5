"""What the room keeps on this host, and how to be rid of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.adapters.engine import Engine
from harness.adapters.files import State, locked, write_json
from harness.errors import ToolFailed
from harness.images.bench import APPS, DONE, OURS, discard, sweep
from harness.images.keys import LABEL

USED = "used.json"
KINDS = ("go", "wheel", "toolchain")
DAY_NS = 86_400 * 1_000_000_000


class What(StrEnum):
    """Kinds of things kept. GO_CACHE: compiled packages and fetched modules, which every later build is quick by."""

    IMAGE = "image"
    BINARIES = "binaries"
    GO_CACHE = "go cache"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing kept. name: an image name or an absolute path. key: of what it was made from, "" for Go's caches.

    size_bytes: of an image as the engine says, layers shared with others included. used_ns: 0 when nothing noted a use.
    """

    what: What
    name: str
    key: str
    size_bytes: int
    used_ns: int


def entries(state: State, engine: Engine | None) -> tuple[Entry, ...]:
    """Everything kept, least recently used first. engine None leaves the images out."""
    used = read_used(state)
    found = [
        Entry(What.IMAGE, image.name, image.name.rsplit("-", 1)[-1], image.size_bytes, used.get(image.name, 0))
        for prefix in (OURS, APPS)
        for image in (engine.images(prefix) if engine else ())
    ]
    found += [
        Entry(What.BINARIES, str(place), place.name.rsplit("-", 1)[-1], _size(place), used.get(str(place), 0))
        for place in _directories(state)
    ]
    latest = max(used.values(), default=0)
    for name in ("cache", "path"):
        place = state.go / name
        if place.is_dir():
            found.append(Entry(What.GO_CACHE, str(place), "", _size(place), latest))
    return tuple(sorted(found, key=lambda entry: (entry.used_ns, entry.name)))


def prune(state: State, engine: Engine | None, *, older_than_days: float | None) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Remove what was not used for so long; None removes all, Go's caches and the toolchain included.

    Answers with what was removed, and in words what was kept because something uses it now. Images of ours without a name go too.
    """
    limit = None if older_than_days is None else time.time_ns() - int(older_than_days * DAY_NS)
    removed, kept = [], []
    chosen = [entry for entry in entries(state, engine) if limit is None or entry.used_ns < limit]
    # The node before what it was made from: an engine does not remove an image that another stands on.
    for entry in sorted(chosen, key=lambda each: ("debian-" in each.name, "node-bare" in each.name)):
        reason = _remove(entry, state, engine)
        if reason:
            kept.append(f"{entry.name}: {reason}")
        else:
            removed.append(entry)
    if engine is not None:
        engine.run("image", "prune", "--force", "--filter", f"label={LABEL}", timeout_s=300, check=False)
    sweep(state)
    gone = {entry.name for entry in removed}
    with locked(state.locks / "used.lock", within_s=30, holder="prune"):
        write_json(state.cache / USED, {name: at for name, at in read_used(state).items() if name not in gone})
    return tuple(removed), tuple(kept)


def read_used(state: State) -> dict[str, int]:
    """When each product was last of use; empty when nothing noted it, or the note is broken."""
    try:
        read = json.loads((state.cache / USED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): int(at) for name, at in read.items()} if isinstance(read, dict) else {}


def _remove(entry: Entry, state: State, engine: Engine | None) -> str:
    """Why it could not be removed, "" if it is gone."""
    if entry.what is What.IMAGE and engine is not None:
        try:
            engine.remove_image(entry.name)
        except ToolFailed as failure:
            return str(failure.tail.strip().splitlines()[-1] if failure.tail.strip() else failure)
        return ""
    try:
        discard(Path(entry.name), state)
    except OSError as failure:
        return str(failure)
    return ""


def _directories(state: State) -> Iterator[Path]:
    for kind in KINDS:
        root = state.cache / kind
        for place in sorted(root.iterdir()) if root.is_dir() else ():
            if place.is_dir() and (kind == "toolchain" or (place / DONE).is_file()):
                yield place


def _size(place: Path) -> int:
    """Bytes below a directory. Files that vanish meanwhile do not count."""
    total = 0
    for folder, _folders, files in os.walk(place):
        for name in files:
            try:
                total += os.lstat(Path(folder) / name).st_size
            except OSError:
                continue
    return total
