"""What is kept is listed, and what was long of no use is removed; what is in use stays."""

from __future__ import annotations

import os
from pathlib import Path

from harness.adapters.files import write_json
from harness.images import Kept, entries, make, prune
from harness.images.bench import remove_tree, sweep
from harness.images.cache import DAY_NS, USED, read_used
from harness.model import KnativeVersion, Provision, Recipe, Wanted

from .conftest import Workshop

QUEUE = Wanted("ko://example.org/known/cmd/queue", Recipe.GO, "v1.0.0", "example.org/known", "cmd/queue")


def filled(workshop: Workshop) -> Provision:
    """A state directory with one command, its image and the toggle app's."""
    wanted = (QUEUE, Wanted("build://toggle", Recipe.TOGGLE, "docker.io/library/python:3.13-slim"))
    asked = Provision("module", KnativeVersion.parse("1.23"), "", (), (), "build://toggle", {}, wanted)
    return make(asked, engine=workshop.engine, state=workshop.state, progress=workshop.progress)


def aged(workshop: Workshop, word: str, days: float) -> None:
    """As if what has the word in its name was last used so long ago."""
    used = read_used(workshop.state)
    write_json(workshop.state.cache / USED, {what: at - int(days * DAY_NS) if word in what else at for what, at in used.items()})


def test_everything_kept_is_listed_with_its_key_and_use(workshop: Workshop) -> None:
    """Images as the engine names them, binaries by their directory, Go's caches."""
    made = filled(workshop)
    (workshop.state.go / "cache").mkdir()
    (workshop.state.go / "cache" / "x").write_bytes(b"12345")
    seen = entries(workshop.state, workshop.engine)
    assert {entry.what for entry in seen if entry.kind is Kept.IMAGE} == set(made.images)
    assert [entry.bytes for entry in seen if entry.kind is Kept.GO_CACHE] == [5]
    (binaries,) = (entry for entry in seen if entry.kind is Kept.BINARIES)
    assert binaries.what.endswith(binaries.key)
    assert all(entry.last_used_ns > 0 for entry in seen)


def test_only_what_was_not_used_for_so_long_is_removed(workshop: Workshop) -> None:
    """The toggle image is a month old, the queue's is of today."""
    made = filled(workshop)
    aged(workshop, "toggle", 30)
    (removed,) = prune(workshop.state, workshop.engine, older_than_days=14)
    assert removed.startswith(made.app_image)
    assert {entry.what for entry in entries(workshop.state, workshop.engine) if entry.kind is Kept.IMAGE} == {made.images[0]}
    assert made.app_image not in read_used(workshop.state)


def test_zero_days_is_everything(workshop: Workshop) -> None:
    """Go's caches too, though their directories are read-only."""
    filled(workshop)
    module = workshop.state.go / "path" / "pkg" / "mod"
    module.mkdir(parents=True)
    (module / "x.go").touch()
    module.chmod(0o555)
    assert len(prune(workshop.state, workshop.engine, older_than_days=0)) == 4
    assert entries(workshop.state, workshop.engine) == ()


def test_zero_days_is_everything_also_after_the_clock_was_set_back(workshop: Workshop) -> None:
    """What was noted as used tomorrow goes with the rest; asked for what is older, it stays."""
    filled(workshop)
    aged(workshop, "", -1)
    assert prune(workshop.state, workshop.engine, older_than_days=1e-9) == ()
    assert len(prune(workshop.state, workshop.engine, older_than_days=0)) == 3


def test_an_image_in_use_stays_and_the_user_is_told(workshop: Workshop) -> None:
    """Everything else goes all the same."""
    made = filled(workshop)
    (workshop.bin / "in-use").write_text(f"{made.app_image}\n", encoding="utf-8")
    workshop.said.clear()
    removed = prune(workshop.state, workshop.engine, older_than_days=0, progress=workshop.progress)
    assert not any(line.startswith(made.app_image) for line in removed)
    assert workshop.said == [f"kept {made.app_image}: Error: image is in use by a container"]


def test_a_broken_note_of_uses_removes_nothing_young(workshop: Workshop) -> None:
    """What nobody noted counts as used now."""
    filled(workshop)
    (workshop.state.cache / USED).write_text("{broken", encoding="utf-8")
    assert prune(workshop.state, workshop.engine, older_than_days=1) == ()


def test_without_an_engine_the_files_are_still_listed(workshop: Workshop) -> None:
    """`cache list` works on a machine whose engine is gone."""
    filled(workshop)
    assert [entry.kind for entry in entries(workshop.state, None)] == [Kept.BINARIES]


def test_scratch_of_the_dead_is_swept_and_of_the_living_is_not(workshop: Workshop) -> None:
    """A killed build leaves gigabytes there."""
    nobody = int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii"))  # ids of processes are smaller
    root = workshop.state.cache / "tmp"
    for owner in (nobody, os.getpid()):
        (root / f"{owner}-node-x").mkdir(parents=True)
    sweep(workshop.state)
    assert [path.name for path in root.iterdir()] == [f"{os.getpid()}-node-x"]


def test_removing_a_tree_does_not_follow_links(workshop: Workshop) -> None:
    """A Debian root file system is full of links to absolute paths: the host's, seen from outside."""
    outside = workshop.bin / "outside"
    outside.mkdir()
    (outside / "file").touch()
    outside.chmod(0o755)
    tree = workshop.state.cache / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(outside)
    remove_tree(tree)
    assert not tree.exists()
    assert (outside / "file").exists()
