"""The programs we are compared with: built from their Go modules at pinned versions, or Debian's."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from harness.adapters.files import State
from harness.adapters.gotool import GoTool
from harness.adapters.process import run, which
from harness.adapters.progress import Progress
from harness.cluster.packages import install
from harness.errors import HarnessError

PINS = Path(__file__).parents[2] / "requirements" / "bench-go.txt"
"""One Go module a line, "module@version", whose root is the command."""


def pins(text: str) -> dict[str, tuple[str, str]]:
    """{command: (module, version)} of such a file; lines that begin with # are left out."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            module, _, version = line.strip().partition("@")
            parts = module.split("/")
            found[parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]] = (module, version)
    return found


def provide(state: State, progress: Progress) -> tuple[dict[str, Path], dict[str, str]]:
    """({name: binary}, {name: version, or why it is not there}). Never raises: a comparison with fewer is still one."""
    binaries: dict[str, Path] = {}
    notes: dict[str, str] = {}
    for name, (module, version) in pins(PINS.read_text(encoding="utf-8")).items():
        try:
            binaries[name] = _built(name, module, version, state, progress)
            notes[name] = version
        except HarnessError as error:
            notes[name] = f"left out: {error.what}"
    try:
        install(("wrk",), state=state, progress=progress)
        place = which("wrk")
        shown = run(["dpkg-query", "--show", "--showformat", "${Version}", "wrk"], check=False).stdout.strip()
        if place is None:
            notes["wrk"] = "left out: not on PATH"
        else:
            binaries["wrk"], notes["wrk"] = place, shown or "of unknown version"
    except HarnessError as error:
        notes["wrk"] = f"left out: {error.what}"
    return binaries, notes


def _built(name: str, module: str, version: str, state: State, progress: Progress) -> Path:
    """From the cache, or built there."""
    go = GoTool.find(state, progress=progress)
    place = state.cache / "bench" / f"{name}-{version}-go{go.version}"
    if not (place / name).is_file():
        with progress.step(f"build {name} {version}"), tempfile.TemporaryDirectory(dir=state.cache) as root:
            text = f"module knative-chaos.dev/bench\n\ngo 1.25.0\n\nrequire {module} {version}\n"
            (Path(root) / "go.mod").write_text(text, encoding="utf-8")
            go.build(Path(root), [module], out=place, log=state.logs / f"bench-{name}.log", timeout_s=600)
    return place / name
