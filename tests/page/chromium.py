"""Makes sure that there is a browser to test with: Debian's chromium and chromium-driver.

    python tests/page/chromium.py      exit 0: both are there; 3: they are not, and what to do is said

Installs the two packages when it may (root on Debian), announced in one line. Standard library only: it runs before anything else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Program -> Debian package."""


def missing() -> list[str]:
    """Packages whose program is not on the PATH."""
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def on_debian() -> bool:
    """Whether this is Debian itself: elsewhere a package of that name may be something else (a snap)."""
    try:
        told = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return False
    return "ID=debian" in told.split() and shutil.which("apt-get") is not None


def main() -> int:
    """Install what is missing, or say what to do."""
    wanted = missing()
    if not wanted:
        return 0
    if os.geteuid() != 0 or not on_debian():
        print(f"Missing: {', '.join(wanted)}. On Debian: apt-get install {' '.join(wanted)}", file=sys.stderr)
        return 3
    print(f"Installing {' and '.join(wanted)} with apt-get, to test the page in a real browser.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]):
        done = subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode and argv[1] == "install":
            print(f"{' '.join(argv)} failed; run it yourself.", file=sys.stderr)
            return 3
    return 3 if missing() else 0


if __name__ == "__main__":
    sys.exit(main())
