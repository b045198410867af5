"""Commands of the user's own Go sources: where they are built, what Go is told, and what is said when they do not build."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.adapters.gomod import module_above
from harness.errors import BadInput, ExitCode, ImageError
from harness.images import make
from harness.images.bench import DONE
from harness.model import KnativeVersion, Provision, Recipe, SourceTree, Wanted

from .conftest import Workshop

GO = """#!/bin/sh
# A Go that notes how it was called, and builds by naming files.
here=$(dirname "$0")
case "$1 $2" in
"env GOVERSION") echo go1.26.8 ;;
"mod download") printf '{"Dir": "%s"}' "$here/module" ;;
"build "*)
  echo "$PWD $@" >> "$here/builds"
  [ ! -f "$here/edits" ] || echo "// edited" >> "$(cat "$here/edits")"
  [ ! -f "$here/go.broken" ] || { cat "$here/go.broken" >&2; exit 1; }
  out=""
  while [ $# -gt 0 ]; do
    case "$1" in
    -modfile=*) cp "${1#-modfile=}" "$here/seen.mod"; cp "$(dirname "${1#-modfile=}")/go.sum" "$here/seen.sum" ;;
    -o) out=$2; shift ;;
    -ldflags) shift ;;
    ./*) echo "$1" > "$out/$(basename "$1")" ;;
    .) echo own > "$out/$(basename "$PWD")" ;;
    esac
    shift
  done ;;
esac
"""
SERVING_MOD = (
    "module knative.dev/serving\n\ngo 1.22.7\n\nreplace example.org/a => example.org/b v1.0.0\nreplace example.org/c => ../c\n"
)
OWN_MOD = "module example.org/own\n\ngo 1.25.0\n\nrequire knative.dev/serving v0.50.0\n"


@pytest.fixture
def bench(workshop: Workshop) -> Workshop:
    """With the Go of this file, and a published Serving."""
    (workshop.bin / "go").write_text(GO, encoding="utf-8")
    (workshop.bin / "module/go.mod").write_text(SERVING_MOD, encoding="utf-8")
    (workshop.bin / "module/go.sum").write_text("example.org/a v1 h1:of-serving\n", encoding="utf-8")
    return workshop


def tree(place: Path, go_mod: str, *, package: str = "", **files: str) -> SourceTree:
    """Sources as asked for."""
    (place / package).mkdir(parents=True, exist_ok=True)
    for name, text in {"go.mod": go_mod, f"{package}/main.go": "package main\n", **files}.items():
        (place / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (place / name.lstrip("/")).write_text(text, encoding="utf-8")
    module = module_above(place / package)
    assert module is not None
    return SourceTree(module.digest(), package, directory=str(place / package), name=(place / package).name)


def swapped(of: SourceTree) -> Provision:
    """What a source answers for a queue-proxy of the user's own alone."""
    ref = "build://queue-proxy"
    wanted = Wanted(ref, Recipe.GO, "v0.50.0-own", "knative.dev/serving", "", of)
    version = KnativeVersion.parse("1.23")
    return Provision("release", version, "", (), (), "app", {"toolchain": "as released"}, (wanted,), queue_proxy_image=ref)


def checked_out(of: SourceTree, *commands: str) -> Provision:
    """What a source answers for a checkout with these commands."""
    wanted = [
        Wanted(f"ko://knative.dev/serving/cmd/{name}", Recipe.GO, "v0.50.0", "knative.dev/serving", f"cmd/{name}", of)
        for name in commands
    ]
    text = "".join(f"{one.package[4:]}: {one.ref}\n" for one in wanted)
    return Provision("checkout", KnativeVersion.parse("1.23"), "", (), (("core", text),), "app", {}, tuple(wanted))


def made(bench: Workshop, provision: Provision) -> Provision:
    """With image names."""
    return make(provision, engine=bench.engine, state=bench.state, progress=bench.progress)


def builds(bench: Workshop) -> list[str]:
    """Each call of `go build` with the directory it was made in."""
    log = bench.bin / "builds"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def test_a_queue_proxy_of_ones_own_is_one_image(bench: Workshop, tmp_path: Path) -> None:
    """Built in its directory; the cluster is given it, and the rest stays as released."""
    own = tree(tmp_path / "own", OWN_MOD, package="holding")
    done = made(bench, swapped(own))
    assert done.queue_proxy_image.startswith("dev.local/knative-chaos/queue-proxy:v0.50.0-own-")
    assert done.images == (done.queue_proxy_image,)
    assert done.versions["toolchain"] == "as released"
    (call,) = builds(bench)
    assert call.startswith(f"{tmp_path}/own/holding build -trimpath -mod=mod -modfile=")
    (kept,) = (bench.state.cache / "go").iterdir()
    assert sorted(path.name for path in kept.iterdir()) == [DONE, "queue"]
    assert str(tmp_path / "own") not in (kept / DONE).read_text(encoding="utf-8")


def test_its_go_mod_is_completed_in_a_copy(bench: Workshop, tmp_path: Path) -> None:
    """With Serving's checksums, replacements and run-time defaults; what the user wrote goes first, and stays as it is."""
    own = tree(tmp_path / "own", f"{OWN_MOD}\nreplace example.org/x => ../x\n", **{"go.sum": "example.org/x v1 h1:mine\n"})
    made(bench, swapped(own))
    seen = (bench.bin / "seen.mod").read_text(encoding="utf-8")
    assert seen.startswith(OWN_MOD)
    assert "godebug default=go1.22" in seen.splitlines()
    assert [line for line in seen.splitlines() if line.startswith("replace")] == [
        "replace example.org/x => ../x",
        "replace example.org/a => example.org/b v1.0.0",
    ]
    assert (bench.bin / "seen.sum").read_text(encoding="utf-8").splitlines() == [
        "example.org/x v1 h1:mine",
        "example.org/a v1 h1:of-serving",
    ]
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == ["go.mod", "go.sum", "main.go"]
    assert not list((bench.state.cache / "tmp").glob("*"))


def test_what_the_user_says_of_the_same_is_left_alone(bench: Workshop, tmp_path: Path) -> None:
    """A second line for a module, or a second default, would be an error of Go's."""
    own = tree(tmp_path / "own", f"{OWN_MOD}\ngodebug default=go1.25\n\nreplace example.org/a => ../mine\n")
    made(bench, swapped(own))
    seen = (bench.bin / "seen.mod").read_text(encoding="utf-8")
    assert seen.count("godebug") == seen.count("replace") == 1


def test_a_checkout_beside_it_stands_for_serving(bench: Workshop, tmp_path: Path) -> None:
    """Its own checksums are taken, and no published Serving is asked for."""
    tree(tmp_path / "serving", SERVING_MOD, **{"go.sum": "example.org/a v1 h1:of-the-checkout\n"})
    own = tree(tmp_path / "own", f"{OWN_MOD}\nreplace knative.dev/serving => ../serving\n")
    made(bench, swapped(own))
    assert (bench.bin / "seen.sum").read_text(encoding="utf-8") == "example.org/a v1 h1:of-the-checkout\n"


def test_a_fork_in_place_of_serving_brings_nothing(bench: Workshop, tmp_path: Path) -> None:
    """What it needs, its user's go.mod and go.sum say."""
    own = tree(tmp_path / "own", f"{OWN_MOD}\nreplace knative.dev/serving => example.org/fork v0.50.1\n")
    made(bench, swapped(own))
    assert "godebug" not in (bench.bin / "seen.mod").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "flag"),
    [
        ({"vendor/modules.txt": "# none\n", "vendor/example.org/a/a.go": "package a\n"}, "-mod=vendor"),
        ({"vendor/modules.txt": "# none\n"}, "-mod=readonly"),
        ({}, "-mod=readonly"),
    ],
    ids=["vendored", "a zip of a vendored module", "not vendored"],
)
def test_a_checkout_is_built_as_it_is(bench: Workshop, tmp_path: Path, files: dict[str, str], flag: str) -> None:
    """All its commands by one call of Go, from what it carries along or from what its go.mod requires; nothing is written there."""
    serving = tree(tmp_path / "serving", SERVING_MOD, **{"cmd/queue/main.go": "", "cmd/activator/main.go": "", **files})
    done = made(bench, checked_out(serving, "queue", "activator"))
    lines = dict(line.split(": ") for line in done.manifests[0][1].splitlines())
    assert lines["queue"].startswith("dev.local/knative-chaos/serving-queue:v0.50.0-")
    assert lines["activator"].startswith("dev.local/knative-chaos/serving-activator:v0.50.0-")
    (call,) = builds(bench)
    assert call.startswith(f"{tmp_path}/serving build -trimpath {flag} -ldflags")
    assert call.endswith("./cmd/activator ./cmd/queue")
    assert done.versions["toolchain"] == "go1.26.8"


def test_equal_files_are_built_once_and_a_changed_file_anew(bench: Workshop, tmp_path: Path) -> None:
    """Wherever they lie: the name of the image says what is inside."""
    one = made(bench, swapped(tree(tmp_path / "a/own", OWN_MOD)))
    assert made(bench, swapped(tree(tmp_path / "b/other-name", OWN_MOD))) == one
    assert len(builds(bench)) == 1
    changed = tree(tmp_path / "a/own", OWN_MOD, **{"main.go": "package main // changed\n"})
    assert made(bench, swapped(changed)).images != one.images
    assert len(builds(bench)) == 2


def test_two_queue_proxies_of_one_module_are_two(bench: Workshop, tmp_path: Path) -> None:
    """Their files are the same, what is built of them is not."""
    place = tmp_path / "own"
    tree(place, OWN_MOD, package="one")
    two = tree(place, OWN_MOD, package="two")
    one = replace(two, package="one", directory=str(place / "one"))
    assert made(bench, swapped(one)).images != made(bench, swapped(two)).images
    assert len(builds(bench)) == 2


def test_all_that_the_compiler_says_is_shown(bench: Workshop, tmp_path: Path) -> None:
    """It is the user's: exit code 3; nothing half-made is kept, and the next try builds."""
    said = "# example.org/own\n" + "".join(f"./main.go:{line}:2: undefined: x{line}\n" for line in range(1, 11)) + "too many errors"
    (bench.bin / "go.broken").write_text(said, encoding="utf-8")
    own = tree(tmp_path / "own", OWN_MOD)
    with pytest.raises(ImageError) as caught:
        made(bench, swapped(own))
    assert said in str(caught.value)
    assert f"own does not build (files {own.digest[:12]})" in str(caught.value)
    assert caught.value.exit_code is ExitCode.BAD_INPUT_OR_HOST
    assert not list((bench.state.cache / "go").glob("*"))
    assert not list((bench.state.cache / "tmp").glob("*"))
    (bench.bin / "go.broken").unlink()
    assert made(bench, swapped(own)).queue_proxy_image


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_files_that_change_while_they_are_built_are_not_kept(bench: Workshop, tmp_path: Path, when: str) -> None:
    """The image would say it holds other files than it does."""
    own = tree(tmp_path / "own", OWN_MOD)
    if when == "before":
        (tmp_path / "own/main.go").write_text("package main // changed\n", encoding="utf-8")
    else:
        (bench.bin / "edits").write_text(str(tmp_path / "own/main.go"), encoding="utf-8")
    with pytest.raises(BadInput, match="was changed while it was built"):
        made(bench, swapped(own))
    assert not list((bench.state.cache / "go").glob("*"))


def test_what_was_built_says_of_what(bench: Workshop, tmp_path: Path) -> None:
    """For whoever looks into the cache: the commit, not a path of this machine."""
    own = replace(tree(tmp_path / "own", OWN_MOD), commit="fedcba9876543210", changed=True)
    made(bench, swapped(own))
    (kept,) = (bench.state.cache / "go").iterdir()
    note = json.loads((kept / DONE).read_text(encoding="utf-8"))
    assert note["tree"] == f"commit fedcba987654 with changes, files {own.digest[:12]}"
