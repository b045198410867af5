"""Stand-ins for the two programs the room runs: an engine that keeps names in a file, a Go that writes empty commands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.adapters.engine import PODMAN, Engine
from harness.adapters.files import State
from harness.adapters.progress import Progress

ENGINE = """#!/bin/sh
# An engine whose images are the lines of a file beside it.
here=$(dirname "$0")
echo "$@" >> "$here/engine.calls"
case "$1" in
images) [ ! -f "$here/images" ] || sed 's/^/sha256:0\\t/; s/$/\\t1 MB/' "$here/images" ;;
image)
  [ "$2" = inspect ] || exit 0
  for name in "$@"; do :; done
  grep -qx "$name" "$here/images" 2>/dev/null && { echo sha256:0; exit 0; }
  echo "Error: $name: image not known" >&2; exit 125 ;;
build)
  [ ! -f "$here/broken" ] || { echo "no space left on device" >&2; exit 1; }
  while [ $# -gt 1 ]; do [ "$1" != --tag ] || echo "$2" >> "$here/images"; shift; done ;;
rmi)
  ! grep -qx "$2" "$here/in-use" 2>/dev/null || { echo "Error: image is in use by a container" >&2; exit 2; }
  grep -vx "$2" "$here/images" > "$here/images.new"; mv "$here/images.new" "$here/images" ;;
esac
"""

GO = """#!/bin/sh
# A Go that knows one module and "builds" by naming files.
here=$(dirname "$0")
echo "$@" >> "$here/go.calls"
case "$1 $2" in
"env GOVERSION") cat "$here/go.version" ;;
"mod download")
  case "$4" in
  */known@*) printf '{"Dir": "%s"}' "$here/module" ;;
  *) printf '{"Error": "%s: not found: unknown revision"}' "$4"; exit 1 ;;
  esac ;;
"build "*)
  [ ! -f "$here/go.broken" ] || { echo "$(cat "$here/go.broken")" >&2; exit 1; }
  touch go.sum
  out=""
  while [ $# -gt 0 ]; do
    case "$1" in
    -o) out=$2; shift ;;
    -ldflags) shift ;;
    example.org/*) echo "$1" > "$out/$(basename "$1")" ;;
    esac
    shift
  done ;;
esac
"""


@dataclass(frozen=True)
class Workshop:
    """State, the two stand-ins, and what was said to the user."""

    state: State
    engine: Engine
    bin: Path
    said: list[str]
    progress: Progress

    def calls(self, program: str, verb: str) -> int:
        """How often a stand-in was called with this first word."""
        log = self.bin / f"{program}.calls"
        return sum(line.split()[0] == verb for line in log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A state directory of its own, and PATH with the stand-ins in front."""
    place = tmp_path / "bin"
    (place / "module").mkdir(parents=True)
    for name, text in (("engine", ENGINE), ("go", GO)):
        (place / name).write_text(text, encoding="utf-8")
        (place / name).chmod(0o755)
    (place / "go.version").write_text("go1.26.8\n", encoding="utf-8")
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    said: list[str] = []
    return Workshop(
        State(tmp_path / "home"), Engine("podman", place / "engine", {}, (), PODMAN), place, said, Progress(said.append)
    )
