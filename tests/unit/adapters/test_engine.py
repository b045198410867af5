"""The engine's door: which engine is taken, what is said when none can be, and that both dialects answer alike."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.adapters.engine import DOCKER, PODMAN, Engine, size_bytes, state_word
from harness.adapters.files import State
from harness.adapters.limits import Cgroups, Limits
from harness.errors import BadInput, HostError, ToolFailed

FREE = Limits(uid=0, cgroups=Cgroups.V2, nofile=1_048_576, nproc=-1, pid_max=4_194_304, may_raise=True)
NARROW = Limits(uid=0, cgroups=Cgroups.HYBRID, nofile=20_000, nproc=96_365, pid_max=32_768, may_raise=False)

DOCKER_WORKS = 'case "$1" in --version) echo Docker version 28;; version) echo 28.2.2;; *) echo "$@" >> "$CALLS";; esac'
DOCKER_NO_DAEMON = (
    'case "$1" in --version) echo Docker version 28;; *) echo "Cannot connect to the Docker daemon" >&2; exit 1;; esac'
)
DOCKER_NO_RIGHTS = (
    'case "$1" in --version) echo Docker version 28;; *) echo "permission denied while trying to connect" >&2; exit 1;; esac'
)
DOCKER_IS_PODMAN = "echo podman version 4.3.1"
PODMAN_WORKS = 'case "$1" in info) echo false;; *) echo "$@" >> "$CALLS";; esac'
PODMAN_ROOTLESS = "echo true"
PODMAN_BROKEN = 'echo "Error: cannot set up namespace" >&2; exit 125'


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    """An otherwise empty PATH."""
    place = tmp_path / "bin"
    place.mkdir()
    return place


def put(place: Path, name: str, body: str) -> None:
    """A program that answers as an engine would."""
    program = place / name
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(0o755)


def detect(place: Path, *, limits: Limits = FREE, prefer: str = "", **env: str) -> Engine:
    """Detection on a host that has only what is in place."""
    given = {"PATH": f"{place}{os.pathsep}/nowhere", "CALLS": str(place / "calls"), **env}
    return Engine.detect(State(place.parent / "state"), prefer=prefer, env=given, limits=limits)


def test_docker_with_a_daemon_is_taken_first(bin_dir: Path) -> None:
    """Docker answers, so podman beside it is not asked."""
    put(bin_dir, "docker", DOCKER_WORKS)
    put(bin_dir, "podman", PODMAN_WORKS)
    assert detect(bin_dir).name == "docker"


@pytest.mark.parametrize("body", [DOCKER_NO_DAEMON, DOCKER_NO_RIGHTS, DOCKER_IS_PODMAN])
def test_a_docker_that_cannot_be_used_gives_way_to_podman(bin_dir: Path, body: str) -> None:
    """A docker command without a usable daemon, or one that is podman in disguise, is passed over."""
    put(bin_dir, "docker", body)
    put(bin_dir, "podman", PODMAN_WORKS)
    assert detect(bin_dir).name == "podman"


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_the_preferred_engine_is_the_only_one_asked(bin_dir: Path, how: str) -> None:
    """Who names an engine gets it, or an error about it."""
    put(bin_dir, "docker", DOCKER_WORKS)
    put(bin_dir, "podman", PODMAN_WORKS)
    found = detect(bin_dir, prefer="podman") if how == "argument" else detect(bin_dir, KNATIVE_CHAOS_ENGINE="podman")
    assert found.name == "podman"
    (bin_dir / "podman").unlink()
    with pytest.raises(HostError, match="podman is not on PATH"):
        detect(bin_dir, prefer="podman")


def test_an_unknown_engine_is_bad_input(bin_dir: Path) -> None:
    """A typing mistake is not answered with another engine."""
    with pytest.raises(BadInput, match="no engine 'dokcer'"):
        detect(bin_dir, prefer="dokcer")


def test_no_engine_no_rights_and_no_daemon_are_three_messages(bin_dir: Path) -> None:
    """Each of the three says what is missing and mends another thing."""
    said = {}
    with pytest.raises(HostError) as none:
        detect(bin_dir)
    said["none"] = none.value
    for what, body in (("rights", DOCKER_NO_RIGHTS), ("daemon", DOCKER_NO_DAEMON)):
        put(bin_dir, "docker", body)
        with pytest.raises(HostError) as refusal:
            detect(bin_dir)
        said[what] = refusal.value
    assert "No container engine" in said["none"].what and "apt-get install" in said["none"].fix
    assert "no right" in said["rights"].what and "usermod" in said["rights"].fix
    assert "daemon does not run" in said["daemon"].what and "systemctl start docker" in said["daemon"].fix


def test_two_engines_that_cannot_be_used_are_both_named(bin_dir: Path) -> None:
    """Whoever has two broken engines is told of both."""
    put(bin_dir, "docker", DOCKER_NO_DAEMON)
    put(bin_dir, "podman", PODMAN_BROKEN)
    with pytest.raises(HostError, match=r"daemon does not run.*podman is here, but it does not work.*cannot set up namespace"):
        detect(bin_dir)


def test_podman_without_root_needs_cgroups_v2(bin_dir: Path) -> None:
    """Without root, a hybrid host has no right to run a node; a v2 host has."""
    put(bin_dir, "podman", PODMAN_ROOTLESS)
    user = Limits(uid=1000, cgroups=Cgroups.HYBRID, nofile=20_000, nproc=100, pid_max=32_768, may_raise=False)
    with pytest.raises(HostError, match="uid 1000 has no right"):
        detect(bin_dir, limits=user)
    assert detect(bin_dir, limits=FREE).name == "podman"


def test_a_constrained_host_gets_private_settings_that_are_told(bin_dir: Path) -> None:
    """The settings lie in the state directory, reach every call, and each has its note."""
    put(bin_dir, "podman", PODMAN_WORKS)
    engine = detect(bin_dir, limits=NARROW)
    conf = Path(engine.env["CONTAINERS_CONF"])
    assert conf.parent == bin_dir.parent / "state"
    assert conf.read_text(encoding="utf-8") == (
        '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n[engine]\nruntime = "runc"\n'
    )
    assert len(engine.notes) == 2 and all(str(conf) in note for note in engine.notes)


def test_an_unconstrained_host_gets_none(bin_dir: Path) -> None:
    """Where nothing needs to be set, nothing is."""
    put(bin_dir, "podman", PODMAN_WORKS)
    engine = detect(bin_dir)
    assert "CONTAINERS_CONF" not in engine.env and engine.notes == ()


def test_settings_of_the_users_own_are_left_alone(bin_dir: Path) -> None:
    """A CONTAINERS_CONF that is already there stays in force, and the note says what it stands in for."""
    put(bin_dir, "podman", PODMAN_WORKS)
    engine = detect(bin_dir, limits=NARROW, CONTAINERS_CONF="/etc/mine.conf")
    assert "CONTAINERS_CONF" not in engine.env
    assert "/etc/mine.conf" in engine.notes[0] and "runc" in engine.notes[0]


def answering(tmp_path: Path, body: str, dialect: str = "podman") -> Engine:
    """An engine whose program is this shell text."""
    put(tmp_path, dialect, body)
    return Engine(dialect, tmp_path / dialect, {"CALLS": str(tmp_path / "calls")}, (), PODMAN if dialect == "podman" else DOCKER)


@pytest.mark.parametrize("shown", ["abc123", "sha256:abc123"])
def test_an_image_id_is_the_same_in_both_dialects(tmp_path: Path, shown: str) -> None:
    """One engine prints the algorithm and the other does not."""
    assert answering(tmp_path, f"echo {shown}").image_id("dev.local/a:1") == "sha256:abc123"


@pytest.mark.parametrize("said", ["Error: No such image: a", "Error: inspecting object: a: image not known"])
def test_an_absent_image_has_no_id(tmp_path: Path, said: str) -> None:
    """Not there is an answer, in the words of either engine."""
    assert answering(tmp_path, f'echo "{said}" >&2; exit 1').image_id("a") is None


def test_a_container_has_its_full_id(tmp_path: Path) -> None:
    """None where there is no such container."""
    asked = answering(tmp_path, 'echo "$@" > "$CALLS"; echo 9d97fdca7cf5')
    assert asked.container_id("c-control-plane") == "9d97fdca7cf5"
    assert (tmp_path / "calls").read_text(encoding="utf-8") == "container inspect --format {{.Id}} c-control-plane\n"
    assert answering(tmp_path, 'echo "Error: no such container c" >&2; exit 1').container_id("c") is None


def test_another_failure_is_not_taken_for_absence(tmp_path: Path) -> None:
    """An engine that broke does not answer "not there"."""
    with pytest.raises(ToolFailed, match="disk I/O error"):
        answering(tmp_path, 'echo "disk I/O error" >&2; exit 1').image_id("a")


def test_images_are_listed_by_the_name_they_were_given(tmp_path: Path) -> None:
    """The host part an engine puts in front is only shown to who asks with it; nameless images are not listed."""
    rows = "sha256:1\\tlocalhost/knative-chaos/app:1\\t1.5 MB\\n2\\tdev.local/x:2\\t705kB\\n3\\t<none>:<none>\\t1 GB"
    engine = answering(tmp_path, f"printf '{rows}\\n'")
    assert [(each.name, each.id, each.size_bytes) for each in engine.images("knative-chaos/")] == [
        ("knative-chaos/app:1", "sha256:1", 1_500_000)
    ]
    assert [each.name for each in engine.images("localhost/")] == ["localhost/knative-chaos/app:1"]
    assert [each.id for each in engine.images("dev.local/")] == ["sha256:2"]
    assert len(engine.images()) == 2


@pytest.mark.parametrize(("dialect", "flags"), [("docker", "save --output"), ("podman", "docker-archive --output")])
def test_saving_leaves_a_whole_archive_or_none(tmp_path: Path, dialect: str, flags: str) -> None:
    """Both dialects write beside the target; a failure leaves nothing."""
    to = tmp_path / "out" / "images.tar"
    find = 'while [ "$1" != --output ]; do shift; done; echo tar > "$2"'
    engine = answering(tmp_path, f'echo "$@" > "$CALLS"; {find}', dialect)
    engine.save(["a:1", "b:2"], to)
    assert to.read_text(encoding="utf-8") == "tar\n"
    called = (tmp_path / "calls").read_text(encoding="utf-8")
    assert flags in called and called.endswith("a:1 b:2\n")
    to.unlink()
    with pytest.raises(ToolFailed):
        answering(tmp_path, f"{find}; exit 1", dialect).save(["a:1"], to)
    assert list(to.parent.iterdir()) == []


def test_containers_tell_their_state_in_one_word(tmp_path: Path) -> None:
    """Only those with the prefix are listed, and a sentence becomes a word."""
    rows = (
        "knative-chaos-a\\t1\\tUp 8 minutes ago\\timg\\nknative-chaos-b\\t2\\texited\\timg\\nother\\t3\\tUp 1 second ago\\timg\\n"
    )
    found = answering(tmp_path, f"printf '{rows}'").containers("knative-chaos-")
    assert [(each.name, each.state) for each in found] == [("knative-chaos-a", "running"), ("knative-chaos-b", "exited")]


def test_removing_what_is_not_there_says_so(tmp_path: Path) -> None:
    """Removal can be repeated; only a refusal is an error."""
    absent = answering(tmp_path, 'echo "Error: no such thing" >&2; exit 1')
    assert not absent.remove_volume("v") and not absent.remove_network("n") and not absent.remove_container("c")
    with pytest.raises(ToolFailed, match="in use"):
        answering(tmp_path, 'echo "volume is in use" >&2; exit 2').remove_volume("v")


@pytest.mark.parametrize(("dies_at", "removed"), [(2, True), (9, False)])
def test_a_container_that_dies_late_is_asked_again(tmp_path: Path, dies_at: int, removed: bool) -> None:
    """On a busy machine podman gives up on the processes of a node that end a moment later. What never ends is an error."""
    body = (
        f'case "$1" in rm) echo x >> {tmp_path}/asked; if [ "$(wc -l < {tmp_path}/asked)" -lt {dies_at} ]; then '
        'echo "Error: given PIDs did not die within timeout" >&2; exit 125; fi;; esac'
    )
    engine = answering(tmp_path, body, "podman")
    if removed:
        assert engine.remove_container("c")
    else:
        with pytest.raises(ToolFailed, match="did not die"):
            engine.remove_container("c")


def test_exec_argv_is_a_list_that_keeps_each_argument_whole(tmp_path: Path) -> None:
    """Arguments with spaces stay one argument; interactive passes standard input on."""
    engine = answering(tmp_path, "cat")
    assert engine.exec_argv("node", ["echo", "a b"])[1:] == ["exec", "node", "echo", "a b"]
    assert engine.exec_argv("node", ["cat"], interactive=True)[1:] == ["exec", "--interactive", "node", "cat"]
    assert engine.exec("node", ["cat"], stdin="hello").stdout == "hello"


@pytest.mark.parametrize(("shown", "size"), [("1.59 GB", 1_590_000_000), ("705kB", 705_000), ("12B", 12), ("much", 0)])
def test_sizes_are_read_in_either_spelling(shown: str, size: int) -> None:
    """With and without a space before the unit."""
    assert size_bytes(shown) == size


@pytest.mark.parametrize(("shown", "word"), [("Exited (0) 2 minutes ago", "exited"), ("Created", "created"), ("", "unknown")])
def test_states_become_one_word(shown: str, word: str) -> None:
    """Whatever is printed, one small word comes out."""
    assert state_word(shown) == word
