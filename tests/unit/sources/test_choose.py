"""Which source is taken, and that it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.adapters.progress import Progress
from harness.errors import BadInput, SourceError
from harness.model import Build, KnativeVersion
from harness.sources import Fetcher, Modules, Pins, choose, of_build
from harness.sources.release import CRDS
from tests.unit.sources.site import Page, Site

PINS = Pins(kubernetes="v1.34.4", kourier="v0.48.0", envoy="1.36.0")
VERSION = KnativeVersion.parse("1.23")
TAG = VERSION.tag
QUICK = Fetcher(deadline_s=60, attempts=1, pause_s=0)


class NoModules:
    """A toolchain that says it was asked."""

    def module_dir(self, module: str, version: str, *, hint: str = "") -> Path:
        """Nothing is there."""
        raise SourceError(f"asked for {module} {version}", fix=hint)

    def required_dir(self, root: Path, package: str) -> Path:
        """Nor that."""
        raise SourceError(f"asked for {package} of {root.name}")


def never() -> Modules:
    """A toolchain nobody may look for: it may have to be installed."""
    raise AssertionError("the Go toolchain was looked for")


def test_auto_takes_the_release_that_answers(site: Site, state: State) -> None:
    """One line says what and why; no Go toolchain is looked for."""
    site.release(TAG)
    said: list[str] = []
    got = choose(
        "auto",
        VERSION,
        state=state,
        modules=never,
        pins=PINS,
        release_url=site.base,
        fetcher=QUICK,
        progress=Progress(said.append),
        try_s=60,
    )
    assert got.source == "release"
    assert [line for line in said if line.startswith("source: release, because ")] == said[:1]


@pytest.mark.parametrize("page", [None, Page(b"login", status=403), Page(b"never sent", stall=True)])
def test_auto_takes_the_module_when_the_release_does_not_answer(site: Site, state: State, page: Page | None) -> None:
    """Missing, forbidden and silent are all the same to it."""
    if page is not None:
        site.put(CRDS, TAG, page)
    said: list[str] = []
    with pytest.raises(SourceError, match=r"asked for knative.dev/serving v0\.50\.0"):
        choose(
            "auto",
            VERSION,
            state=state,
            modules=NoModules,
            pins=PINS,
            release_url=site.base,
            fetcher=QUICK,
            progress=Progress(said.append),
            try_s=0.5,
        )
    assert said[0].startswith("source: module, because the release was not to be had at http://127.0.0.1")


def test_release_asked_for_is_never_replaced(site: Site, state: State) -> None:
    """Who names a source gets it or an error."""
    with pytest.raises(SourceError, match="from the release"):
        choose("release", VERSION, state=state, modules=never, pins=PINS, release_url=site.base, fetcher=QUICK)


def test_module_asked_for_asks_no_release(site: Site, state: State) -> None:
    """Not even whether it is there."""
    with pytest.raises(SourceError, match="from the Go module"):
        choose("module", VERSION, state=state, modules=NoModules, pins=PINS, release_url=site.base, fetcher=QUICK)
    assert site.asked == []


def test_bad_words_touch_nothing(site: Site, state: State) -> None:
    """A kind that is none is refused before anybody is asked."""
    with pytest.raises(BadInput, match="not a source of Knative"):
        of_build("registry", Build(VERSION), state=state, modules=never, pins=PINS, release_url=site.base)
    assert site.asked == []
