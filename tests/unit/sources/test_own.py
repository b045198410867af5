"""A checkout of Serving as a source: its manifests with and without vendored modules, and its commands from its own files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.errors import BadInput, SourceError
from harness.model import Build, KnativeVersion, Provision, Recipe
from harness.sources import Pins, builds, of_build
from tests.unit.sources.test_module import OTHERS, PINS, SERVING, Shelf

from .checkouts import own, written

VERSION = KnativeVersion.parse("1.23")
SERVING_FILES = {**SERVING, "cmd/queue/main.go": "package main\n"}
VENDORED = {
    f"vendor/{name.partition('@')[0]}/{path}": text
    for name, files in OTHERS.items()
    if "kourier" not in name
    for path, text in files.items()
}


def checked_out(tmp_path: Path, files: Mapping[str, str]) -> Build:
    """A checkout with these files, as asked for."""
    root = written(tmp_path / "serving", dict(files))
    return builds.asked(f"path:{root}@1.23", pinned="v0.50.0")


def provided(tmp_path: Path, build: Build, kind: str = "auto") -> Provision:
    """Its Provision, with modules of the test's own and no network."""
    return of_build(kind, build, state=State(tmp_path / "state"), modules=lambda: Shelf(tmp_path, OTHERS), pins=PINS)


def test_a_tree_without_links_and_vendor_is_like_the_module(tmp_path: Path) -> None:
    """What a module's zip unpacks to: the CRDs come from the modules that its go.mod requires."""
    provision = provided(tmp_path, checked_out(tmp_path, SERVING_FILES))
    names = [name for name, _ in provision.manifests]
    assert names[0] == "crd/core/300-resources/service.yaml"
    assert "crd/core/networking/ingress.yaml" in names
    assert (provision.source, provision.versions["knative"]) == ("checkout", "1.23.0 (checkout)")


def test_links_into_vendor_lead_to_the_vendored_modules(tmp_path: Path) -> None:
    """As in a clone: no module is fetched for them, and no object is there twice."""
    build = checked_out(tmp_path, {**SERVING_FILES, **VENDORED})
    resources = tmp_path / "serving/config/core/300-resources"
    (resources / "ingress.yaml").symlink_to("../../../vendor/knative.dev/networking/config/ingress.yaml")
    (tmp_path / "serving/config/core/300-image.yaml").symlink_to("../../vendor/knative.dev/caching/config/image.yaml")
    kourier = {name: files for name, files in OTHERS.items() if "kourier" in name}
    modules = Shelf(tmp_path, kourier)
    provision = of_build("module", build, state=State(tmp_path / "state"), modules=lambda: modules, pins=PINS)
    names = [name for name, _ in provision.manifests]
    assert "crd/core/networking/ingress.yaml" in names
    assert "crd/core/caching/image.yaml" in names
    assert not [name for name in names if "300-resources/ingress" in name or "300-image" in name]


def test_a_link_without_vendor_is_left_out(tmp_path: Path) -> None:
    """A clone whose vendor directory was removed."""
    build = checked_out(tmp_path, SERVING_FILES)
    link = tmp_path / "serving/config/core/300-resources/ingress.yaml"
    link.symlink_to("../../../vendor/knative.dev/networking/config/ingress.yaml")
    assert "crd/core/networking/ingress.yaml" in [name for name, _ in provided(tmp_path, build).manifests]


def test_any_other_broken_link_is_an_error(tmp_path: Path) -> None:
    """A manifest would be missing from the cluster."""
    build = checked_out(tmp_path, SERVING_FILES)
    (tmp_path / "serving/config/core/900-mine.yaml").symlink_to("../../third_party/none.yaml")
    with pytest.raises(SourceError, match=r"900-mine\.yaml"):
        provided(tmp_path, build)


def test_a_directory_stands_for_networking(tmp_path: Path) -> None:
    """By a replace line of the checkout's go.mod."""
    go_mod = f"{SERVING['go.mod']}\nreplace knative.dev/networking => ../networking\n"
    build = checked_out(tmp_path, {**SERVING_FILES, "go.mod": go_mod})
    files = OTHERS["knative.dev/networking@v0.0.0-1"]
    written(tmp_path / "networking", {**files, "config/mine.yaml": files["config/ingress.yaml"].replace("ingresses", "mine")})
    assert "crd/core/networking/mine.yaml" in [name for name, _ in provided(tmp_path, build).manifests]


def test_servings_commands_are_built_from_the_checkout(tmp_path: Path) -> None:
    """And nothing else: the ingress is the one that every version has."""
    build = checked_out(tmp_path, SERVING_FILES)
    wanted = [one for one in provided(tmp_path, build).wanted if one.recipe is Recipe.GO]
    assert {one.ref: one.tree for one in wanted} == {
        "ko://knative.dev/net-kourier/cmd/kourier": None,
        "ko://knative.dev/serving/cmd/controller": build.serving,
        "ko://knative.dev/serving/cmd/queue": build.serving,
    }


def test_a_manifest_that_is_missing_is_the_checkouts(tmp_path: Path) -> None:
    """Said of the directory, not of a version that could be asked for instead."""
    files = {name: text for name, text in SERVING_FILES.items() if "logging" not in name}
    build = checked_out(tmp_path, files)
    with pytest.raises(SourceError, match="The manifests of the checkout lack ConfigMap config-logging") as caught:
        provided(tmp_path, build)
    assert caught.value.where == str(tmp_path / "serving")


def test_a_checkout_is_no_release(tmp_path: Path) -> None:
    """Nothing was built or downloaded."""
    with pytest.raises(BadInput, match="not a release"):
        provided(tmp_path, checked_out(tmp_path, SERVING_FILES), "release")


def test_a_queue_proxy_of_ones_own_is_one_image_more(tmp_path: Path) -> None:
    """The manifests keep the installed one: a run swaps it."""
    build = checked_out(tmp_path, SERVING_FILES)
    place = own(tmp_path / "holding")
    swapped = builds.asked(f"path:{tmp_path / 'serving'}@1.23", queue_proxy=f"path:{place}", pinned="v0.50.0")
    stock, other = provided(tmp_path, build), provided(tmp_path, swapped)
    assert other.manifests == stock.manifests
    (wanted,) = set(other.wanted) - set(stock.wanted)
    assert wanted.tree == swapped.queue_proxy
    assert (stock.queue_proxy_image, other.queue_proxy_image) == ("", wanted.ref)


def test_a_version_with_a_queue_proxy_of_ones_own(tmp_path: Path) -> None:
    """The version's own source, whichever it is."""
    build = builds.asked("1.23", queue_proxy=f"path:{own(tmp_path / 'holding')}", pinned="v0.50.0")
    shelf = Shelf(tmp_path, {"knative.dev/serving@v0.50.0": SERVING, **OTHERS})
    provision = of_build(
        "module", build, state=State(tmp_path / "state"), modules=lambda: shelf, pins=Pins("v1.34.4", "v0.48.0", "1")
    )
    assert provision.source == "module"
    assert provision.wanted[-1].tree == build.queue_proxy
