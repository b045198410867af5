"""Room on disk, looked at before anything starts: a full disk in the middle of a build is the dearest way to find out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.files import State
from harness.errors import HostError

COLD_STATE_GB = 10.0
"""Go modules and build cache of one Kubernetes and one Serving version, and root file systems on their way to images."""

COLD_ENGINE_GB = 7.0
"""The images made from them, the node they are loaded into, and the archive on the way there."""

WARM_STATE_GB = 2.0
WARM_ENGINE_GB = 3.0
GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """What one file system must have for the places on it. All in gigabytes (10^9 bytes)."""

    places: tuple[Path, ...]
    need_gb: float
    free_gb: float

    def __str__(self) -> str:
        names = " and ".join(str(place) for place in self.places)
        return f"{self.free_gb:.1f} GB free for {names}, {self.need_gb:.0f} GB needed"


def there(place: Path) -> bool:
    """Whether it is there as far as this user can see: what may not be looked into counts as its parent."""
    try:
        return place.exists()
    except OSError:
        return False


def is_cold(state: State, *, uid: int | None = None) -> bool:
    """Whether all has still to be built: no Go module has been fetched yet. Without root nothing is built, images are pulled."""
    return (os.getuid() if uid is None else uid) == 0 and not any((state.root / "go" / "path").glob("pkg/mod/*"))


def needs(state: State, engine_root: Path, *, cold: bool) -> dict[Path, float]:
    """How many gigabytes are needed where."""
    where = {state.root: COLD_STATE_GB if cold else WARM_STATE_GB}
    where[engine_root] = where.get(engine_root, 0) + (COLD_ENGINE_GB if cold else WARM_ENGINE_GB)
    return where


def rooms(where: Mapping[Path, float]) -> tuple[Room, ...]:
    """One room a file system: what places on the same one need adds up. A place that is not there yet counts for its parent."""
    by_device: dict[int, list[tuple[Path, Path, float]]] = {}
    for place, need in where.items():
        stands = next(part for part in (place, *place.parents) if there(part))
        by_device.setdefault(stands.stat().st_dev, []).append((place, stands, need))
    return tuple(
        Room(
            tuple(place for place, _, _ in group),
            sum(need for _, _, need in group),
            shutil.disk_usage(group[0][1]).free / GB,
        )
        for group in by_device.values()
    )


def require_disk(where: Mapping[Path, float]) -> None:
    """Raises HostError naming each file system with too little room, and how to get some."""
    short = [room for room in rooms(where) if room.free_gb < room.need_gb]
    if short:
        raise HostError(
            f"Too little disk: {'; '.join(map(str, short))}.",
            fix="Free some (`knative-chaos cache` lists and prunes what is ours), or put KNATIVE_CHAOS_HOME on a larger disk.",
        )
