"""Which Knative versions were seen to serve a request on this host, and when: `versions` shows it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.adapters.files import State, locked, write_json
from harness.model import InstalledStack

NOTE = "installed.json"


@dataclass(frozen=True, slots=True)
class Installed:
    """The latest time that a version served a request here. at_ns: UTC. kubernetes: "v1.34.4"; source: "module" or "release"."""

    at_ns: int
    kubernetes: str
    source: str
    toolchain: str


def note(state: State, stack: InstalledStack, at_ns: int) -> None:
    """Remember that this stack served a request."""
    one = stack.stack
    with locked(state.locks / "installed.lock", within_s=30, holder="noting what is installed"):
        known = {version: asdict(seen) for version, seen in read(state).items()}
        known[one.knative] = asdict(Installed(at_ns, one.kubernetes, one.source, one.toolchain))
        write_json(_place(state), known)


def read(state: State) -> dict[str, Installed]:
    """By the version's canonical text; empty when nothing was noted, or the note is broken."""
    try:
        found = json.loads(_place(state).read_text(encoding="utf-8"))
        return {str(version): Installed(**seen) for version, seen in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _place(state: State) -> Path:
    return state.root / NOTE
