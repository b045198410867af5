"""What git says of a directory, without changing anything in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.process import run
from harness.errors import HarnessError

OTHERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")
"""Set for programs that git itself starts, such as a hook; they would point to another repository than that of the directory."""

DESCRIBED = re.compile(r"(?P<tag>.+)-(?P<since>\d+)-g[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Commit:
    """What is checked out. id: in hex. changed: tracked files differ, or there are files that are neither tracked nor ignored.

    tag: the nearest tag of those asked for, "" if no commit before this one has any, or if the directory is not the top of its
    repository. since: number of commits after the tag.
    """

    id: str
    changed: bool
    tag: str = ""
    since: int = 0


def commit_of(directory: Path, *, tracked: str, tags: tuple[str, ...] = ()) -> Commit | None:
    """The commit that is checked out in a directory; None if no repository tracks its file `tracked`, or git is not there.

    tags: patterns of the tags to look for.
    """
    if _git(directory, "ls-files", "--error-unmatch", "--", tracked) is None:
        return None
    head = _git(directory, "rev-parse", "HEAD")
    if head is None:
        return None
    changed = bool(_git(directory, "status", "--porcelain", "--", "."))
    top = _git(directory, "rev-parse", "--show-toplevel")
    if not tags or top is None or Path(top).resolve() != directory.resolve():
        return Commit(head, changed)
    said = _git(directory, "describe", "--tags", "--long", *(f"--match={pattern}" for pattern in tags), "HEAD")
    found = DESCRIBED.fullmatch(said or "")
    return Commit(head, changed, found["tag"], int(found["since"])) if found else Commit(head, changed)


def _git(directory: Path, *words: str) -> str | None:
    """The answer without its last line end; None where git fails.

    Also in a repository of another user, as when root measures somebody's checkout; a program that its configuration names for
    watching files is not run.
    """
    without = [word for name in OTHERS for word in ("-u", name)]
    argv = ["env", *without, "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C", "git", "-C", str(directory)]
    argv += ["-c", "safe.directory=*", "-c", "core.fsmonitor=false", *words]
    try:
        done = run(argv, timeout_s=60, check=False)
    except HarnessError:
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
