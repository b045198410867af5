"""Reading what the kernel allows, and the settings that follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.adapters.limits import CAP_SYS_RESOURCE, Cgroups, Limits, cgroup_mode, containers_conf, has_capability

NARROW = Limits(uid=0, cgroups=Cgroups.V2, nofile=20_000, nproc=5_000, pid_max=32_768, may_raise=False)


@pytest.mark.parametrize(
    ("files", "mode"),
    [
        (["cgroup.controllers"], Cgroups.V2),
        (["memory/tasks", "unified/cgroup.controllers"], Cgroups.HYBRID),
        (["memory/tasks"], Cgroups.V1),
        ([], Cgroups.NONE),
    ],
)
def test_the_mode_is_told_from_what_is_mounted(tmp_path: Path, files: list[str], mode: Cgroups) -> None:
    """Each way of mounting cgroups shows other files."""
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert cgroup_mode(tmp_path) is mode


@pytest.mark.parametrize(("shown", "held"), [("000001ffffffffff", True), ("000001fffeffffff", False)])
def test_a_capability_is_one_bit(tmp_path: Path, shown: str, held: bool) -> None:
    """Two sets that differ in CAP_SYS_RESOURCE alone."""
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapEff:\t{shown}\n", encoding="ascii")
    assert has_capability(status, CAP_SYS_RESOURCE) is held


def test_limits_of_this_process_can_be_read() -> None:
    """On any host the numbers are numbers; what cannot be read counts as least."""
    seen = Limits.read(proc=Path("/nowhere"))
    assert (seen.pid_max, seen.may_raise) == (32_768, False)
    assert Limits.read().nofile != 0


def test_ulimits_are_the_processes_own_where_they_cannot_be_raised() -> None:
    """The hard limits become the containers'; who may raise them, or is not root, needs nothing."""
    text, notes = containers_conf(NARROW)
    assert '"nofile=20000:20000", "nproc=5000:5000"' in text and len(notes) == 1
    assert containers_conf(replace(NARROW, may_raise=True)) == ("", ())
    assert containers_conf(replace(NARROW, uid=1000)) == ("", ())


def test_no_container_is_given_more_processes_than_pid_max() -> None:
    """A larger, or unlimited, limit of the process is cut to what podman keeps for itself."""
    for nproc in (96_365, -1):
        assert '"nproc=32768:32768"' in containers_conf(replace(NARROW, nproc=nproc))[0]


def test_only_a_hybrid_host_is_given_another_runtime() -> None:
    """The runtime is changed where the usual one refuses, and nowhere else."""
    free = replace(NARROW, may_raise=True)
    assert containers_conf(replace(free, cgroups=Cgroups.HYBRID))[0] == '[engine]\nruntime = "runc"\n'
    assert containers_conf(replace(free, cgroups=Cgroups.V1)) == ("", ())
