"""A Go module in a directory: what its go.mod says, and a digest of every file that Go could build."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInput

GO_MOD = "go.mod"
VENDORED = Path("vendor/modules.txt")
"""Where Go lists the modules whose files a tree carries along."""


@dataclass(frozen=True, slots=True)
class GoModule:
    """A go.mod. root: its directory. text: as it stands. required: version by module. replaced: by module, what stands for it: a
    directory, or a module and its version.
    """

    root: Path
    path: str
    text: str
    required: Mapping[str, str]
    replaced: Mapping[str, str]

    @property
    def beside(self) -> tuple[Path, ...]:
        """The directories that stand for modules."""
        return tuple(dict.fromkeys(self.root / to for to in self.replaced.values() if is_directory(to)))

    @property
    def vendored(self) -> bool:
        """Whether the files of its dependencies lie in it. A module's zip can have the list without them."""
        listed = self.root / VENDORED
        return listed.is_file() and any(one.is_dir() for one in listed.parent.iterdir())

    def digest(self) -> str:
        """A hash over the names and contents of all files of the module, and of those directories beside it that stand for modules.

        Go builds nothing of a file or directory whose name begins with a dot; those do not count. Raises BadInput for a file that
        cannot be read.
        """
        total = hashlib.sha256()
        for number, top in enumerate((self.root, *self.beside)):
            for path in _files(top):
                try:
                    content = path.read_bytes() if path.is_file() else bytes(path.readlink())
                    runs = "x" if path.is_file() and path.stat().st_mode & 0o100 else "-"
                except OSError as error:
                    raise BadInput(f"{path} cannot be read: {error.strerror}.", fix="Make it readable, or remove it.") from error
                of = path.relative_to(top).as_posix()
                total.update(f"{number}\0{of}\0{runs}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        return total.hexdigest()


def is_directory(replacement: str) -> bool:
    """Whether what stands for a module is a directory: Go asks for "./", "../" or an absolute path."""
    return replacement.startswith((".", "/"))


def module_above(place: Path) -> GoModule | None:
    """The module that a directory lies in, None if it lies in none. Raises BadInput as `read_module`."""
    root = next((one for one in (place, *place.parents) if (one / GO_MOD).is_file()), None)
    return None if root is None else read_module(root)


def read_module(root: Path) -> GoModule:
    """The go.mod of a directory. Raises BadInput if it cannot be read or names no module."""
    path = root / GO_MOD
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", fix="Name a directory with a go.mod.") from error
    name = ""
    required: dict[str, str] = {}
    instead: dict[tuple[str, str], str] = {}
    for verb, words in directives(text):
        if verb == "module" and words:
            name = words[0]
        elif verb == "require" and len(words) >= 2:
            required[words[0]] = words[1]
        elif verb == "replace" and "=>" in words:
            arrow = words.index("=>")
            instead[words[0], " ".join(words[1:arrow])] = " ".join(words[arrow + 1 :])
    if not name:
        raise BadInput(f"{path} names no module.", fix="Name a directory with a Go module.")
    # A replacement of another version than the required one stands for nothing.
    replaced = {of: to for (of, version), to in instead.items() if version in {"", required.get(of, "")}}
    return GoModule(root, name, text, required, replaced)


def directives(text: str) -> Iterator[tuple[str, list[str]]]:
    """(verb, words) of each line of a go.mod, also of those in a block; without comments and quotes."""
    verb = ""
    for line in text.splitlines():
        words = [word.strip('"') for word in line.split("//", maxsplit=1)[0].split()]
        if not words:
            continue
        if verb and words == [")"]:
            verb = ""
        elif verb:
            yield verb, words
        elif words[-1] == "(":
            verb = words[0]
        else:
            yield words[0], words[1:]


def _files(top: Path) -> Iterator[Path]:
    """Files and links below a directory, in order. Links to directories are not followed."""
    for folder, folders, files in os.walk(top):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in links)
        for name in sorted([*files, *links]):
            path = here / name
            if name[0] != "." and (path.is_symlink() or path.is_file()):
                yield path
