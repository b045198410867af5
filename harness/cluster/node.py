"""The images inside a cluster's node: which are there, and loading those that are not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.process import run
from harness.adapters.progress import Progress
from harness.errors import ClusterError, ImageError, ToolFailed
from harness.model import ClusterHandle

CTR = ("ctr", "--namespace", "k8s.io")


def spellings(name: str) -> tuple[str, ...]:
    """Under which names an image may lie in a node: with or without what an engine or containerd puts in front."""
    first, _, rest = name.partition("/")
    if rest and (first == "localhost" or "." in first or ":" in first):
        return (name,)
    return (name, f"localhost/{name}", f"docker.io/{name}" if rest else f"docker.io/library/{name}")


def present(listing: str) -> dict[str, str]:
    """Image name to digest, from the table of `ctr images list`."""
    rows = [line.split() for line in listing.splitlines()[1:]]
    return {row[0]: next((cell for cell in row[1:] if cell.startswith("sha256:")), "") for row in rows if row}


def missing(names: Sequence[str], node: str, engine: Engine) -> tuple[str, ...]:
    """Those of names whose content the node does not hold under that name.

    Compared is the digest of the image's configuration, which is the engine's image id and survives the way through an archive.
    Raises ImageError when the engine does not have one of them.
    """
    there = present(engine.exec(node, [*CTR, "images", "list"]).stdout)
    lacking = []
    for name in dict.fromkeys(names):
        wanted = engine.image_id(name)
        if wanted is None:
            raise ImageError(f"The engine has no image {name} to load into {node}.", fix="make up")
        digests = [there[spelling] for spelling in spellings(name) if spelling in there]
        if not any(wanted in _identities(digest, node, engine) for digest in digests):
            lacking.append(name)
    return tuple(lacking)


def load_images(
    handle: ClusterHandle, names: Sequence[str], *, engine: Engine, kind: Path, state: State, progress: Progress
) -> tuple[str, ...]:
    """Load the images the node does not hold yet, all in one archive, and answer with their names.

    Raises ImageError when one is not in the engine or does not arrive, ClusterError for a handle without a node of ours.
    """
    if not names:
        return ()
    if not handle.node:
        raise ClusterError(
            f"Images cannot be loaded into the nodes of {handle.context}: they are not ours.",
            fix="Use --kn-source release, or let a kind cluster be made.",
        )
    lacking = missing(names, handle.node, engine)
    if not lacking:
        progress.say(f"Images: all {len(set(names))} are in the node already.")
        return ()
    archive = state.cluster(handle.name) / "load.tar"
    try:
        with progress.step(f"load {len(lacking)} of {len(set(names))} images into the node"):
            engine.save(lacking, archive)
            run(
                [str(kind), "load", "image-archive", str(archive), "--name", handle.context.removeprefix("kind-")],
                env={**engine.env, "KUBECONFIG": handle.kubeconfig},
                timeout_s=900,
                log=state.logs / f"kind-{handle.name}.log",
            )
    except ToolFailed as failure:
        raise ImageError(f"Images did not get into {handle.node}: {failure.what}", fix="make up", where=failure.where) from failure
    finally:
        archive.unlink(missing_ok=True)
    still = missing(lacking, handle.node, engine)
    if still:
        raise ImageError(
            f"Loaded, but not found in {handle.node}: {', '.join(still)}.",
            fix="knative-chaos down, then make up.",
            where=str(state.logs / f"kind-{handle.name}.log"),
        )
    return lacking


def _identities(digest: str, node: str, engine: Engine) -> set[str]:
    """Every digest by which an engine may know this image: its own, its configuration's, and those an index points to."""
    found = {digest}
    content = _content(digest, node, engine)
    found.update(part["digest"] for part in [content.get("config"), *content.get("manifests", [])] if part)
    for part in content.get("manifests", []):
        config = _content(part["digest"], node, engine).get("config")
        found.update({config["digest"]} if config else set())
    return found


def _content(digest: str, node: str, engine: Engine) -> dict[str, Any]:
    seen = engine.exec(node, [*CTR, "content", "get", digest], check=False)
    try:
        value = json.loads(seen.stdout) if seen.returncode == 0 else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
