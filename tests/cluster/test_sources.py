"""The release path with real manifests: those of the cluster's Knative, served by a web server on loopback as a release is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness import install
from harness.adapters.documents import documents
from harness.adapters.files import State, locked
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects
from harness.adapters.progress import Progress
from harness.errors import SourceError
from harness.install.apply import apply_all, parsed
from harness.install.changes import changed
from harness.model import KnativeVersion, Provision
from harness.run import MEASURE_LOCK, World
from harness.sources import Fetcher, Pins, choose
from harness.sources.release import CORE, CRDS, KOURIER
from tests.unit.sources.site import Page, Site, serving

pytestmark = [pytest.mark.cluster, pytest.mark.beside]

PINS = Pins(kubernetes="", kourier="", envoy="")


def as_release(provision: Provision) -> dict[str, str]:
    """Its manifests as the three files of a release."""
    files: dict[str, list[str]] = {CRDS.file: [], CORE.file: [], KOURIER.file: []}
    for name, text in provision.manifests:
        for one in documents(text):
            if one.kind == "CustomResourceDefinition":
                files[CRDS.file].append(one.text)
            else:
                files[KOURIER.file if "ingress" in name else CORE.file].append(one.text)
    return {file: "---\n".join(texts) for file, texts in files.items()}


@pytest.fixture
def version(world: World) -> KnativeVersion:
    """Of the Knative in the cluster."""
    return world.provision.knative


@pytest.fixture
def site(world: World, version: KnativeVersion, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The release's host."""
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        for asset in (CRDS, CORE, KOURIER):
            running.put(asset, version.tag, as_release(world.provision)[asset.file])
        yield running


def released(world: World, site: Site, version: KnativeVersion, state: State) -> Provision:
    """The Provision of the served release, with the toggle app's image as the cluster has it."""

    def no_toolchain() -> object:
        raise AssertionError("a release needs no Go toolchain")

    got = choose(
        "auto",
        version,
        state=state,
        modules=no_toolchain,  # type: ignore[arg-type]
        pins=PINS,
        release_url=site.base,
        fetcher=Fetcher(deadline_s=30, attempts=2, pause_s=0),
    )
    return replace(got, app_image=world.provision.app_image)


def test_a_served_release_is_the_same_knative(
    world: World, site: Site, version: KnativeVersion, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Installed from it, the cluster finds everything there already, unchanged, and serves a request."""
    provision = released(world, site, version, State(tmp_path_factory.mktemp("state")))
    assert provision.source == "release"
    said: list[str] = []
    same = replace(provision, versions=world.provision.versions)
    with locked(world.state.locks / MEASURE_LOCK, within_s=600, holder="a test that installs"):
        # Others who begin beside this prove their Knative in the same namespace.
        stack = install.install(world.handle, same, progress=Progress(said.append))
    assert any("installed already, unchanged" in line for line in said)
    assert stack.changes == world.stack.changes
    assert "HTTP 200 by pod" in stack.proof


def test_the_api_server_takes_every_object_of_it(
    world: World, site: Site, version: KnativeVersion, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Validated and admitted as a whole, and stored by none: a dry run on the server."""
    provision = released(world, site, version, State(tmp_path_factory.mktemp("state")))
    crds, given = parsed(provision)
    rest, changes = changed(given)
    objects = Objects(Kube.of(world.handle))
    apply_all(objects, [*crds, *rest], what="the release is taken", within_s=60, dry_run=True)
    assert len(crds) >= 10
    assert len(rest) >= 40
    assert changes


@pytest.mark.parametrize(("part", "claimed"), [(0.1, False), (0.5, False), (0.9, False), (0.1, True), (0.5, True), (0.99, True)])
def test_a_real_manifest_cut_anywhere_is_refused(
    world: World, site: Site, version: KnativeVersion, part: float, tmp_path_factory: pytest.TempPathFactory, *, claimed: bool
) -> None:
    """With the size it claims to have (a cut file on a mirror) or short of the size claimed (a cut connection).

    A file cut within its last object and served with its own size is not told apart here; admission may, by its checksums.
    """
    whole = as_release(world.provision)[CORE.file].encode()
    url = site.put(CORE, version.tag, Page(whole[: int(len(whole) * part)], promised=len(whole) if claimed else None))
    with pytest.raises(SourceError) as caught:
        released(world, site, version, State(tmp_path_factory.mktemp("state")))
    assert caught.value.where == url
    assert caught.value.fix
