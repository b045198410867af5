"""Which source a version comes from."""

from __future__ import annotations

from collections.abc import Callable

from harness.adapters.files import State
from harness.adapters.progress import QUIET, Progress
from harness.errors import BadInput
from harness.model import KnativeVersion, Provision
from harness.sources import module, release
from harness.sources.fetch import Fetcher
from harness.sources.pins import Modules, Pins

KINDS = ("auto", "release", "module")

TRY_S = 4.0
"""How long `auto` tries the release's host: a registry that serves images in time answers an address well within it."""


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

    kind: "release", "module", or "auto", which tries the release's host for a few seconds and says what it chose and why.
    modules: gives the Go toolchain; called only when it is needed, for it may have to be installed.
    release_url: the base below which releases lie. Raises BadInput (no such kind), SourceError, HostError.
    """
    if kind not in KINDS:
        raise BadInput(f"{kind!r} is no source of Knative.", fix=f"--kn-source {'|'.join(KINDS)}")
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
