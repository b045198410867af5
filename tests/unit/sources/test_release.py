"""The release path against a server that serves it well and badly."""

from __future__ import annotations

import pytest

from harness.adapters.files import State
from harness.errors import ExitCode, SourceError
from harness.model import KnativeVersion, Provision, Recipe
from harness.sources import Fetcher, Pins
from harness.sources.release import CORE, CRDS, KOURIER, provide
from tests.unit.sources.site import Page, Site, whole

PINS = Pins(kubernetes="v1.34.4", kourier="v0.48.0", envoy="1.36.0")
VERSION = KnativeVersion.parse("1.23")
TAG = "knative-v1.23.0"
QUICK = Fetcher(deadline_s=60, attempts=2, pause_s=0)


def get(site: Site, state: State, version: KnativeVersion = VERSION, fetcher: Fetcher = QUICK) -> Provision:
    """The Provision from the test's server."""
    return provide(version, state=state, base=site.base, fetcher=fetcher, pins=PINS)


def test_a_whole_release_becomes_a_provision(site: Site, state: State) -> None:
    """CRDs first, kind's own node image, nothing to make but the toggle app."""
    site.release(TAG)
    provision = get(site, state)
    assert [name for name, _ in provision.manifests] == ["crd-serving", "serving-core", "ingress-kourier"]
    assert provision.manifests[1][1] == whole(CORE)
    assert (provision.source, provision.node_image, provision.images) == ("release", "", ())
    assert [(wanted.recipe, wanted.ref) for wanted in provision.wanted] == [(Recipe.TOGGLE, provision.app_image)]
    assert provision.wanted[0].version == PINS.toggle_base
    assert provision.versions["knative"] == "1.23.0"
    assert provision.versions["ingress"] == "net-kourier 1.23.0"


def test_a_second_time_nothing_is_asked(site: Site, state: State) -> None:
    """A release does not change, so what is kept is used."""
    site.release(TAG)
    first = get(site, state)
    asked = len(site.asked)
    assert get(site, state) == first
    assert (asked, len(site.asked)) == (3, 3)


def test_a_spoilt_cache_is_fetched_again(site: Site, state: State) -> None:
    """Kept files are believed only while their hash holds."""
    site.release(TAG)
    first = get(site, state)
    for kept in (state.cache / "manifests").glob("*.yaml"):
        kept.write_text("spoilt", encoding="utf-8")
    assert get(site, state) == first
    assert len(site.asked) == 6


def test_another_base_is_another_address(site: Site, state: State) -> None:
    """What one mirror had is not given out for another."""
    site.release(TAG)
    get(site, state)
    with pytest.raises(SourceError, match="not available"):
        provide(VERSION, state=state, base=f"{site.base}/mirror", fetcher=QUICK, pins=PINS)


def test_a_missing_release_names_the_nearest_versions(site: Site, state: State) -> None:
    """404: no such version, exit code 3, nothing kept."""
    with pytest.raises(SourceError, match=r"Knative 1\.23\.0 is not available from the release: HTTP 404") as caught:
        get(site, state)
    assert caught.value.exit_code is ExitCode.BAD_INPUT_OR_HOST
    assert "serving-crds.yaml" in caught.value.what
    assert "--kn-version" in caught.value.fix
    assert not list(state.cache.rglob("*.yaml"))


def test_a_patch_release_takes_the_ingress_of_its_line(site: Site, state: State) -> None:
    """Serving 1.23.1 without a Kourier 1.23.1: Kourier 1.23.0, and the versions say so."""
    for asset in (CRDS, CORE):
        site.put(asset, "knative-v1.23.1", whole(asset))
    site.put(KOURIER, TAG, whole(KOURIER))
    provision = get(site, state, KnativeVersion.parse("1.23.1"))
    assert provision.versions["ingress"] == "net-kourier 1.23.0"


def test_no_ingress_at_all_is_said(site: Site, state: State) -> None:
    """Both addresses tried are named."""
    for asset in (CRDS, CORE):
        site.put(asset, "knative-v1.23.1", whole(asset))
    with pytest.raises(SourceError, match="no Kourier") as caught:
        get(site, state, KnativeVersion.parse("1.23.1"))
    assert caught.value.where.count("kourier.yaml") == 2


def test_a_body_shorter_than_promised_is_truncated(site: Site, state: State) -> None:
    """It is tried again, then refused with the sizes; nothing is kept."""
    site.release(TAG)
    body = whole(CORE).encode()
    url = site.put(CORE, TAG, Page(body[: len(body) // 2], promised=len(body)))
    with pytest.raises(SourceError, match=rf"truncated: {len(body) // 2} of {len(body)} bytes") as caught:
        get(site, state)
    assert caught.value.where == url
    assert caught.value.fix
    assert site.asked.count(url.removeprefix(site.base)) == QUICK.attempts
    assert len(list((state.cache / "manifests").glob("*.yaml"))) == 1


def test_a_manifest_cut_at_a_document_is_seen_by_what_it_lacks(site: Site, state: State) -> None:
    """Valid YAML with the promised size, but not the whole file."""
    site.release(TAG)
    url = site.put(CORE, TAG, whole(CORE).rsplit("---\n", 3)[0])
    with pytest.raises(SourceError, match=r"not the whole serving-core\.yaml.*lacks .*Secret webhook-certs") as caught:
        get(site, state)
    assert caught.value.where == url


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html>Please log in</html>", "web page"),
        (b"kind: [unclosed\n  - {", "not YAML"),
        (b"\xff\xfe\x00garbage", "not text"),
        (b"just some words\n", "not the whole"),
        (b"", "not the whole"),
    ],
)
def test_garbage_is_refused_with_its_address(site: Site, state: State, body: bytes, said: str) -> None:
    """Whatever a proxy or a disk makes of a download, it is said in one line."""
    site.release(TAG)
    url = site.put(CORE, TAG, Page(body))
    with pytest.raises(SourceError, match=said) as caught:
        get(site, state)
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.fix


def test_a_server_error_is_no_missing_version(site: Site, state: State) -> None:
    """503 says nothing of the version, and is not retried: it is no transport error."""
    site.release(TAG)
    url = site.put(CRDS, TAG, Page(b"busy", status=503))
    with pytest.raises(SourceError, match="HTTP 503"):
        get(site, state)
    assert site.asked == [url.removeprefix(site.base)]


def test_a_stalled_download_ends_at_its_deadline(site: Site, state: State) -> None:
    """The deadline is for the file, over all attempts."""
    site.release(TAG)
    url = site.put(CRDS, TAG, Page(b"never sent", stall=True))
    with pytest.raises(SourceError, match="download") as caught:
        get(site, state, fetcher=Fetcher(deadline_s=0.3, attempts=3, pause_s=0))
    assert caught.value.where == url


def test_no_server_at_all_is_said_with_the_ways_out(state: State) -> None:
    """Nothing listens on port 1."""
    with pytest.raises(SourceError, match="download failed: ConnectError") as caught:
        provide(VERSION, state=state, base="http://127.0.0.1:1", fetcher=QUICK, pins=PINS)
    assert "--kn-source module" in caught.value.fix


def test_an_address_that_is_none_is_said(state: State) -> None:
    """A base without a scheme."""
    with pytest.raises(SourceError, match="download failed"):
        provide(VERSION, state=state, base="github.example", fetcher=QUICK, pins=PINS)
