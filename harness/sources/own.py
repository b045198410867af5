"""What a user's own sources come to: a Provision of a checkout of Serving, and a queue-proxy in addition to any Provision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.adapters.gomod import GoModule, is_directory, read_module
from harness.errors import BadInput
from harness.model import Build, KnativeVersion, Provision, Recipe, SourceTree, Wanted
from harness.sources.module import CACHING, NETWORKING, SERVING, Parts, assembled
from harness.sources.pins import QUEUE_PROXY_REF, Modules, Pins

SOURCE = "checkout"
CHECKOUT_MARK = f" ({SOURCE})"
"""At the end of the version's text of every checkout."""


def provide(version: KnativeVersion, tree: SourceTree, *, modules: Modules, pins: Pins) -> Provision:
    """A checkout of Serving: its own manifests, and its commands to be built. Raises SourceError, HostError.

    The text of the version stays the same while the checkout's files change: its cluster is installed again and not refused.
    """
    module = read_module(Path(tree.directory))
    parts = Parts(
        source=SOURCE,
        version=version,
        serving=module.root,
        networking=_beside(module, NETWORKING, modules),
        caching=_beside(module, CACHING, modules),
        said=f"{version}{CHECKOUT_MARK}",
        tree=tree,
    )
    return assembled(parts, modules=modules, pins=pins)


def _beside(module: GoModule, package: str, modules: Modules) -> Path:
    """The module with this package: as the checkout carries it, as a directory stands for it, or as its go.mod requires it."""
    path = "/".join(package.split("/")[:2])
    carried = module.root / "vendor" / path
    if (carried / "config").is_dir():
        return carried
    instead = module.replaced.get(path, "")
    if is_directory(instead):
        return module.root / instead
    return modules.required_dir(module.root, package)


def with_queue_proxy(provision: Provision, tree: SourceTree) -> Provision:
    """The same with one image more: the queue-proxy that a run sets in place of the installed one."""
    version = f"{provision.knative.module}-own"
    wanted = Wanted(QUEUE_PROXY_REF, Recipe.GO, version, SERVING, "", tree)
    return replace(provision, wanted=(*provision.wanted, wanted), queue_proxy_image=QUEUE_PROXY_REF)


def require_source(kind: str, build: Build) -> None:
    """Raises BadInput for a release that is asked for of a checkout."""
    if build.serving is not None and kind == "release":
        raise BadInput("A checkout of Serving is not a release.", fix="Leave --kn-source out, or use --kn-source module.")
