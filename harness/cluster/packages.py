"""Debian packages this host lacks: named first, then installed if this is Debian and we are root; otherwise the command is told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from harness.adapters.engine import PACKAGES
from harness.adapters.files import State, locked
from harness.adapters.process import run, which
from harness.adapters.progress import Progress
from harness.errors import HostError, ToolFailed

ENGINE_PACKAGES = PACKAGES
BUILD_PACKAGES = ("debootstrap", "catatonit")
"""For images that are made here because no registry serves them."""

RELEASE = Path("/etc/os-release")


def is_debian(release: Path = RELEASE) -> bool:
    """Debian, or a distribution that says it is like Debian."""
    try:
        lines = release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    kin = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".replace('"', "").split()
    return "debian" in kin


def absent(names: Sequence[str]) -> tuple[str, ...]:
    """Those that dpkg does not know as installed; all of them where there is no dpkg."""
    if which("dpkg-query") is None:
        return tuple(names)
    shown = run(["dpkg-query", "--show", "--showformat", "${Package}\t${db:Status-Status}\n", *names], check=False).stdout
    there = {row.split("\t")[0] for row in shown.splitlines() if row.endswith("\tinstalled")}
    return tuple(name for name in names if name not in there)


def command(names: Sequence[str]) -> str:
    """What a person would type."""
    return f"apt-get update && apt-get install -y --no-install-recommends {' '.join(names)}"


def install(
    names: Sequence[str], *, state: State, progress: Progress, release: Path = RELEASE, uid: int | None = None
) -> tuple[str, ...]:
    """Install those of names that are absent, after saying which, and answer with them. Nothing else on the host is changed.

    Raises HostError with the exact command when this is not Debian, we are not root, or apt does not do it.
    """
    lacking = absent(names)
    if not lacking:
        return ()
    wanted = f"Missing on this machine: {', '.join(lacking)}."
    if not is_debian(release):
        raise HostError(
            f"{wanted} It is not Debian, so nothing is installed.",
            fix=f"Install them with its package manager (on Debian: {command(lacking)}).",
        )
    if (os.getuid() if uid is None else uid) != 0:
        raise HostError(f"{wanted} Only root may install packages.", fix=f"sudo sh -c '{command(lacking)}'")
    progress.say(f"{wanted} Debian packages, installed now: {' '.join(lacking)}.")
    log = state.logs / "apt.log"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with (
        locked(state.locks / "apt.lock", within_s=900, holder="installing packages"),
        progress.step("install Debian packages", work=f"install {' '.join(sorted(lacking))}"),
    ):
        try:
            run(["apt-get", "update"], env=quiet, timeout_s=300, log=log)
            run(["apt-get", "install", "--yes", "--no-install-recommends", *lacking], env=quiet, timeout_s=900, log=log)
        except ToolFailed as failure:
            raise HostError(
                f"apt did not install {' '.join(lacking)}: {failure.what}", fix=command(lacking), where=str(log)
            ) from failure
    return lacking
