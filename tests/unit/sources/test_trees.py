"""A tree of sources is known by its files: the same files are the same tree, a changed one is another."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.adapters.gomod import read_module
from harness.errors import BadInput
from harness.model import SourceTree
from harness.sources.origins import NETWORKING_OF
from harness.sources.trees import FARTHEST, checkout, queue_proxy
from harness.sources.version import KNOWN

from .checkouts import GO_MOD, OWN_GO_MOD, committed, git, own, serving, written


def tree(root: Path) -> SourceTree:
    """Of a checkout."""
    return checkout(root)[0]


def test_equal_files_are_equal_trees_wherever_they_lie(tmp_path: Path) -> None:
    """With the same commit, or without any."""
    assert tree(serving(tmp_path / "a/serving")) == tree(serving(tmp_path / "b/other"))
    one = committed(serving(tmp_path / "c"))
    git(tmp_path, "clone", "--quiet", str(one), str(tmp_path / "d"))
    assert tree(one) == tree(tmp_path / "d")


def edited(root: Path) -> None:
    """A tracked file differs."""
    (root / "cmd/queue/main.go").write_text("package main // patched\n", encoding="utf-8")


def added(root: Path) -> None:
    """A file that git does not know."""
    (root / "cmd/queue/more.go").write_text("package main\n", encoding="utf-8")


def removed(root: Path) -> None:
    """A file less."""
    (root / "cmd/queue/main.go").unlink()


def moved(root: Path) -> None:
    """The same content under another name."""
    (root / "cmd/queue/main.go").rename(root / "cmd/queue/other.go")


@pytest.mark.parametrize("change", [edited, added, removed, moved])
def test_a_dirty_tree_is_another(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Its digest is another, it says so, and undoing the change makes it the same again."""
    root = committed(serving(tmp_path / "serving"))
    clean = tree(root)
    change(root)
    dirty = tree(root)
    assert dirty != clean
    assert dirty.digest != clean.digest
    assert (clean.changed, dirty.changed) == (False, True)
    assert clean.commit == dirty.commit != ""
    assert clean.text == f"commit {clean.commit[:12]}"
    assert dirty.text == f"commit {clean.commit[:12]} with changes, files {dirty.digest[:12]}"
    git(root, "stash", "--include-untracked")
    assert tree(root) == clean


def test_what_go_never_builds_does_not_count(tmp_path: Path) -> None:
    """Git's own files and an editor's; and looking changes nothing in the repository."""
    root = committed(serving(tmp_path / "serving"))
    before = tree(root)
    index = (root / ".git/index").read_bytes()
    (root / ".git/noise").write_text("x", encoding="utf-8")
    written(root, {".idea/workspace.xml": "x", "cmd/queue/.main.go.swp": "x", ".gitignore": ".idea\n"})
    assert tree(root).digest == before.digest
    assert (root / ".git/index").read_bytes() == index


def test_a_link_counts_as_what_it_points_to(tmp_path: Path) -> None:
    """A broken one, and one to a directory, by the place that it names."""
    root = serving(tmp_path / "serving")
    plain = read_module(root).digest()
    (root / "link").symlink_to("go.mod")
    (root / "copy").write_text(GO_MOD, encoding="utf-8")
    linked = read_module(root).digest()
    assert linked != plain
    (root / "broken").symlink_to("../nowhere")
    (root / "again").symlink_to(root)
    assert read_module(root).digest() not in {plain, linked}


