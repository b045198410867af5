"""Single facts of this host, each read from where the kernel shows it. Roots can be given, so that tests can show other hosts."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
MODULES = Path("/lib/modules")

FEATURES = {
    "overlay": ("ovl_fill_super", "ovl_create_real"),
    "bridge": ("br_dev_setup", "br_add_if"),
    "nat": ("nf_nat_setup_info", "nf_nat_packet"),
    "conntrack": ("nf_conntrack_in",),
    "veth": ("veth_setup", "veth_newlink"),
}
"""What a node needs of the kernel, and functions by which it shows when it is loaded or built in."""

MODULE_FILES = {"overlay": "overlay", "bridge": "bridge", "nat": "nf_nat", "conntrack": "nf_conntrack", "veth": "veth"}


def memory_gb(proc: Path = PROC) -> tuple[float, float]:
    """Total and available memory, in gigabytes (10^9 bytes); zeros when the kernel does not say."""
    try:
        rows = (proc / "meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0, 0.0
    kib = {row.split(":")[0]: int(row.split()[1]) for row in rows if ":" in row}
    return kib.get("MemTotal", 0) * 1024 / 1e9, kib.get("MemAvailable", 0) * 1024 / 1e9


def inotify(proc: Path = PROC) -> tuple[int, int]:
    """max_user_instances and max_user_watches; zeros when the kernel does not say."""
    place = proc / "sys" / "fs" / "inotify"
    return _number(place / "max_user_instances"), _number(place / "max_user_watches")


def lacking_features(proc: Path = PROC, modules: Path = MODULES) -> tuple[str, ...]:
    """Those of FEATURES that are neither in the running kernel nor in a module it could load."""
    sought = {symbol for symbols in FEATURES.values() for symbol in symbols}
    found = _symbols(proc / "kallsyms", sought)
    loadable = _loadable(modules / platform.release())
    return tuple(
        name for name, symbols in FEATURES.items() if not found.intersection(symbols) and MODULE_FILES[name] not in loadable
    )


def _symbols(table: Path, sought: Iterable[str]) -> set[str]:
    wanted = set(sought)
    found = set()
    try:
        with table.open(encoding="ascii", errors="replace") as rows:
            for row in rows:
                name = row.split(" ", 2)[-1].split("\t")[0].strip()
                if name in wanted:
                    found.add(name)
    except OSError:
        pass
    return found


def _loadable(release: Path) -> set[str]:
    names: set[str] = set()
    for listing in ("modules.dep", "modules.builtin"):
        try:
            rows = (release / listing).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        names.update(Path(row.split(":")[0]).name.split(".")[0].replace("-", "_") for row in rows)
    return names


def _number(place: Path) -> int:
    try:
        return int(place.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
