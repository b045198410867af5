"""What this machine has and lacks, and mending what may be mended. `examine` only looks; `prepare` installs what it announces."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.engine import ENGINE_VARIABLE, Engine
from harness.adapters.files import State
from harness.adapters.limits import Cgroups, Limits
from harness.adapters.ports import LOOPBACK, free_ports
from harness.adapters.process import run, which
from harness.adapters.progress import QUIET, Progress
from harness.cluster import disk, facts, packages
from harness.errors import HarnessError, HostError, ToolFailed

GO_PLACES = (Path("/usr/local/go/bin"),)
NEED_MEMORY_GB = 4.0
NEED_NOFILE = 1024
USUAL_ROOTS = {"docker": Path("/var/lib/docker"), "podman": Path("/var/lib/containers/storage")}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    seen: what was found, in words. fix: what mends it, "" if nothing needs to. needed: whether no run is possible without.
    """

    name: str
    ok: bool
    seen: str
    fix: str = ""
    needed: bool = True


def examine(state: State, *, cold: bool | None = None, prefer: str = "") -> tuple[Check, ...]:
    """All checks, none of which changes the host. cold: whether everything has still to be built; found out when None."""
    engine, first = _engine(state, prefer)
    limits = Limits.read()
    return (
        first,
        *_disk(state, engine, cold=disk.is_cold(state) if cold is None else cold),
        _memory(),
        _ports(),
        _cgroups(limits, engine),
        _limits(limits),
        _raising(limits),
        _go(state),
        _venv(),
        _modules_directory(engine),
        _inotify(),
        _kernel(),
        _builders(engine),
    )


def prepare(state: State, *, progress: Progress = QUIET, cold: bool | None = None, prefer: str = "") -> None:
    """See that a run is possible: room on disk first, then an engine, then the rest.

    Where no engine can be used and this is Debian and we are root, the packages of one are announced and installed, and those
    that building images needs. Raises HostError for all that is then still missing, each with its fix.
    """
    wish = prefer or os.environ.get(ENGINE_VARIABLE, "")
    engine, _ = _engine(state, wish)
    coldness = disk.is_cold(state) if cold is None else cold
    disk.require_disk(disk.needs(state, _storage(engine), cold=coldness))
    if engine is None:
        if wish in ("", "podman"):
            _install_engine(state, wish, progress)
        engine = Engine.detect(state, prefer=wish)
    if engine.name == "podman" and packages.is_debian() and os.getuid() == 0:
        packages.install((*packages.ENGINE_PACKAGES, *packages.BUILD_PACKAGES), state=state, progress=progress)
    failed = [check for check in examine(state, cold=coldness, prefer=wish) if check.needed and not check.ok]
    if failed:
        raise HostError(
            "This machine cannot run it yet: " + "; ".join(f"{check.name}: {check.seen}" for check in failed) + ".",
            fix="; ".join(check.fix for check in failed if check.fix),
        )


def _install_engine(state: State, wish: str, progress: Progress) -> None:
    """Where none can be installed, what is wrong with the engine that is there is the better message."""
    try:
        packages.install(packages.ENGINE_PACKAGES, state=state, progress=progress)
    except HostError as refused:
        Engine.detect(state, prefer=wish)
        raise refused from None


def _engine(state: State, prefer: str) -> tuple[Engine | None, Check]:
    try:
        engine = Engine.detect(state, prefer=prefer)
    except HarnessError as refusal:
        return None, Check("engine", ok=False, seen=refusal.what, fix=refusal.fix)
    notes = f"; {'; '.join(engine.notes)}" if engine.notes else ""
    return engine, Check("engine", ok=True, seen=f"{engine.name} ({engine.binary}){notes}")


def _storage(engine: Engine | None) -> Path:
    if engine is None:
        return next((root for root in USUAL_ROOTS.values() if disk.there(root)), Path("/var/lib"))
    try:
        return engine.disk_root()
    except ToolFailed:
        return USUAL_ROOTS[engine.name]


def _disk(state: State, engine: Engine | None, *, cold: bool) -> list[Check]:
    what = "disk (cold: everything is built)" if cold else "disk (warm)"
    fix = "Free some, or put KNATIVE_CHAOS_HOME on a larger disk."
    return [
        Check(what, ok=room.free_gb >= room.need_gb, seen=str(room), fix=fix)
        for room in disk.rooms(disk.needs(state, _storage(engine), cold=cold))
    ]


def _memory() -> Check:
    total, available = facts.memory_gb()
    seen = f"{total:.1f} GB, {available:.1f} GB available; {NEED_MEMORY_GB:.0f} GB needed"
    return Check("memory", ok=total >= NEED_MEMORY_GB, seen=seen, fix="Use a machine with more memory.")


