"""Which Knative a user asks for, as written: a version, a checkout of Serving, a queue-proxy of the user's own.

- 1.23
- path:../serving: a checkout; the release that it is based on is read from it
- path:../serving@1.23: a checkout whose release is named
- 1.23,queue-proxy=path:DIR: a version with another queue-proxy
- path:../serving,queue-proxy=path:DIR: a checkout with another queue-proxy
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import BadInput
from harness.model import Build, KnativeVersion, SourceTree
from harness.sources import trees
from harness.sources.module import SERVING
from harness.sources.origins import NETWORKING
from harness.sources.version import parsed

PATH = "path:"
SWAP = "queue-proxy="
FORMS = 'Write a version such as "1.23", "path:DIR" for a checkout of Serving, or either with ",queue-proxy=path:DIR" behind it.'


def asked(text: str, *, queue_proxy: str = "", pinned: str) -> Build:
    """The build that a user wrote; "" is the pinned version. queue_proxy: the value of an option of its own, "path:DIR" or "".

    Directories are read, relative to the current one. Raises BadInput for what cannot be used: another spelling, a directory that
    is not Serving, a queue-proxy for another minor release.
    """
    base, comma, swap = text.strip().partition(",")
    if comma and not swap.strip().startswith(SWAP):
        raise BadInput(f"{swap.strip()!r} is not known behind a version.", fix=FORMS)
    if comma and queue_proxy:
        raise BadInput("A queue-proxy is asked for twice.", fix="Name it behind the version, or by --queue-proxy.")
    asked_swap = swap.strip().removeprefix(SWAP) if comma else queue_proxy.strip()
    if (comma or queue_proxy) and not asked_swap.startswith(PATH):
        raise BadInput(f"{asked_swap!r} does not name a queue-proxy's directory.", fix="Write path:DIR.")
    build = _base(base.strip(), pinned)
    return Build(build.version, build.serving, _swap(asked_swap, build.version)) if asked_swap else build


def _base(text: str, pinned: str) -> Build:
    if not text.startswith(PATH):
        return Build(parsed(text or pinned))
    place, version = _with_version(_place(text))
    tree, found = trees.checkout(place)
    base = version or found
    if base is None:
        raise BadInput(
            f"Which release the checkout {place} is based on cannot be read from it: no tag of a release in its history, and its"
            f" go.mod requires a {NETWORKING} that no known release requires.",
            fix=f"Say it: path:{place}@1.23.",
        )
    return Build(base, tree)


def _with_version(place: str) -> tuple[Path, KnativeVersion | None]:
    """The directory, and the version behind its last @ if that is one: a directory's name may contain an @ as well."""
    before, at, after = place.rpartition("@")
    if at and before and not Path(place).expanduser().exists():
        return Path(before), parsed(after)
    return Path(place), None


def _swap(text: str, version: KnativeVersion) -> SourceTree:
    place = _place(text)
    tree, required = trees.queue_proxy(Path(place))
    if required and not required.startswith(f"v0.{version.module_minor}."):
        raise BadInput(
            f"The queue-proxy {place} is built on {SERVING} {required}, and Knative {version} is {version.module}.",
            fix=f"Require {SERVING} {version.module} in its go.mod, or ask for another version.",
        )
    return tree


def _place(text: str) -> str:
    place = text.removeprefix(PATH).strip()
    if not place:
        raise BadInput(f"{PATH} names no directory.", fix=FORMS)
    return place
