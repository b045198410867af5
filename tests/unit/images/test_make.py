"""From a Provision with refs to one with image names: what is built, what is not, and what is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import BadInput, ImageError, ToolFailed
from harness.images import make
from harness.images.bench import DONE
from harness.images.make import substitute
from harness.model import KnativeVersion, Provision, Recipe, Wanted

from .conftest import Workshop

A = Wanted("ko://example.org/known/cmd/autoscaler", Recipe.GO, "v1.0.0", "example.org/known", "cmd/autoscaler")
B = Wanted("ko://example.org/known/cmd/autoscaler-hpa", Recipe.GO, "v1.0.0", "example.org/known", "cmd/autoscaler-hpa")
APP = Wanted("build://toggle", Recipe.TOGGLE, "docker.io/library/python:3.13-slim")
MANIFEST = f"a: {A.ref}\nb: {B.ref}\nc: '{A.ref}'\nd: ghcr.io/other\n"


def provision(*wanted: Wanted) -> Provision:
    """What a source would answer."""
    return Provision(
        source="module",
        knative=KnativeVersion.parse("1.0"),
        node_image="",
        images=("dev.local/given:1",),
        manifests=(("core", MANIFEST),) if B in wanted else (),
        app_image="build://toggle",
        versions={"knative": "v1.0.0", "kubernetes": ""},
        wanted=wanted,
    )


def test_every_ref_becomes_the_name_of_an_image_that_was_built(workshop: Workshop) -> None:
    """In the manifests, as the app, and in the list the cluster is given; a ref that begins like another is another."""
    made = make(provision(A, B, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    built = (workshop.bin / "images").read_text(encoding="utf-8").split()
    lines = dict(line.split(": ") for line in made.manifests[0][1].splitlines())
    assert lines["a"].startswith("dev.local/knative-chaos/known-autoscaler:v1.0.0-")
    assert lines["b"].startswith("dev.local/knative-chaos/known-autoscaler-hpa:v1.0.0-")
    assert lines["c"] == f"'{lines['a']}'"
    assert lines["d"] == "ghcr.io/other"
    assert made.app_image.startswith("dev.local/knative-chaos/toggle:")
    assert made.images == ("dev.local/given:1", lines["a"], lines["b"], made.app_image)
    assert sorted(built) == sorted(made.images[1:])
    assert made.versions["toolchain"] == "go1.26.8"


def test_both_commands_of_a_module_are_built_by_one_call(workshop: Workshop) -> None:
    """They share most of their packages."""
    make(provision(A, B, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert workshop.calls("go", "build") == 1


def test_the_second_run_builds_nothing_and_says_so_in_one_line(workshop: Workshop) -> None:
    """And answers the same."""
    first = make(provision(A, B, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    calls = workshop.calls("engine", "build"), workshop.calls("go", "build")
    workshop.said.clear()
    assert make(provision(A, B, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress) == first
    assert (workshop.calls("engine", "build"), workshop.calls("go", "build")) == calls
    assert len(workshop.said) == 1
    assert "nothing to build" in workshop.said[0]


def test_a_new_toolchain_builds_anew_under_new_names(workshop: Workshop) -> None:
    """What another Go built is another thing; the toggle app, which none builds, stays."""
    first = make(provision(A, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    (workshop.bin / "go.version").write_text("go1.27.0\n", encoding="utf-8")
    second = make(provision(A, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert second.images[1] != first.images[1]
    assert second.app_image == first.app_image


def test_an_image_that_was_removed_is_made_again_from_what_is_left(workshop: Workshop) -> None:
    """The binaries are still there: no Go build."""
    make(provision(A, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    (workshop.bin / "images").write_text("", encoding="utf-8")
    make(provision(A, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert workshop.calls("go", "build") == 1
    assert workshop.calls("engine", "build") == 4


def test_a_failed_go_build_leaves_no_half_and_shows_the_logs_end(workshop: Workshop) -> None:
    """The next run, with the cause mended, succeeds."""
    (workshop.bin / "go.broken").write_text("queue.go:7: undefined: x", encoding="utf-8")
    with pytest.raises(ToolFailed, match="undefined: x") as failure:
        make(provision(A, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert failure.value.where.startswith(str(workshop.state.logs))
    assert not list((workshop.state.cache / "go").glob("*"))
    assert not list((workshop.state.cache / "tmp").glob("*"))
    (workshop.bin / "go.broken").unlink()
    made = make(provision(A, APP), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert len(made.images) == 3


def test_a_failed_image_build_keeps_the_binaries(workshop: Workshop) -> None:
    """What took minutes is there for the next try, whole."""
    (workshop.bin / "broken").touch()
    with pytest.raises(ToolFailed, match="no space left"):
        make(provision(A), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    (kept,) = (workshop.state.cache / "go").iterdir()
    assert {path.name for path in kept.iterdir()} == {"autoscaler", "go.sum", DONE}


def test_a_ref_that_nothing_was_made_for_is_an_error(workshop: Workshop) -> None:
    """The cluster would look for a registry called ko."""
    asked = replace(provision(A, B), wanted=(A,))
    with pytest.raises(ImageError, match="autoscaler-hpa"):
        make(asked, engine=workshop.engine, state=workshop.state, progress=workshop.progress)


def test_a_wanted_command_without_its_module_is_an_error(workshop: Workshop) -> None:
    """Before anything is built."""
    with pytest.raises(BadInput, match="ko://x"):
        make(provision(Wanted("ko://x", Recipe.GO)), engine=workshop.engine, state=workshop.state, progress=workshop.progress)
    assert workshop.calls("engine", "build") == 0


def test_another_minor_of_kubernetes_is_refused_with_the_pin(workshop: Workshop) -> None:
    """etcd, CoreDNS and pause are pinned for one."""
    with pytest.raises(BadInput, match=r"1\.29\.0") as failure:
        make(
            provision(Wanted("build://node", Recipe.NODE, "v1.29.0")),
            engine=workshop.engine,
            state=workshop.state,
            progress=workshop.progress,
        )
    assert failure.value.where.endswith("versions.toml")


def test_where_nothing_is_wanted_neither_engine_nor_go_is_asked(workshop: Workshop) -> None:
    """A release brings its images itself."""
    release = provision()
    assert make(release, engine=workshop.engine, state=workshop.state, progress=workshop.progress) is release
    assert not list(workshop.bin.glob("*.calls"))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("image: build://x", "image: IMAGE"),
        ("image: build://x-y", "image: build://x-y"),
        ('"build://x"', '"IMAGE"'),
        ("build://x.", "IMAGE."),
        ("build://x/z", "build://x/z"),
    ],
)
def test_only_a_whole_ref_is_replaced(text: str, result: str) -> None:
    """Whatever stands around it."""
    assert substitute(text, {"build://x": "IMAGE"}) == result
