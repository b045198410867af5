"""Which source a version comes from."""

from __future__ import annotations

from collections.abc import Callable

from harness.adapters.files import State
from harness.adapters.progress import QUIET, Progress
from harness.errors import BadInput
from harness.model import Build, KnativeVersion, Provision
from harness.sources import module, own, release
from harness.sources.fetch import Fetcher
from harness.sources.pins import Modules, Pins

KINDS = ("auto", "release", "module")

TRY_S = 4.0
"""How long `auto` tries the release's host: a registry that serves images in time answers an address well within it."""


def of_build(
    kind: str,
    asked: Build,
    *,
    state: State,
    modules: Callable[[], Modules],
    pins: Pins,
    release_url: str = release.DEFAULT_BASE,
    progress: Progress = QUIET,
) -> Provision:
    """What the build asked for consists of. A checkout is taken for Serving, and the rest as with the source "module".

    The parameters are those of `choose`, and so is what it raises.
    """
    require_source(kind, asked)
    if asked.serving is not None:
        with progress.step(f"get the manifests of {asked.installed}", work=None):
            provision = own.provide(asked.version, asked.serving, modules=modules(), pins=pins)
    else:
        provision = choose(kind, asked.version, state=state, modules=modules, pins=pins, release_url=release_url, progress=progress)
    return own.with_queue_proxy(provision, asked.queue_proxy) if asked.queue_proxy else provision


def require_source(kind: str, asked: Build) -> None:
    """Raises BadInput for no kind of source, and for a release that is asked for of a checkout."""
    if kind not in KINDS:
        raise BadInput(f"{kind!r} is not a source of Knative.", fix=f"--kn-source {'|'.join(KINDS)}")
    own.require_source(kind, asked)


def choose(
    kind: str,
    asked: KnativeVersion,
    *,
    state: State,
    modules: Callable[[], Modules],
    pins: Pins,
    release_url: str = release.DEFAULT_BASE,
    fetcher: Fetcher | None = None,
    progress: Progress = QUIET,
    try_s: float = TRY_S,
) -> Provision:
    """What the version asked for consists of, from the source asked for.

    kind: one of KINDS. "auto" tries the release's host for a few seconds and says what it chose and why.
    modules: gives the Go toolchain; called only when it is needed, for it may have to be installed.
    release_url: the base below which releases lie. Raises SourceError, HostError.
    """
    get = fetcher or Fetcher()
    if kind == "auto":
        kind = _auto(asked, release_url, get, progress, try_s)
    with progress.step(f"get the manifests of Knative {asked} ({kind})", work=None):
        if kind == "release":
            return release.provide(asked, state=state, base=release_url, fetcher=get, pins=pins)
        return module.provide(asked, modules=modules(), pins=pins)


def _auto(asked: KnativeVersion, base: str, fetcher: Fetcher, progress: Progress, try_s: float) -> str:
    url = release.CRDS.url(base, asked.tag)
    why_not = fetcher.answers(url, within_s=try_s)
    if why_not:
        progress.say(f"source: module, because the release was not to be had at {url} ({why_not})")
        return "module"
    progress.say(f"source: release, because {url} answers")
    return "release"
