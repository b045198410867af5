"""What the kernel allows this process, and the private engine settings that follow from it.

Some hosts (a CI machine inside a light virtual machine, a container) mount the cgroups of both versions, hold hard limits below
what an engine asks for by default, or keep CAP_SYS_RESOURCE back. Containers start there all the same when the engine is told
to ask for less.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CAP_SYS_RESOURCE = 24
SMALLEST_PID_MAX = 32_768
ASKED_BY_PODMAN = 1_048_576
"""nofile and nproc that podman, run by root, gives every container unless told otherwise."""


class Cgroups(StrEnum):
    """How the control groups are mounted."""

    V2 = "v2"
    HYBRID = "hybrid"
    V1 = "v1"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Limits:
    """uid, the cgroup mode, the hard limits (-1: unlimited), the kernel's pid_max, and whether limits may be raised."""

    uid: int
    cgroups: Cgroups
    nofile: int
    nproc: int
    pid_max: int
    may_raise: bool

    @staticmethod
    def read(*, sys: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> Limits:
        """Of this process, now."""
        try:
            pid_max = int((proc / "sys" / "kernel" / "pid_max").read_text(encoding="ascii"))
        except (OSError, ValueError):
            pid_max = SMALLEST_PID_MAX
        return Limits(
            uid=os.getuid(),
            cgroups=cgroup_mode(sys),
            nofile=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            nproc=resource.getrlimit(resource.RLIMIT_NPROC)[1],
            pid_max=pid_max,
            may_raise=has_capability(proc / "self" / "status", CAP_SYS_RESOURCE),
        )

    @property
    def processes(self) -> int:
        """What a container of podman can be given: podman lowers its own process limit to pid_max as it starts."""
        return self.pid_max if self.nproc < 0 else min(self.nproc, self.pid_max)


def cgroup_mode(root: Path) -> Cgroups:
    """v2 alone, both side by side, v1 alone, or none."""
    if (root / "cgroup.controllers").exists():
        return Cgroups.V2
    if (root / "unified" / "cgroup.controllers").exists():
        return Cgroups.HYBRID
    return Cgroups.V1 if (root / "memory").is_dir() else Cgroups.NONE


def has_capability(status: Path, number: int) -> bool:
    """Whether the effective set in a /proc/PID/status holds this capability."""
    try:
        lines = status.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> number & 1)


def containers_conf(limits: Limits) -> tuple[str, tuple[str, ...]]:
    """The text of a private containers.conf and why each setting is in it; ("", ()) when the host needs none.

    podman lowers its own process limit to pid_max as it starts, so no container of it can be given more than that.
    """
    containers, engine, notes = [], [], []
    held = (("nofile", limits.nofile), ("nproc", limits.processes))
    short = [(name, value) for name, value in held if 0 <= value < ASKED_BY_PODMAN]
    if short and limits.uid == 0 and not limits.may_raise:
        asked = ", ".join(f'"{name}={value}:{value}"' for name, value in short)
        containers.append(f"default_ulimits = [{asked}]")
        shown = ", ".join(f"{name} {value}" for name, value in short)
        notes.append(f"containers get this process's own hard limits ({shown}): without CAP_SYS_RESOURCE they cannot be raised")
    if limits.cgroups is Cgroups.HYBRID:
        engine.append('runtime = "runc"')
        notes.append("runtime runc: crun refuses hosts that mount cgroups v1 and v2 side by side")
    text = "".join(
        f"[{name}]\n" + "\n".join(rows) + "\n" for name, rows in (("containers", containers), ("engine", engine)) if rows
    )
    return text, tuple(notes)
