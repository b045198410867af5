"""Files and locks: atomic writes, appends that survive a kill, one lock a resource, the state directory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import BadInput, HostError


class State:
    """`$KNATIVE_CHAOS_HOME/{cache,clusters/NAME,locks,logs,go}`; everything the harness writes on a host but artifacts."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def default(env: Mapping[str, str] | None = None) -> State:
        """From KNATIVE_CHAOS_HOME, else below XDG_STATE_HOME, else below ~/.local/state."""
        seen = os.environ if env is None else env
        if seen.get("KNATIVE_CHAOS_HOME"):
            return State(Path(seen["KNATIVE_CHAOS_HOME"]).expanduser().resolve())
        base = Path(seen.get("XDG_STATE_HOME") or Path(seen.get("HOME", "~")).expanduser() / ".local" / "state")
        return State(base / "knative-chaos")

    def _dir(self, *parts: str) -> Path:
        path = self.root.joinpath(*parts)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"The state directory {path} cannot be made: {error.strerror}.",
                fix="Set KNATIVE_CHAOS_HOME to a directory you may write.",
            ) from error
        return path

    @property
    def cache(self) -> Path:
        """Things that can be made again."""
        return self._dir("cache")

    @property
    def logs(self) -> Path:
        """Output of the programs we ran."""
        return self._dir("logs")

    @property
    def locks(self) -> Path:
        """One file a lock."""
        return self._dir("locks")

    @property
    def go(self) -> Path:
        """GOPATH and GOCACHE."""
        return self._dir("go")

    def cluster(self, name: str) -> Path:
        """What we know of one cluster: kubeconfig, ports, recipe."""
        return self._dir("clusters", name)


def write_atomic(path: Path, text: str) -> None:
    """The whole text or nothing, also under a kill."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            out.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Sorted keys, so that two runs can be compared line by line."""
    write_atomic(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


@contextmanager
def made_directory(place: Path) -> Iterator[None]:
    """The directory, and those above it, are there in the block. If it fails, those that were made for it are removed again, unless
    something lies in them.
    """
    made = [one for one in (place, *place.parents) if not one.exists()]
    try:
        place.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for one in made:
            with suppress(OSError):  # not made, or somebody has put something there
                one.rmdir()
        raise


@contextmanager
def locked(path: Path, *, within_s: float, holder: str) -> Iterator[None]:
    """Hold the lock file for the block. holder: who we are, shown to those who wait in vain.

    The lock dies with its process (flock), so a killed harness leaves none behind. Raises HostError when it is not had in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    note = path.with_suffix(".holder")
    lock = FileLock(str(path))
    try:
        lock.acquire(timeout=within_s)
    except Timeout as error:
        try:
            who = note.read_text(encoding="utf-8").strip()
        except OSError:  # let go of in this moment, or not yet written
            who = "somebody unknown"
        raise HostError(
            f"The lock {path.name} was not free within {within_s:g} s; held by {who}.",
            fix="Wait for that run to end, or end it.",
            where=str(path),
        ) from error
    try:
        write_atomic(note, f"{holder} (pid {os.getpid()})\n")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


@contextmanager
def run_alive(state: State, run_id: str) -> Iterator[None]:
    """Say for the block that this run is alive: its things in a cluster are nobody's to sweep."""
    path = _run_lock(state, run_id)
    try:
        with locked(path, within_s=0, holder=f"run {run_id}"):
            yield
    finally:
        path.unlink(missing_ok=True)


def is_alive(state: State, run_id: str) -> bool:
    """Whether a process of this host holds that run. One that was killed does not."""
    path = _run_lock(state, run_id)
    if not path.exists():
        return False
    lock = FileLock(str(path))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    path.unlink(missing_ok=True)
    return False


def _run_lock(state: State, run_id: str) -> Path:
    if not run_id.replace("-", "").isalnum():
        raise BadInput(f"{run_id!r} is no run's name.")
    return state.locks / f"run-{run_id}.lock"
