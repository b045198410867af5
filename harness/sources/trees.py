"""Go sources in a directory of the user's: a checkout of Serving or a queue-proxy, of which commit, based on which release."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from harness.adapters.git import Commit, commit_of
from harness.adapters.gomod import GO_MOD, GoModule, is_directory, module_above, read_module
from harness.errors import BadInput
from harness.model import KnativeVersion, SourceTree
from harness.sources.module import SERVING
from harness.sources.origins import NETWORKING, NETWORKING_OF

TAGS = ("knative-v[0-9]*", "v0.[0-9]*")
"""Serving tags a release twice: for people and for its Go module."""

FARTHEST = 200
"""Commits after a release's tag. Serving makes about so many between two minor releases; past them the tag says nothing of the
behaviour that the scenarios expect."""

MAIN = re.compile(r"^package main\b", re.MULTILINE)


def checkout(directory: Path) -> tuple[SourceTree, KnativeVersion | None]:
    """A checkout of Serving, and the release that it is based on; None where neither its git nor its go.mod says which.

    Raises BadInput for a directory that is none.
    """
    root = _directory(directory)
    if not (root / GO_MOD).is_file():
        raise BadInput(
            f"{directory} is not a checkout of Knative Serving: it has no go.mod.",
            fix=f"Name the directory with {SERVING}'s go.mod.",
        )
    module = read_module(root)
    if module.path != SERVING:
        raise BadInput(
            f"{directory} is not a checkout of Knative Serving: its go.mod is that of the module {module.path}.",
            fix=f"Name a directory whose go.mod says `module {SERVING}`.",
        )
    for part in ("config/core", "cmd/queue"):
        if not (root / part).is_dir():
            raise BadInput(f"The checkout {directory} is not whole: it has no {part}.", fix="git checkout -- . in it")
    commit = commit_of(root, tracked=GO_MOD, tags=TAGS)
    return _tree(module, commit, root), _base(module, commit)


def queue_proxy(directory: Path) -> tuple[SourceTree, str]:
    """A queue-proxy of the user's own, and the version of Serving that it requires, such as "v0.50.0".

    directory: of a Go package main; or a checkout of Serving, whose cmd/queue is meant. The version is "" where that checkout does
    not say its release, or where a directory stands for Serving. Raises BadInput for a directory that is neither.
    """
    place = _directory(directory)
    module = module_above(place)
    if module is None:
        raise BadInput(
            f"{directory} is not a queue-proxy: there is no go.mod in it or above it.",
            fix=f"Make it a Go module that requires {SERVING}.",
        )
    root = module.root
    commit = commit_of(root, tracked=GO_MOD, tags=TAGS)
    if module.path == SERVING:
        base = _base(module, commit)
        package = root / "cmd" / "queue" if place == root else place
        required = base.module if base else ""
    elif SERVING not in module.required:
        raise BadInput(
            f"{directory} is not a queue-proxy: its module {module.path} does not require {SERVING}.",
            fix=f"Build it on {SERVING}/pkg/queue/sharedmain.",
        )
    else:
        package = place
        required = "" if is_directory(module.replaced.get(SERVING, "")) else module.required[SERVING]
    if not any(MAIN.search(_text(path)) for path in package.glob("*.go") if not path.name.endswith("_test.go")):
        raise BadInput(
            f"{directory} is not a queue-proxy: {package.name} has no package main.", fix="Name the directory of its main.go."
        )
    return replace(_tree(module, commit, package), name=place.name), required


def _tree(module: GoModule, commit: Commit | None, package: Path) -> SourceTree:
    return SourceTree(
        digest=module.digest(),
        package="" if package == module.root else package.relative_to(module.root).as_posix(),
        commit=commit.id if commit else "",
        changed=commit.changed if commit else False,
        directory=str(package),
        name=module.root.name,
    )


def _base(module: GoModule, commit: Commit | None) -> KnativeVersion | None:
    """From the nearest tag of a release, else from the version of `networking` that each release pins."""
    if commit is not None and commit.tag and commit.since <= FARTHEST:
        try:
            return KnativeVersion.parse(commit.tag)
        except ValueError:
            pass
    pinned = NETWORKING_OF.get(module.required.get(NETWORKING, "").rpartition("-")[2])
    return None if pinned is None else KnativeVersion.parse(pinned)


def _directory(directory: Path) -> Path:
    place = directory.expanduser()
    if not place.is_dir():
        what = "is not a directory" if place.exists() else "does not exist"
        raise BadInput(f"{directory} {what}.", fix="Name a directory of this machine: path:DIR.")
    return place.resolve()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
