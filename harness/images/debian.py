"""Debian root file systems, made by debootstrap: the small base that some images stand on, and the node's."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from harness.adapters.process import run, which
from harness.errors import HostError
from harness.images.bench import MACHINE, OURS, Bench
from harness.images.jobs import Job, undisturbed
from harness.images.keys import key
from harness.images.recipes import packages

SBIN = (Path("/usr/sbin"), Path("/sbin"))

LEFT_OUT = (
    "./var/cache/apt/archives/*.deb",
    "./var/cache/apt/*.bin",
    "./var/lib/apt/lists/*",
    "./var/log/*.log",
    "./usr/share/man/*",
    "./usr/share/info/*",
    "./usr/share/locale/*",
    "./etc/resolv.conf",
    "./etc/hostname",
)
"""What debootstrap leaves behind and an image does not need; the last two are this host's."""

APT = Path("/etc/apt")


def rootfs_job(bench: Bench, which_list: str, *, weight_s: float) -> Job:
    """An image of a Debian root file system with the packages of `recipes/debian/WHICH.packages`."""
    suite = bench.versions.debian
    chosen = packages(f"{which_list}.packages")
    made_from = key(suite, sorted(chosen), LEFT_OUT, MACHINE)

    def make(image: str, labels: Mapping[str, str], scratch: Path, log: Path) -> None:
        root, tar = scratch / "root", scratch / "root.tar"
        debootstrap(suite, chosen, root, log)
        skipped = [f"--exclude={pattern}" for pattern in LEFT_OUT]
        run(
            ["tar", "--create", "--numeric-owner", *skipped, "--directory", str(root), "--file", str(tar), "."],
            log=log,
            timeout_s=900,
        )
        with undisturbed():
            bench.engine.import_rootfs(tar, image, [f"LABEL {name}={value}" for name, value in labels.items()])

    title = f"debootstrap {suite} for the {which_list}"
    return bench.image_job(f"{OURS}debian-{which_list}:{suite}", made_from, make, title=title, weight_s=weight_s)


def debootstrap(suite: str, chosen: tuple[str, ...], root: Path, log: Path) -> None:
    """Fill `root`. Raises HostError without root rights or without debootstrap, ToolFailed when it fails.

    It runs in a mount namespace of its own: what it mounts below `root` is gone with it, however it ends.
    """
    if os.geteuid() != 0:
        raise HostError(
            "Making a Debian root file system needs root, and this is not.",
            fix="Run as root, or take images from registries: --kn-source release.",
        )
    program = which("debootstrap", SBIN)
    if program is None:
        raise HostError("debootstrap is not on this machine.", fix="apt-get install -y --no-install-recommends debootstrap")
    mirror = host_mirror()
    run(
        [
            *["unshare", "--mount", "--propagation", "private", str(program), "--variant=minbase", f"--include={','.join(chosen)}"],
            *[suite, str(root), *([mirror] if mirror else [])],
        ],
        env={"PATH": f"/usr/local/sbin:/usr/sbin:/sbin:{os.environ.get('PATH', '/usr/bin:/bin')}", "LC_ALL": "C"},
        log=log,
        timeout_s=1_800,
        fix="Read the log; if packages are not found, check this host's Debian mirror (apt-get update).",
    )


def host_mirror(apt: Path = APT, release: Path = Path("/etc/os-release")) -> str:
    """The Debian mirror this host itself uses, or "" (debootstrap then uses its default): none is written in a file of ours.

    Only of a Debian host, whose first http source with a plain suite and a main component it is.
    """
    if not release.is_file() or not re.search(r"^ID=\"?debian\"?$", release.read_text(encoding="utf-8"), re.MULTILINE):
        return ""
    sources = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for path in sources:
        if not path.is_file() or path.suffix not in {".list", ".sources"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for uri, suites, components in _deb822(text) if path.suffix == ".sources" else _one_line(text):
            plain = any(re.fullmatch(r"[a-z]+", suite) for suite in suites)
            if uri.startswith(("http://", "https://")) and plain and "main" in components and "security" not in uri:
                found = re.search(r"/debian/?$", uri)
                if found:
                    return uri
    return ""


def _one_line(text: str) -> list[tuple[str, list[str], list[str]]]:
    """Of `deb [options] URI SUITE COMPONENT ...` lines."""
    found = []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)", line.strip())
        if match:
            found.append((match[1], [match[2]], match[3].split("#")[0].split()))
    return found


def _deb822(text: str) -> list[tuple[str, list[str], list[str]]]:
    """Of paragraphs with Types, URIs, Suites, Components. Continuation lines are not used by any file seen so far."""
    found: list[tuple[str, list[str], list[str]]] = []
    for paragraph in re.split(r"\n\s*\n", text):
        pairs = re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", paragraph, re.MULTILINE)
        fields = {name.lower(): value.split() for name, value in pairs}
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
            found.extend((uri, fields.get("suites", []), fields.get("components", [])) for uri in fields.get("uris", []))
    return found
