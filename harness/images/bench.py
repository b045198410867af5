"""What every recipe works with: engine, state directory, Go, pins; and where products lie and how they get there whole."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.adapters.engine import Engine
from harness.adapters.files import State, write_json
from harness.adapters.gotool import GoTool
from harness.adapters.progress import Progress
from harness.images.jobs import Job
from harness.images.keys import LABEL
from harness.images.versions import Versions

OURS = "localhost/knative-chaos/"
"""Images for the node and bases: never meant to leave this host."""

APPS = "dev.local/knative-chaos/"
"""Images that run in the cluster: Knative does not resolve names under dev.local to digests."""

DONE = "made.json"
"""The file that is in a product's directory when it is whole."""

MACHINE = platform.machine()
"""Part of every key: what is built here runs on this kind of machine."""


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What is needed to make files. `go` is looked for (and installed) when the first recipe asks for it."""

    state: State
    progress: Progress
    versions: Versions = field(default_factory=Versions.load)
    _go: list[GoTool] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def go(self) -> GoTool:
        """The toolchain. Raises HostError when there is none."""
        with self._guard:
            if not self._go:
                self._go.append(GoTool.find(self.state, progress=self.progress))
            return self._go[0]

    def log(self, name: str) -> Path:
        """Where the programs of one product write. It holds the latest attempt only."""
        path = self.state.logs / "images" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
        return path

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """An empty directory that is gone afterwards. Its name carries our process id, so that `sweep` finds orphans."""
        root = self.state.cache / "tmp"
        root.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{name}-", dir=root))
        try:
            yield place
        finally:
            remove_tree(place)

    def directory_job(
        self,
        kind: str,
        name: str,
        key: str,
        fill: Callable[[Path, Path], Mapping[str, object]],
        *,
        title: str,
        weight_s: float,
        needs: tuple[Job, ...] = (),
    ) -> Job:
        """A job that makes `cache/KIND/NAME-KEY/`. fill(directory, log) puts the product in; its answer is noted beside it."""
        place = self.state.cache / kind / f"{name}-{key}"

        def work() -> None:
            log = self.log(f"{kind}-{name}")
            with self.scratch(name) as fresh:
                product = fresh / "product"
                product.mkdir()
                note = fill(product, log)
                write_json(product / DONE, {"key": key, "kind": kind, "name": name, **note})
                place.parent.mkdir(parents=True, exist_ok=True)
                remove_tree(place)
                product.rename(place)

        return Job(title, str(place), (place / DONE).is_file, work, needs, weight_s)


@dataclass(frozen=True, kw_only=True)
class Bench(Shelf):
    """What is needed to make images too."""

    engine: Engine

    def image_job(
        self,
        name: str,
        key: str,
        make: Callable[[str, Mapping[str, str], Path, Path], None],
        *,
        title: str,
        weight_s: float,
        needs: tuple[Job, ...] = (),
    ) -> Job:
        """A job that makes the image `NAME-KEY`. name: with the tag, up to its version ("localhost/x:v1").

        make(image name, labels, empty directory, log) makes it; the engine gives it its name last of all.
        """
        full = f"{name}-{key}"
        short = name.rsplit("/", 1)[-1].split(":", 1)[0]

        def work() -> None:
            with self.scratch(short) as context:
                make(full, {LABEL: key}, context, self.log(f"image-{short}"))

        return Job(title, full, lambda: self.engine.image_id(full) is not None, work, needs, weight_s)


def sweep(state: State) -> None:
    """Remove scratch directories of processes that are no more (killed ones leave them)."""
    root = state.cache / "tmp"
    for place in root.iterdir() if root.is_dir() else ():
        owner = place.name.split("-", 1)[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            remove_tree(place)


def put(source: Path, target: Path) -> None:
    """The same file at another place: a second name where the file system can, a copy elsewhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def discard(place: Path, state: State) -> None:
    """Remove a product so that nobody meets half of it: first out of the way, then piece by piece."""
    away = state.cache / "tmp" / f"{os.getpid()}-discarded-{place.name}"
    away.parent.mkdir(parents=True, exist_ok=True)
    remove_tree(away)
    place.rename(away)
    remove_tree(away)


def remove_tree(place: Path) -> None:
    """Remove a directory with all in it, also one whose directories are read-only, as Go's module cache is. Never follows links."""
    if not place.exists():
        return
    for folder, _folders, _files in os.walk(place):
        Path(folder).chmod(stat.S_IRWXU)
    shutil.rmtree(place)
