"""What is said of a host, and what is done about it."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.adapters.engine import ENGINE_VARIABLE, Engine
from harness.adapters.files import State
from harness.adapters.limits import Cgroups, Limits
from harness.cluster import checks, disk, facts, packages
from harness.errors import HostError
from tests.unit.cluster.kit import FakeEngine, Said


class Usage(NamedTuple):
    """As `shutil.disk_usage` answers."""

    total: float
    used: float
    free: float


LIMITS = Limits(uid=0, cgroups=Cgroups.V2, nofile=20_000, nproc=-1, pid_max=32_768, may_raise=False)


def refuse(*args: object, **more: object) -> Engine:
    """No engine."""
    raise HostError("No container engine is on this machine.", fix="install one")


def free(monkeypatch: pytest.MonkeyPatch, gigabytes: float) -> None:
    """Every file system has this much left."""
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, gigabytes * 1e9))


def test_places_on_one_file_system_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when they do not exist yet; the message names them, what is free and what is needed."""
    free(monkeypatch, 12)
    where = {tmp_path / "not" / "yet": 10.0, tmp_path: 7.0}
    assert [room.need_gb for room in disk.rooms(where)] == [17.0]
    with pytest.raises(HostError, match=r"12\.0 GB free for .*yet and .*, 17 GB needed") as short:
        disk.require_disk(where)
    assert "KNATIVE_CHAOS_HOME" in short.value.fix
    free(monkeypatch, 18)
    disk.require_disk(where)


def test_a_cold_start_needs_at_most_20_gigabytes(tmp_path: Path, state: State) -> None:
    """And a warm one much less; cold is a state directory without modules, for those who build."""
    assert sum(disk.needs(state, tmp_path, cold=True).values()) <= 20
    assert sum(disk.needs(state, tmp_path, cold=False).values()) <= 6
    assert disk.needs(state, state.root, cold=True)[state.root] == disk.COLD_STATE_GB + disk.COLD_ENGINE_GB
    assert disk.is_cold(state, uid=0) and not disk.is_cold(state, uid=1000)
    (state.go / "path" / "pkg" / "mod" / "x").mkdir(parents=True)
    assert not disk.is_cold(state, uid=0)


