"""Which images a node lacks, found without crictl."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.cluster.node import load_images, missing, present, spellings
from harness.errors import ClusterError, ImageError
from harness.model import ClusterHandle, HostPorts
from tests.unit.cluster.kit import FakeEngine, Said

LISTING = """REF TYPE DIGEST SIZE PLATFORMS LABELS
dev.local/app:1 application/vnd.docker.distribution.manifest.v2+json sha256:m1 248.1 MiB linux/amd64 io.cri-containerd.image=managed
docker.io/library/plain:2 application/vnd.oci.image.index.v1+json sha256:i2 1 MiB linux/amd64 -
"""
HANDLE = ClusterHandle("a", "kind-knative-chaos-a", "/k", HostPorts(1, 2, 3, 4), "node", "podman", "img", "v1.34.4", created=True)


def manifest(config: str) -> str:
    """As `ctr content get` prints it."""
    return json.dumps({"config": {"digest": config}, "layers": []})


def index(*manifests: str) -> str:
    """An index over manifests."""
    return json.dumps({"manifests": [{"digest": digest} for digest in manifests]})


def node_with(engine: FakeEngine, *, app: str, plain: str) -> None:
    """What the node holds: the id each image has there."""
    engine.answers = {
        "images list": LISTING,
        "content get sha256:m1": manifest(app),
        "content get sha256:i2": index("sha256:m2"),
        "content get sha256:m2": manifest(plain),
    }


def test_the_table_of_ctr_is_read_by_name_and_digest() -> None:
    """Sizes with a space in them do not disturb."""
    assert present(LISTING) == {"dev.local/app:1": "sha256:m1", "docker.io/library/plain:2": "sha256:i2"}
    assert present("REF TYPE DIGEST\n") == {}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("dev.local/app:1", ("dev.local/app:1",)),
        ("localhost/app:1", ("localhost/app:1",)),
        ("plain:2", ("plain:2", "localhost/plain:2", "docker.io/library/plain:2")),
        ("team/app:1", ("team/app:1", "localhost/team/app:1", "docker.io/team/app:1")),
    ],
)
def test_names_without_a_host_part_have_several_spellings(name: str, found: tuple[str, ...]) -> None:
    """Engines and containerd put different things in front of them."""
    assert spellings(name) == found


def test_what_is_there_with_the_same_content_is_not_missing(engine: FakeEngine) -> None:
    """By the configuration's digest, straight or through an index."""
    engine.ids = {"dev.local/app:1": "sha256:app", "plain:2": "sha256:plain"}
    node_with(engine, app="sha256:app", plain="sha256:plain")
    assert missing(["dev.local/app:1", "plain:2"], "node", engine.real()) == ()


def test_the_same_name_with_other_content_is_missing(engine: FakeEngine) -> None:
    """A rebuilt image is loaded again."""
    engine.ids = {"dev.local/app:1": "sha256:new", "plain:2": "sha256:m2", "dev.local/none:1": "sha256:n"}
    node_with(engine, app="sha256:app", plain="sha256:plain")
    assert missing(["dev.local/app:1", "plain:2", "dev.local/none:1"], "node", engine.real()) == (
        "dev.local/app:1",
        "dev.local/none:1",
    )


def test_an_image_the_engine_lacks_is_named(engine: FakeEngine) -> None:
    """It cannot be loaded, so it is an error and not "missing"."""
    node_with(engine, app="sha256:app", plain="sha256:plain")
    with pytest.raises(ImageError, match=r"no image dev\.local/lost:1"):
        missing(["dev.local/lost:1"], "node", engine.real())


def load(engine: FakeEngine, state: State, said: Said, names: list[str], program: str = "true") -> tuple[str, ...]:
    """With a kind that does nothing."""
    return load_images(HANDLE, names, engine=engine.real(), kind=Path("/bin") / program, state=state, progress=said.progress)


def test_nothing_is_saved_when_nothing_is_missing(engine: FakeEngine, state: State, said: Said) -> None:
    """And a line says so."""
    engine.ids = {"dev.local/app:1": "sha256:app"}
    node_with(engine, app="sha256:app", plain="")
    assert load(engine, state, said, ["dev.local/app:1"]) == () and engine.saved == []
    assert said.lines == ["Images: all 1 are in the node already."]


def test_a_load_that_did_not_arrive_is_an_error(engine: FakeEngine, state: State, said: Said) -> None:
    """Nothing was reported, but the image is not there afterwards; the archive is not left behind."""
    engine.ids = {"dev.local/app:1": "sha256:new"}
    node_with(engine, app="sha256:app", plain="")
    with pytest.raises(ImageError, match=r"not found in node: dev\.local/app:1"):
        load(engine, state, said, ["dev.local/app:1"])
    assert engine.saved == [("dev.local/app:1",)] and not (state.cluster("a") / "load.tar").exists()
    with pytest.raises(ImageError, match="did not get into node"):
        load(engine, state, said, ["dev.local/app:1"], program="false")


def test_a_given_context_gets_no_images(engine: FakeEngine, state: State, said: Said) -> None:
    """Its nodes are not ours; asking for none is fine."""
    theirs = replace(HANDLE, node="")
    same = {"engine": engine.real(), "kind": Path("/bin/true"), "state": state, "progress": said.progress}
    assert load_images(theirs, [], **same) == ()  # type: ignore[arg-type]  # the same four for both calls
    with pytest.raises(ClusterError, match="not ours"):
        load_images(theirs, ["dev.local/app:1"], **same)  # type: ignore[arg-type]  # as above
