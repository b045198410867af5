"""What this machine and its user are called: words that must not leave it in a file for others."""

from __future__ import annotations

import getpass
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OF_MANY = frozenset(
    {"admin", "app", "core", "daemon", "debian", "default", "docker", "ec2-user", "fedora", "guest", "localhost", "node", "nobody"}
    | {"podman", "root", "runner", "system", "test", "ubuntu", "user", "vagrant"}
)
"""Names that say nothing of whoever has them, and that appear everywhere."""

SHORTEST = 3
"""Letters of a name that can be looked for in a text."""

DEEP = 3
"""Parts of a path, the root included, from which on it names one machine: /usr and /tmp are everybody's."""


@dataclass(frozen=True, slots=True)
class Here:
    """names: of the host. users: of whoever works here. paths: absolute, the longest first."""

    names: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    @staticmethod
    def look(paths: Iterable[Path] = ()) -> Here:
        """Of this process. paths: those that the caller knows of, beside home, the working directory and where Python lies."""
        named = socket.gethostname()
        names = {named, named.partition(".")[0]}
        try:
            users = {getpass.getuser()}
        except (OSError, KeyError):  # a number without a name
            users = set()
        known = [*paths, Path.cwd(), Path(sys.prefix), Path(__file__).resolve().parents[2]]
        every = {str(form) for path in known for form in (path.absolute(), path.resolve()) if len(form.parts) >= DEEP}
        home = Path.home()
        every |= {str(home)} if len(home.parts) > 1 else set()
        return Here(_telling(names), _telling(users), tuple(sorted(every, key=lambda path: (-len(path), path))))


def _telling(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if len(name) >= SHORTEST and name.lower() not in OF_MANY))
