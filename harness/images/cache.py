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
from harness.adapters.progress import QUIET, Progress
from harness.errors import ToolFailed
from harness.images.bench import APPS, DONE, OURS, discard, sweep
from harness.images.keys import LABEL

USED = "used.json"
KINDS = ("go", "wheel", "toolchain")
DAY_NS = 86_400 * 1_000_000_000


class Kept(StrEnum):
    """Kinds of things kept. GO_CACHE: compiled packages and fetched modules, which every later build is quick by."""

    IMAGE = "image"
    BINARIES = "binaries"
    GO_CACHE = "go cache"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing kept. what: an image name or an absolute path. key: of what it was made from, "" for Go's caches.

    bytes: of an image as the engine says, layers shared with others included. last_used_ns: now, when nothing noted a use.
    """

    kind: Kept
    what: str
    key: str
    bytes: int
    last_used_ns: int


def entries(state: State, engine: Engine | None) -> tuple[Entry, ...]:
    """Everything kept, least recently used first. engine None leaves the images out."""
    used = read_used(state)
    now = time.time_ns()
    found = [
        Entry(Kept.IMAGE, image.name, image.name.rsplit("-", 1)[-1], image.size_bytes, used.get(image.name, now))
        for prefix in (OURS, APPS)
        for image in (engine.images(prefix) if engine else ())
    ]
    found += [
        Entry(Kept.BINARIES, str(place), place.name.rsplit("-", 1)[-1], _size(place), used.get(str(place), now))
        for place in _directories(state)
    ]
    go = [state.go / name for name in ("cache", "path")]
    latest = max(used.values(), default=now)
    found += [Entry(Kept.GO_CACHE, str(place), "", _size(place), latest) for place in go if place.is_dir()]
    return tuple(sorted(found, key=lambda entry: (entry.last_used_ns, entry.what)))


def prune(state: State, engine: Engine | None, *, older_than_days: float, progress: Progress = QUIET) -> tuple[str, ...]:
    """Remove what was not used for so long (0: all, Go's caches and the toolchain included); what was removed, for people.

    What a container uses is kept, and `progress` told so. Images of ours that lost their name go too.
    """
    kept = entries(state, engine)
    limit = time.time_ns() - int(older_than_days * DAY_NS)
    removed = []
    # The node before what it was made from: an engine does not remove an image that another stands on.
    for entry in sorted(kept, key=lambda each: ("debian-" in each.what, "node-bare" in each.what)):
        if older_than_days > 0 and entry.last_used_ns > limit:  # all is all, also after the clock was set back
            continue
        reason = _remove(entry, state, engine)
        if reason:
            progress.say(f"kept {entry.what}: {reason}")
        else:
            removed.append(entry)
    if engine is not None:
        engine.run("image", "prune", "--force", "--filter", f"label={LABEL}", timeout_s=300, check=False)
    sweep(state)
    gone = {entry.what for entry in removed}
    with locked(state.locks / "used.lock", within_s=30, holder="prune"):
        write_json(state.cache / USED, {what: at for what, at in read_used(state).items() if what not in gone})
    return tuple(f"{entry.what} ({entry.bytes / 1e6:.0f} MB)" for entry in removed)


def read_used(state: State) -> dict[str, int]:
    """When each product was last of use; empty when nothing noted it, or the note is broken."""
    try:
        read = json.loads((state.cache / USED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): int(at) for name, at in read.items()} if isinstance(read, dict) else {}


def _remove(entry: Entry, state: State, engine: Engine | None) -> str:
    """Why it could not be removed, "" if it is gone."""
    if entry.kind is Kept.IMAGE and engine is not None:
        try:
            engine.remove_image(entry.what)
        except ToolFailed as failure:
            return str(failure.tail.strip().splitlines()[-1] if failure.tail.strip() else failure)
        return ""
    try:
        discard(Path(entry.what), state)
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