def test_a_directory_that_stands_for_a_module_counts_too(tmp_path: Path) -> None:
    """It is built with the tree."""
    beside = written(tmp_path / "beside", {"go.mod": "module example.org/x\n", "x.go": "package x\n"})
    place = own(tmp_path / "own", f"{OWN_GO_MOD}\nrequire example.org/x v0.0.0\n\nreplace example.org/x v0.0.0 => ../beside\n")
    before, _ = queue_proxy(place)
    written(beside, {"x.go": "package x // changed\n"})
    assert queue_proxy(place)[0].digest != before.digest


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a digest without it."""
    root = serving(tmp_path / "serving")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "main.go":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(BadInput, match=r"main\.go cannot be read: Permission denied"):
        tree(root)


@pytest.mark.parametrize(
    ("tag", "base"),
    [("knative-v1.17.2", "1.17.2"), ("v0.44.1", "1.17.1"), ("v0.50.0-rc.1", "1.23.0"), ("nightly", "1.23.0"), ("", "1.23.0")],
)
def test_the_nearest_tag_of_a_release_is_the_base(tmp_path: Path, tag: str, base: str) -> None:
    """Later commits do not change it; without such a tag, what go.mod requires decides."""
    root = committed(serving(tmp_path / "serving"), tag=tag)
    edited(root)
    committed(root)
    version = checkout(root)[1]
    assert version is not None
    assert version.text == base


def test_a_tag_far_back_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serving tags its release branches: the nearest tag before its main branch can be years old."""
    monkeypatch.setattr("harness.sources.trees.FARTHEST", 1)
    root = serving(tmp_path / "serving", **{"go.mod": GO_MOD.replace("c7a7b772cac9", "000000000000")})
    committed(root, tag="v0.3.0")
    committed(root)
    assert str(checkout(root)[1]) == "0.3.0"
    committed(root)
    assert checkout(root)[1] is None
    assert FARTHEST > 100


def test_a_repository_around_the_tree_does_not_speak_for_it(tmp_path: Path) -> None:
    """A module unpacked somewhere below another project: neither that project's tags nor its commit are the module's."""
    written(tmp_path, {"README": "another project", ".gitignore": "/unpacked\n"})
    committed(tmp_path, tag="knative-v1.1.0")
    found, base = checkout(serving(tmp_path / "unpacked"))
    assert (found.commit, found.changed, str(base)) == ("", False, "1.23.0")
    (tmp_path / ".gitignore").write_text("", encoding="utf-8")
    committed(tmp_path)
    found, base = checkout(tmp_path / "unpacked")
    assert found.commit, "tracked there, so that commit says what it is"
    assert str(base) == "1.23.0"


def test_git_of_a_hook_does_not_mislead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git tells the programs it starts where its repository is; the tree's own is another."""
    root = committed(serving(tmp_path / "serving"))
    clean = tree(root)
    committed(written(tmp_path / "other", {"x": ""}))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    assert tree(root) == clean


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_repository_of_another_user_speaks_too(tmp_path: Path) -> None:
    """Root measures somebody's checkout; git by itself refuses to look into it."""
    root = committed(serving(tmp_path / "serving"), tag="knative-v1.17.0")
    mine = checkout(root)
    for path in (root, *root.rglob("*")):
        os.chown(path, 65534, 65534)
    assert checkout(root) == mine


def test_a_program_that_the_repository_names_is_not_run(tmp_path: Path) -> None:
    """Looking at a directory must not start anything in it."""
    root = committed(serving(tmp_path / "serving"))
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", encoding="utf-8")
    hook.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(hook))
    tree(root)
    assert not (tmp_path / "ran").exists()


def test_without_git_the_files_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program need not be there."""
    root = committed(serving(tmp_path / "serving"), tag="knative-v1.17.0")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found, base = checkout(root)
    assert (found.commit, str(base)) == ("", "1.23.0")
    assert found.text == f"files {found.digest[:12]}"


def test_go_mod_is_read_in_both_spellings(tmp_path: Path) -> None:
    """Blocks, single lines, comments, quotes."""
    text = """// a comment
module "example.org/own" // why

require example.org/a v1.0.0
require (
\texample.org/b v1.1.0 // indirect

\t// why
\texample.org/c v1.2.0
)
replace example.org/a => ../a
replace (
\texample.org/b v1.1.0 => example.org/d v1.3.0
\texample.org/c v1.9.9 => ../another-version
)
exclude example.org/e v1.0.0
"""
    module = read_module(written(tmp_path, {"go.mod": text}))
    assert module.path == "example.org/own"
    assert module.required == {"example.org/a": "v1.0.0", "example.org/b": "v1.1.0", "example.org/c": "v1.2.0"}
    assert module.replaced == {"example.org/a": "../a", "example.org/b": "example.org/d v1.3.0"}
    assert module.beside == (tmp_path / "../a",)


def test_each_known_minor_release_can_be_told_by_its_go_mod() -> None:
    """A minor release that is known to build, and has no line, would have to be said by hand."""
    assert {version.module for version in KNOWN if not version.patch} - set(NETWORKING_OF.values()) == set()
