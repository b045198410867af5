"""The container engine behind one door: whoever calls it need not know which one it is.

The engines' differences are the data of `Dialect`. Images that are to be found under the same name in every engine and in the
cluster's node carry a host part (`dev.local/...`, `localhost/...`): without one, each engine puts another in front.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from tenacity import Retrying, retry_if_result, stop_after_attempt

from harness.adapters.files import State, write_atomic
from harness.adapters.limits import Cgroups, Limits, containers_conf
from harness.adapters.process import run as run_process
from harness.adapters.process import runnable
from harness.errors import BadInput, EngineFailed, HostError, ToolFailed

PREFIX = "knative-chaos-"
"""Every container, network and cluster of ours is called so."""

NETWORK = "knative-chaos-net"
"""The clusters' own network, so that it can be told from one that other clusters of the host use."""

ENGINE_VARIABLE = "KNATIVE_CHAOS_ENGINE"
PACKAGES = ("podman", "netavark", "aardvark-dns", "runc", "iptables")
"""What Debian calls an engine that runs kind."""

INSTALL = (
    f"on Debian, as root: apt-get install -y --no-install-recommends {' '.join(PACKAGES)}; elsewhere install Docker or Podman."
)
ANSWERS_WITHIN_S = 60.0
"""A first question to an engine. One that starts cold on two busy cores takes its time, and is not to be taken for a broken one."""

SLOW_TO_DIE = "did not die within timeout"
REMOVALS = 4
"""How often a container is asked to go whose processes have not died yet; each time podman waits for some seconds."""