def test_too_little_disk_stops_before_anything_is_installed(state: State, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disk is the first thing looked at."""
    free(monkeypatch, 1)
    monkeypatch.setattr(Engine, "detect", refuse)
    monkeypatch.setattr(packages, "install", lambda *args, **more: pytest.fail("installed something"))
    with pytest.raises(HostError, match="Too little disk"):
        checks.prepare(state, progress=said.progress)


def test_without_an_engine_one_is_installed_or_the_command_is_told(
    state: State, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be installed ends with the message about the engine."""
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    free(monkeypatch, 100)
    asked: list[tuple[str, ...]] = []

    def install(names: tuple[str, ...], **more: object) -> tuple[str, ...]:
        asked.append(names)
        raise HostError("Only root may install packages.")

    monkeypatch.setattr(Engine, "detect", refuse)
    monkeypatch.setattr(packages, "install", install)
    with pytest.raises(HostError, match="No container engine"):
        checks.prepare(state, progress=said.progress)
    assert asked == [packages.ENGINE_PACKAGES]


def test_an_engine_that_was_named_is_not_replaced(state: State, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants docker is not given podman."""
    free(monkeypatch, 100)
    monkeypatch.setattr(Engine, "detect", refuse)
    monkeypatch.setattr(packages, "install", lambda *args, **more: pytest.fail("installed something"))
    with pytest.raises(HostError, match="No container engine"):
        checks.prepare(state, progress=said.progress, prefer="docker")


def test_examining_names_the_missing_engine_and_changes_nothing(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each thing, the engine's with the fix it was refused with."""
    monkeypatch.setattr(Engine, "detect", refuse)
    found = {check.name: check for check in checks.examine(state, cold=True)}
    assert not found["engine"].ok and found["engine"].needed and found["engine"].fix == "install one"
    assert {"memory", "ports", "cgroups", "limits", "Go", "Python", "/lib/modules", "inotify", "kernel"} <= set(found)


def test_every_failed_check_that_is_needed_has_a_fix() -> None:
    """A message without a way out helps nobody."""
    low = Limits(uid=0, cgroups=Cgroups.NONE, nofile=100, nproc=1, pid_max=1, may_raise=False)
    for check in (checks._cgroups(low, None), checks._limits(low)):
        assert not check.ok and check.needed and check.fix


def test_a_hybrid_host_needs_runc_with_podman_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker brings a runtime of its own."""
    monkeypatch.setattr(checks, "which", lambda *args: None)
    hybrid = Limits(uid=0, cgroups=Cgroups.HYBRID, nofile=20_000, nproc=-1, pid_max=32_768, may_raise=False)
    assert not checks._cgroups(hybrid, FakeEngine("podman").real()).ok
    assert checks._cgroups(hybrid, FakeEngine("docker").real()).ok


def test_what_cannot_be_raised_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness does without CAP_SYS_RESOURCE, so its absence stops nothing."""
    check = checks._raising(LIMITS)
    assert not check.ok and not check.needed


@pytest.mark.parametrize(
    ("text", "debian"),
    [("ID=debian\n", True), ('ID=ubuntu\nID_LIKE="debian"\n', True), ("ID=fedora\nNAME=debianish\n", False), (None, False)],
)
def test_debian_is_known_by_its_own_word(tmp_path: Path, text: str | None, debian: bool) -> None:
    """And by that of those who say they are like it."""
    release = tmp_path / "os-release"
    if text is not None:
        release.write_text(text, encoding="utf-8")
    assert packages.is_debian(release) is debian


def test_packages_are_announced_before_apt_is_called(
    state: State, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only those that are absent, by an argument list."""
    release = tmp_path / "os-release"
    release.write_text("ID=debian\n", encoding="utf-8")
    calls: list[list[str]] = []

    def run(argv: list[str], **more: object) -> None:
        assert "runc" in said.lines[0]
        calls.append(argv)

    monkeypatch.setattr(packages, "absent", lambda names: ("runc",))
    monkeypatch.setattr(packages, "run", run)
    assert packages.install(["podman", "runc"], state=state, progress=said.progress, release=release, uid=0) == ("runc",)
    assert calls == [["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "runc"]]


@pytest.mark.parametrize(("text", "uid", "fix"), [("ID=fedora\n", 0, "package manager"), ("ID=debian\n", 1000, "sudo sh -c")])
def test_what_may_not_be_installed_is_told_as_a_command(
    state: State, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, uid: int, fix: str
) -> None:
    """Elsewhere than on Debian, or without root, nothing is called."""
    release = tmp_path / "os-release"
    release.write_text(text, encoding="utf-8")
    monkeypatch.setattr(packages, "absent", lambda names: ("runc",))
    monkeypatch.setattr(packages, "run", lambda *args, **more: pytest.fail("called apt"))
    with pytest.raises(HostError, match=r"Missing on this machine: runc\.") as refusal:
        packages.install(["runc"], state=state, progress=said.progress, release=release, uid=uid)
    assert fix in refusal.value.fix and "apt-get install -y --no-install-recommends runc" in refusal.value.fix


def test_memory_and_inotify_are_read_from_the_kernel(tmp_path: Path) -> None:
    """Zeros when it does not say."""
    (tmp_path / "meminfo").write_text("MemTotal:  1000000 kB\nMemAvailable:  500000 kB\n", encoding="ascii")
    place = tmp_path / "sys" / "fs" / "inotify"
    place.mkdir(parents=True)
    (place / "max_user_instances").write_text("128\n", encoding="ascii")
    assert facts.memory_gb(tmp_path) == (1.024, 0.512)
    assert facts.inotify(tmp_path) == (128, 0)
    assert facts.memory_gb(tmp_path / "none") == (0.0, 0.0)


def test_a_kernel_feature_is_there_when_built_in_or_loadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Symbols of the running kernel, or a module file it could load."""
    monkeypatch.setattr(platform, "release", lambda: "6.1")
    symbols = [
        "0000000000000000 t ovl_fill_super\t[overlay]",
        "0000000000000000 T br_dev_setup",
        "0000000000000000 T nf_conntrack_in",
    ]
    (tmp_path / "kallsyms").write_text("\n".join(symbols) + "\n", encoding="ascii")
    modules = tmp_path / "modules"
    (modules / "6.1").mkdir(parents=True)
    (modules / "6.1" / "modules.dep").write_text("kernel/drivers/net/veth.ko.xz: \n", encoding="utf-8")
    assert facts.lacking_features(tmp_path, modules) == ("nat",)
