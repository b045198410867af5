"""promtool and prometheus for the tests of the rules: from the PATH, else of Debian's package, unpacked into the harness's cache.

    python -m tests.monitoring.programs     prints where they are; exit 3: they are not to be had, and what to do is said

The package is not installed: it would start a server on this host. Its two programs need nothing but the C library.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.adapters.files import State, locked
from harness.adapters.process import run, which
from harness.cluster.packages import is_debian
from harness.errors import HostError, ToolFailed

PACKAGE = "prometheus"
PROGRAMS = ("prometheus", "promtool")
PLACE = f"debian/{PACKAGE}"
"""Below the cache of the state directory."""


def programs(state: State, say: Callable[[str], None] = print, *, path: str | None = None) -> dict[str, Path]:
    """Each program's place. Fetches what is missing, in one announced step. Raises HostError when that cannot be done.

    path: in place of PATH.
    """
    unpacked = state.cache / PLACE / "usr/bin"
    with locked(state.locks / "debian-prometheus.lock", within_s=300, holder="unpacking Debian's prometheus"):
        found = {name: which(name, (unpacked,), path=path) for name in PROGRAMS}
        if not all(found.values()):
            _unpack(state, say)
            found = {name: which(name, (unpacked,), path=path) for name in PROGRAMS}
    if missing := [name for name, place in found.items() if place is None]:
        raise HostError(f"The package {PACKAGE} has no {' and no '.join(missing)}.", fix=f"Put {missing[0]} on the PATH.")
    return {name: place for name, place in found.items() if place is not None}


def _unpack(state: State, say: Callable[[str], None]) -> None:
    """The package's files into the cache, whole or not at all."""
    if not is_debian() or which("apt-get") is None or which("dpkg-deb") is None:
        raise HostError(f"{' and '.join(PROGRAMS)} are not on this machine.", fix="Install Prometheus 2.42 or newer.")
    say(f"Fetching Debian's package {PACKAGE} (19 MB) with apt-get, for promtool; it is unpacked into the cache and not installed.")
    place, log = state.cache / PLACE, state.logs / "apt.log"
    with tempfile.TemporaryDirectory(dir=state.cache, prefix="debian-") as scratch:
        try:
            _download(Path(scratch), log)
            (package,) = Path(scratch).glob("*.deb")
            run(["dpkg-deb", "--extract", str(package), f"{scratch}/files"], log=log)
        except (ToolFailed, ValueError) as failure:
            raise HostError(
                f"apt-get did not download {PACKAGE}: {failure}", where=str(log), fix="Install Prometheus 2.42 or newer."
            ) from failure
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        Path(scratch, "files").rename(place)


def _download(into: Path, log: Path) -> None:
    """A new machine knows no packages until it was told which there are; only root may ask."""
    download = ["apt-get", "download", PACKAGE]
    try:
        run(download, cwd=into, log=log, timeout_s=300)
    except ToolFailed:
        if os.geteuid() != 0:
            raise
        run(["apt-get", "update"], log=log, timeout_s=300)
        run(download, cwd=into, log=log, timeout_s=300)


def main() -> int:
    """Print each program with its place."""
    try:
        for name, place in programs(State.default()).items():
            print(f"{name}: {place}")
    except HostError as error:
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