GONE = ("no such", "not found", "not known", "no container with", "does not exist", "unable to find")
UNITS = {"b": 1, "kb": 1_000, "mb": 1_000**2, "gb": 1_000**3, "tb": 1_000**4}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one engine calls things. kind_env: how kind is told to use it and our network. help: what to try if it fails."""

    name: str
    kind_env: Mapping[str, str]
    remove: tuple[str, ...]
    save: tuple[str, ...]
    build: tuple[str, ...]
    commit: tuple[str, ...]
    root: str
    help: str


DOCKER = Dialect(
    name="docker",
    kind_env={"KIND_EXPERIMENTAL_PROVIDER": "docker", "KIND_EXPERIMENTAL_DOCKER_NETWORK": NETWORK},
    remove=("rm", "--force", "--volumes"),
    save=("save",),
    build=("build", "--quiet"),
    commit=("commit",),
    root="{{.DockerRootDir}}",
    help="sudo systemctl restart docker",
)
PODMAN = Dialect(
    name="podman",
    kind_env={"KIND_EXPERIMENTAL_PROVIDER": "podman", "KIND_EXPERIMENTAL_PODMAN_NETWORK": NETWORK},
    remove=("rm", "--force", "--volumes", "--time", "0"),
    save=("save", "--quiet", "--multi-image-archive", "--format", "docker-archive"),
    build=("build", "--layers"),
    commit=("commit", "--quiet"),
    root="{{.Store.GraphRoot}}",
    help="knative-chaos cache prune, if the disk is full",
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the engine. id: "sha256:...". size_bytes: as the engine rounds it."""

    name: str
    id: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the engine, running or not. state: "running", "exited", "created", ..."""

    name: str
    id: str
    state: str
    image: str


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answered.

    env: what our own calls of it (and of kind) need in their environment besides the ambient one; give it to every process
    started with `exec_argv`. notes: private settings in use and why, to be printed.
    """

    name: str
    binary: Path
    env: Mapping[str, str]
    notes: tuple[str, ...]
    dialect: Dialect

    @staticmethod
    def detect(state: State, *, prefer: str = "", env: Mapping[str, str] | None = None, limits: Limits | None = None) -> Engine:
        """Docker if its daemon answers, else podman; only the preferred one where one is (`prefer`, else KNATIVE_CHAOS_ENGINE).

        Raises BadInput for an engine unknown here, HostError when none can be used: there is none, this user has no rights to
        it, or its daemon does not run.
        """
        seen = os.environ if env is None else env
        wish = prefer or seen.get(ENGINE_VARIABLE, "")
        known = {"docker": _docker, "podman": _podman}
        if wish and wish not in known:
            raise BadInput(f"There is no engine {wish!r} here; known are docker and podman.", fix=f"{ENGINE_VARIABLE}=podman")
        path = [Path(part) for part in seen.get("PATH", "").split(os.pathsep) if part]
        refusals = []
        for name in [wish] if wish else list(known):
            binary = next((place / name for place in path if runnable(place / name)), None)
            if binary is None:
                continue
            try:
                return known[name](binary, state, seen, limits or Limits.read())
            except HostError as refusal:
                refusals.append(refusal)
        if not refusals:
            raise HostError(
                f"No container engine is on this machine: {wish or 'neither docker nor podman'} is not on PATH.", fix=INSTALL
            )
        if len(refusals) == 1:
            raise refusals[0]
        raise HostError(" ".join(each.what for each in refusals), fix=" Or: ".join(each.fix for each in refusals))

    # --- calls ----------------------------------------------------------------------------------------------------------

    def run(
        self, *args: str, timeout_s: float = 120.0, log: Path | None = None, check: bool = True, stdin: str | None = None
    ) -> CompletedProcess[str]:
        """Call the engine with these arguments. Raises EngineFailed where `process.run` raises ToolFailed."""
        try:
            return run_process([str(self.binary), *args], env=self.env, timeout_s=timeout_s, log=log, check=check, stdin=stdin)
        except ToolFailed as failure:
            raise EngineFailed(failure.argv, failure.code, failure.tail, fix=self._help(), where=failure.where) from failure

    def _help(self) -> str:
        """How to mend an engine that fails."""
        return f"{self.dialect.help}; `{self.name} info` shows what is wrong, and `knative-chaos doctor` what else is missing."

    def require_answer(self) -> None:
        """Raise EngineFailed unless the engine lists its containers."""
        self.run("ps", "--quiet", timeout_s=ANSWERS_WITHIN_S)

    def exec_argv(self, container: str, argv: Sequence[str], *, interactive: bool = False) -> list[str]:
        """The argument list that runs argv in a container; start it with `env` added. interactive: standard input is passed on."""
        return [str(self.binary), "exec", *(["--interactive"] if interactive else []), container, *argv]

    def exec(
        self,
        container: str,
        argv: Sequence[str],
        *,
        timeout_s: float = 120.0,
        log: Path | None = None,
        check: bool = True,
        stdin: str | None = None,
    ) -> CompletedProcess[str]:
        """Run argv in a container to its end."""
        full = self.exec_argv(container, argv, interactive=stdin is not None)
        return run_process(full, env=self.env, timeout_s=timeout_s, log=log, check=check, stdin=stdin)

    def disk_root(self) -> Path:
        """Where images and containers lie on this host."""
        return Path(self.run("info", "--format", self.dialect.root).stdout.strip())

    # --- images ---------------------------------------------------------------------------------------------------------

    def image_id(self, name: str) -> str | None:
        """The image's id, "sha256:..." of its configuration: the same in every engine and in the node. None if it is not here."""
        seen = self.run("image", "inspect", "--format", "{{.Id}}", name, check=False)
        if seen.returncode != 0:
            self._raise_unless_gone(seen)
            return None
        found = seen.stdout.strip().splitlines()[0]
        return found if ":" in found else f"sha256:{found}"

    def images(self, prefix: str = "") -> tuple[Image, ...]:
        """Named images whose name begins with prefix; a `localhost/` the engine put in front is left out unless prefix has it."""
        rows = self.run("images", "--no-trunc", "--format", "{{.ID}}\t{{.Repository}}:{{.Tag}}\t{{.Size}}").stdout.splitlines()
        found = []
        for row in rows:
            ident, name, size = row.split("\t")
            short = name.removeprefix("localhost/")
            shown = name if name.startswith(prefix) else short
            if shown.startswith(prefix) and "<none>" not in name:
                found.append(Image(shown, ident if ":" in ident else f"sha256:{ident}", size_bytes(size)))
        return tuple(sorted(found, key=lambda image: image.name))

    def build(
        self,
        context: Path,
        *,
        containerfile: Path,
        tag: str,
        args: Mapping[str, str],
        labels: Mapping[str, str],
        log: Path,
        timeout_s: float = 1800.0,
    ) -> None:
        """Build an image from a directory. Raises ToolFailed with the log's tail."""
        given = [part for key, value in args.items() for part in ("--build-arg", f"{key}={value}")]
        marked = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
        self.run(
            *self.dialect.build,
            "--file",
            str(containerfile),
            "--tag",
            tag,
            *given,
            *marked,
            str(context),
            timeout_s=timeout_s,
            log=log,
        )

    def save(self, names: Sequence[str], to: Path, *, timeout_s: float = 900.0) -> None:
        """All these images in one docker archive at `to`; it is there whole or not at all."""
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(f".{to.name}.{os.getpid()}.part")
        part.unlink(missing_ok=True)
        try:
            self.run(*self.dialect.save, "--output", str(part), *names, timeout_s=timeout_s)
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)

    def load(self, archive: Path, *, timeout_s: float = 900.0) -> tuple[str, ...]:
        """Take the images of a docker or OCI archive into the engine; their names or ids, as the engine says them."""
        said = self.run("load", "--input", str(archive), timeout_s=timeout_s).stdout
        found = re.findall(r"^Loaded image(?:\(s\)| ID)?: (.+)$", said, re.MULTILINE)
        return tuple(name.strip() for line in found for name in line.split(","))

    def tag(self, image: str, name: str) -> None:
        """Give an image that is here another name."""
        self.run("tag", image, name)

    def import_rootfs(self, tar: Path, tag: str, changes: Sequence[str] = (), *, timeout_s: float = 900.0) -> None:
        """A flat image from a tar of a root file system. changes: Containerfile instructions ("ENV a=b", "ENTRYPOINT [...]")."""
        self.run("import", *[part for change in changes for part in ("--change", change)], str(tar), tag, timeout_s=timeout_s)

    def commit(self, container: str, tag: str, changes: Sequence[str] = (), *, timeout_s: float = 900.0) -> None:
        """An image from a container as it is now."""
        given = [part for change in changes for part in ("--change", change)]
        self.run(*self.dialect.commit, *given, container, tag, timeout_s=timeout_s)

    def remove_image(self, name: str) -> bool:
        """False if it was not there. Raises ToolFailed when a container uses it."""
        return self._removed(self.run("rmi", name, check=False))

    # --- containers, volumes, networks ----------------------------------------------------------------------------------

    def containers(self, prefix: str = "", *, label: str = "") -> tuple[Container, ...]:
        """All containers, running or not, whose name begins with prefix and that carry the label ("key" or "key=value")."""
        chosen = ["--filter", f"label={label}"] if label else []
        rows = self.run("ps", "--all", "--no-trunc", *chosen, "--format", "{{.Names}}\t{{.ID}}\t{{.State}}\t{{.Image}}").stdout
        fields = [row.split("\t") for row in rows.splitlines()]
        found = [Container(name, ident, state_word(state), image) for name, ident, state, image in fields]
        return tuple(each for each in found if each.name.startswith(prefix))

    def container_id(self, container: str) -> str | None:
        """The full id of a container; None if it is not there."""
        seen = self.run("container", "inspect", "--format", "{{.Id}}", container, check=False)
        if seen.returncode != 0:
            self._raise_unless_gone(seen)
            return None
        return seen.stdout.strip() or None

    def container_label(self, container: str, label: str) -> str | None:
        """The value of a label of a container; None if either is not there."""
        seen = self.run("container", "inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}', container, check=False)
        if seen.returncode != 0:
            self._raise_unless_gone(seen)
            return None
        return seen.stdout.strip().replace("<no value>", "") or None

    def container_volumes(self, container: str) -> tuple[str, ...]:
        """Names of the volumes mounted into a container; empty if it is not there."""
        asked = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
        return tuple(self.run("container", "inspect", "--format", asked, container, check=False).stdout.split())

    def volumes(self, *, label: str = "") -> tuple[str, ...]:
        """Names of all volumes, or of those that carry the label."""
        chosen = ["--filter", f"label={label}"] if label else []
        return tuple(self.run("volume", "ls", "--quiet", *chosen).stdout.split())

    def volume_labels(self) -> dict[str, str]:
        """Volume name to its labels, as text that holds each key."""
        rows = self.run("volume", "ls", "--format", "{{.Name}}\t{{.Labels}}").stdout.splitlines()
        return {name: labels for name, _, labels in (row.partition("\t") for row in rows)}

    def networks(self, prefix: str = "") -> tuple[str, ...]:
        """Names of the networks that begin with prefix."""
        return tuple(name for name in self.run("network", "ls", "--format", "{{.Name}}").stdout.split() if name.startswith(prefix))

    def remove_container(self, name: str) -> bool:
        """End it at once, with its anonymous volumes. False if it was not there (which `rm --force` does not tell)."""
        if self.run("container", "inspect", name, check=False).returncode != 0:
            return False
        # A busy machine may not reap the processes of a whole node within podman's own limit. They end later: ask again.
        asked = Retrying(
            stop=stop_after_attempt(REMOVALS),
            retry=retry_if_result(lambda done: SLOW_TO_DIE in done.stderr),
            retry_error_callback=lambda last: last.outcome.result() if last.outcome else None,
        )
        return self._removed(asked(self.run, *self.dialect.remove, name, check=False))

    def remove_volume(self, name: str) -> bool:
        """False if it was not there. Raises ToolFailed when a container uses it."""
        return self._removed(self.run("volume", "rm", name, check=False))

    def remove_network(self, name: str) -> bool:
        """False if it was not there. Raises ToolFailed when a container uses it."""
        return self._removed(self.run("network", "rm", name, check=False))

    def _removed(self, done: CompletedProcess[str]) -> bool:
        if done.returncode != 0:
            self._raise_unless_gone(done)
            return False
        return not any(word in done.stderr.lower() for word in GONE)

    def _raise_unless_gone(self, done: CompletedProcess[str]) -> None:
        """Not there is an answer; anything else the engine says is a failure."""
        if not any(word in done.stderr.lower() for word in GONE):
            raise EngineFailed(done.args, done.returncode, done.stderr, fix=self._help())


def state_word(shown: str) -> str:
    """One word, "running" or "exited", from an engine's "running", "Up 8 minutes ago" or "Exited (0) 2 minutes ago"."""
    first = (shown.split() or ["unknown"])[0].lower()
    return "running" if first == "up" else first


def size_bytes(shown: str) -> int:
    """Bytes from an engine's "1.59 GB" or "705kB"; 0 when it is not understood."""
    match = re.fullmatch(r"([\d.]+)\s*([kMGT]?B)", shown.strip())
    return int(float(match[1]) * UNITS[match[2].lower()]) if match else 0


def _docker(binary: Path, _state: State, env: Mapping[str, str], _limits: Limits) -> Engine:
    shown = run_process([str(binary), "--version"], env=env, timeout_s=ANSWERS_WITHIN_S, check=False)
    if "podman" in shown.stdout.lower():
        raise HostError("`docker` here is another name for podman.", fix=f"{ENGINE_VARIABLE}=podman")
    asked = run_process(
        [str(binary), "version", "--format", "{{.Server.Version}}"], env=env, timeout_s=ANSWERS_WITHIN_S, check=False
    )
    if asked.returncode == 0 and asked.stdout.strip():
        return Engine("docker", binary, DOCKER.kind_env, (), DOCKER)
    said = (asked.stderr.strip() or "it said nothing").splitlines()[-1]
    if "permission denied" in asked.stderr.lower():
        raise HostError(
            f"docker is here, but uid {os.getuid()} has no right to use it: {said}",
            fix="sudo usermod -aG docker $USER and log in again, or run as root.",
        )
    raise HostError(
        f"docker is here, but its daemon does not run: {said}",
        fix="Start it (sudo systemctl start docker), or install podman: " + INSTALL,
    )


def _podman(binary: Path, state: State, env: Mapping[str, str], limits: Limits) -> Engine:
    ours: dict[str, str] = dict(PODMAN.kind_env)
    notes: tuple[str, ...] = ()
    text, why = containers_conf(limits)
    if text and env.get("CONTAINERS_CONF"):
        notes = (f"your own CONTAINERS_CONF={env['CONTAINERS_CONF']} is used; this host would get: {'; '.join(why)}",)
    elif text:
        conf = state.locks.parent / "containers.conf"
        if not conf.exists() or conf.read_text(encoding="utf-8") != text:
            write_atomic(conf, text)
        ours["CONTAINERS_CONF"] = str(conf)
        notes = tuple(f"private engine settings ({conf}): {reason}" for reason in why)
    asked = run_process(
        [str(binary), "info", "--format", "{{.Host.Security.Rootless}}"],
        env={**env, **ours},
        timeout_s=ANSWERS_WITHIN_S,
        check=False,
    )
    said = (asked.stderr.strip() or "it said nothing").splitlines()[-1]
    if asked.returncode != 0 and limits.uid != 0:
        raise HostError(f"podman is here, but uid {limits.uid} has no right to run containers with it: {said}", fix="Run as root.")
    if asked.returncode != 0:
        raise HostError(f"podman is here, but it does not work: {said}", fix="podman info shows why; " + INSTALL)
    if asked.stdout.strip() == "true" and limits.cgroups is not Cgroups.V2:
        raise HostError(
            f"podman is here, but uid {limits.uid} has no right to run a cluster with it: without root that needs cgroups v2, "
            f"and here is {limits.cgroups}.",
            fix="Run as root, or boot with systemd.unified_cgroup_hierarchy=1.",
        )
    return Engine("podman", binary, ours, notes, PODMAN)
