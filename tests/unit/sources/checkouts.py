"""Small checkouts of Serving and queue-proxies of the user's own, with and without git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

GO_MOD = """module knative.dev/serving

go 1.25.0

require (
\tknative.dev/caching v0.0.0-2
\tknative.dev/networking v0.0.0-20260727162500-c7a7b772cac9 // pinned by 1.23
)
"""

OWN_GO_MOD = """module example.org/own

go 1.25.0

require knative.dev/serving v0.50.0
"""


def written(root: Path, files: dict[str, str]) -> Path:
    """These files below a directory; which is answered."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def serving(root: Path, **changes: str) -> Path:
    """A checkout of Serving 1.23, as far as it is looked at. changes: files more or others."""
    files = {"go.mod": GO_MOD, "cmd/queue/main.go": "package main\n", "config/core/100-namespace.yaml": "kind: Namespace\n"}
    return written(root, {**files, **changes})


def own(root: Path, go_mod: str = OWN_GO_MOD) -> Path:
    """A queue-proxy of the user's own."""
    return written(root, {"go.mod": go_mod, "main.go": "// Holds.\npackage main\n\nfunc main() {}\n"})


def git(root: Path, *words: str) -> None:
    """Git, as nobody's configuration has it."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    subprocess.run(["/usr/bin/env", "git", "-C", str(root), *words], check=True, capture_output=True, env=env, timeout=60)


def committed(root: Path, *, tag: str = "") -> Path:
    """The same directory as a repository with one commit more."""
    if not (root / ".git").exists():
        git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "one")
    if tag:
        git(root, "tag", tag)
    return root
