"""Keys: what a thing is made from, as a short hash. Equal inputs, equal key; so a name with its key says what is inside."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

LENGTH = 12
"""Hex digits: 48 bits, far more than the few dozen things one host ever keeps."""

LABEL = "knative-chaos.dev/key"
"""The label each image made here carries; its value is the key."""


def key(*inputs: object) -> str:
    """The key of these inputs, in this order. inputs: what JSON can say (text, numbers, tuples and dicts of them).

    Raises TypeError for anything else: a key of an object's address would never be the same twice.
    """
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def digest(path: Path) -> str:
    """Of one file's content and whether it may be run, or of a directory: the same over all its files, with their names.

    Empty directories, times and owners do not count, nor what Python leaves behind when the directory's files are run.
    """
    total = hashlib.sha256()
    files = (
        [path]
        if path.is_file()
        else sorted(each for each in path.rglob("*") if each.is_file() and not _leftover(each.relative_to(path)))
    )
    for each in files:
        name = "" if each == path else each.relative_to(path).as_posix()
        runs = "x" if each.stat().st_mode & 0o100 else "-"
        content = hashlib.sha256(each.read_bytes()).hexdigest()
        total.update(f"{name}\0{runs}\0{content}\n".encode())
    return total.hexdigest()


def _leftover(path: Path) -> bool:
    return "__pycache__" in path.parts or path.suffix == ".pyc" or any(part.endswith("_cache") for part in path.parts)