def _ports() -> Check:
    try:
        found = free_ports(4)
    except HostError as none:
        return Check("ports", ok=False, seen=none.what, fix=f"See what holds them: ss -ltn src {LOOPBACK}")
    return Check("ports", ok=True, seen=f"free on {LOOPBACK}, such as {found[0]}")


def _cgroups(limits: Limits, engine: Engine | None) -> Check:
    if limits.cgroups is Cgroups.NONE:
        return Check("cgroups", ok=False, seen="none mounted", fix="Run on a host that mounts cgroups (v2 by preference).")
    if limits.cgroups is Cgroups.HYBRID and engine is not None and engine.name == "podman" and which("runc") is None:
        seen = "hybrid, which crun refuses, and runc is not here"
        return Check("cgroups", ok=False, seen=seen, fix=packages.command(["runc"]))
    advice = "" if limits.cgroups is Cgroups.V2 else " (Kubernetes is about to give it up; v2 is the safer choice)"
    return Check("cgroups", ok=True, seen=f"{limits.cgroups}{advice}")


def _limits(limits: Limits) -> Check:
    def shown(value: int) -> str:
        return "unlimited" if value < 0 else str(value)

    seen = f"open files {shown(limits.nofile)}, processes {shown(limits.nproc)} (hard limits)"
    return Check("limits", ok=not 0 <= limits.nofile < NEED_NOFILE, seen=seen, fix=f"ulimit -Hn {NEED_NOFILE * 64}")


def _raising(limits: Limits) -> Check:
    if limits.may_raise or limits.uid != 0:
        return Check("CAP_SYS_RESOURCE", ok=True, seen="held" if limits.may_raise else "not root", needed=False)
    seen = "missing: limits cannot be raised nor oom scores lowered; engine and node get settings that do without"
    return Check("CAP_SYS_RESOURCE", ok=False, seen=seen, needed=False)


def _go(state: State) -> Check:
    ours = sorted((state.root / "cache" / "toolchain").glob("go-*/go/bin/go"))
    binary = which("go", GO_PLACES) or (ours[-1] if ours else None)
    seen = run([str(binary), "version"], env={"GOTOOLCHAIN": "local"}, check=False, timeout_s=20).stdout if binary else ""
    version = re.search(r"go\d[\w.]*", seen)
    if version and binary:
        return Check("Go", ok=True, seen=f"{version[0]} ({binary})", needed=False)
    return Check("Go", ok=False, seen="none; a pinned one is fetched when images are built", needed=False)


def _venv() -> Check:
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    ok = importlib.util.find_spec("venv") is not None and importlib.util.find_spec("ensurepip") is not None
    fix = packages.command(["python3-venv"])
    return Check("Python", ok=ok, seen=version + ("" if ok else " without venv"), fix="" if ok else fix, needed=False)


def _modules_directory(engine: Engine | None) -> Check:
    there = facts.MODULES.exists()
    made = engine is not None and engine.name == "docker"
    seen = "there" if there else "missing; " + ("docker makes it" if made else "made, empty, before a cluster is (as root)")
    fix = "" if there or made else f"sudo mkdir -p {facts.MODULES}"
    return Check("/lib/modules", ok=there or made, seen=seen, fix=fix, needed=False)


def _inotify() -> Check:
    instances, watches = facts.inotify()
    ok = instances >= 128 and watches >= 8192
    fix = "sysctl -w fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288"
    return Check("inotify", ok=ok, seen=f"{instances} instances, {watches} watches", fix="" if ok else fix, needed=False)


def _kernel() -> Check:
    lacking = facts.lacking_features()
    seen = "overlay, bridge, nat, conntrack, veth" if not lacking else f"not found: {', '.join(lacking)}"
    fix = "" if not lacking else "modprobe " + " ".join(facts.MODULE_FILES[name] for name in lacking)
    return Check("kernel", ok=not lacking, seen=seen, fix=fix, needed=False)


def _builders(engine: Engine | None) -> Check:
    lacking = [name for name in packages.BUILD_PACKAGES if which(name, [Path("/usr/sbin")]) is None]
    if not lacking:
        return Check("image building", ok=True, seen=", ".join(packages.BUILD_PACKAGES), needed=False)
    when = "needed when no registry is reachable"
    seen = f"missing: {', '.join(lacking)} ({when})"
    return Check(
        "image building", ok=engine is not None and engine.name == "docker", seen=seen, fix=packages.command(lacking), needed=False
    )
