"""Which cluster a build is installed on: one that is there is used, unless it holds a checkout of another release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import deploy, images, inject, install, sources
from harness.adapters.engine import Container, Engine
from harness.adapters.files import State, run_alive
from harness.adapters.objects import ApiRefused
from harness.adapters.progress import QUIET
from harness.cluster import checks, kind
from harness.cluster import down as take_down
from harness.errors import BadInput, ClusterError, HarnessError, HostError, ImageError, InstallError, WaitTimeout
from harness.faults import FAULTS
from harness.inject import kernel
from harness.model import Build, ClusterHandle, HostPorts, InstalledStack, KnativeVersion, Provision, SourceTree, Stack
from harness.run import Ask, installed, prepare

VERSION = KnativeVersion.parse("1.23")
TREE = SourceTree("0123456789abcdef", directory="/somewhere/serving", name="serving")
HANDLE = ClusterHandle("e2e", "kind-c", "/nowhere", HostPorts(1, 2, 3, 4), "", "", "", "v1.34.4", created=False)
STACK = InstalledStack(
    "knative-serving",
    "kourier-system",
    "",
    "",
    {},
    (),
    Stack("1.23.0", "checkout", "v1.34.4", "net-kourier v0.48.0", "go1", (), ()),
)


@dataclass
class Host:
    """What was done, in order. has: the Knative that the cluster has. whole: whether its installation served a request before."""

    has: str = ""
    created: bool = False
    broken: bool = False
    whole: bool = False
    preferred: str = ""
    fails: HarnessError | None = None
    done: list[str] = field(default_factory=list)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """Rooms of the test's own, in place of engine, kind and cluster."""
    host = Host()

    def provided(_kind: str, asked: Build, **_kwargs: object) -> Provision:
        said = f"{asked.version} (checkout)" if asked.serving else f"{asked.version} (module {asked.version.module})"
        return Provision("x", asked.version, "", (), (), "app", {"knative": said})

    def made(provision: Provision, **_kwargs: object) -> Provision:
        host.done.append("images")
        if host.broken:
            raise ImageError("serving does not build")
        return provision

    def up(_name: str, *_args: object, recreate: bool, **_kwargs: object) -> ClusterHandle:
        host.done.append("up anew" if recreate else "up")
        return replace(HANDLE, created=host.created or recreate)

    def put(*_args: object, **_kwargs: object) -> InstalledStack:
        host.done.append("install")
        if host.fails:
            raise host.fails
        return STACK

    engine = cast("Engine", SimpleNamespace(notes=()))
    nothing: Any = lambda *_args, **_kwargs: None  # noqa: E731
    monkeypatch.setattr(sources, "of_build", provided)
    monkeypatch.setattr(images, "make", made)
    monkeypatch.setattr(images, "kind_binary", lambda **_kwargs: Path("kind"))
    monkeypatch.setattr(kind, "up", up)
    monkeypatch.setattr(kind, "require_ports", nothing)
    monkeypatch.setattr(checks, "prepare", lambda *_args, prefer, **_kwargs: setattr(host, "preferred", prefer))
    monkeypatch.setattr(Engine, "detect", lambda *_args, **_kwargs: engine)
    monkeypatch.setattr(deploy, "sweep", nothing)
    monkeypatch.setattr(inject, "sweep", nothing)
    monkeypatch.setattr(install, "give_back", nothing)
    monkeypatch.setattr(install.metrics, "give_back", nothing)
    monkeypatch.setattr(install, "version_of", lambda _handle: host.has)
    monkeypatch.setattr(install, "is_whole", lambda _handle: host.whole)
    monkeypatch.setattr(install, "install", put)
    monkeypatch.setattr(take_down, "down", lambda *, names, **_kwargs: host.done.append(f"down {names[0]}"))
    return host


def test_up_takes_away_what_a_killed_run_left(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its namespace, its changes of Knative and its faults on the node; the namespace of a run that lives stays."""
    state = State(tmp_path / "state")

    def namespaces(_handle: object, *, alive: Callable[[str], bool], **_kwargs: object) -> None:
        host.done.append(f"dead: {', '.join(one for one in ('r1', 'r2') if not alive(one))}")

    monkeypatch.setattr(deploy, "sweep", namespaces)
    monkeypatch.setattr(install, "give_back", lambda *_args, **_kwargs: host.done.append("changes"))
    monkeypatch.setattr(inject, "sweep", lambda *_args, **_kwargs: host.done.append("node"))
    with run_alive(state, "r2"):
        prepare(Ask(build=Build(VERSION)), state=state, progress=QUIET)
    assert host.done == ["images", "up", "dead: r1", "changes", "node", "install"]


def test_metrics_that_a_killed_test_left_on_are_given_back_before_the_proof(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next `up` finds Knative as it was installed."""
    monkeypatch.setattr(install.metrics, "give_back", lambda *_args, **_kwargs: host.done.append("metrics given back"))
    prepare(Ask(build=Build(VERSION)), state=State(tmp_path / "state"), progress=QUIET)
    assert host.done[-2:] == ["metrics given back", "install"]


@pytest.mark.parametrize(
    ("has", "build", "done"),
    [
        ("1.23.0 (checkout)", Build(VERSION, TREE), ["images", "up", "install"]),
        ("1.22.0 (checkout)", Build(VERSION, TREE), ["images", "up", "up anew", "install"]),
        ("", Build(VERSION, TREE), ["images", "up", "install"]),
        ("1.22.0 (module v0.49.0)", Build(VERSION, TREE), ["images", "up", "install"]),
        ("1.22.0 (checkout)", Build(VERSION), ["images", "up", "install"]),
    ],
    ids=["the same release", "another release", "nothing", "a stock version", "a version over a checkout"],
)
def test_only_a_checkouts_cluster_is_made_anew(tmp_path: Path, host: Host, has: str, build: Build, done: list[str]) -> None:
    """Somebody's cluster of a version is never taken away for a checkout: the installation refuses it, with what to do."""
    host.has = has
    world = prepare(Ask(build=build), state=State(tmp_path / "state"), progress=QUIET)
    assert host.done == done
    assert world.build == build


def test_a_new_cluster_is_not_asked_what_it_has(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its API has nothing of ours yet."""
    host.created = True
    monkeypatch.setattr(install, "version_of", lambda _handle: pytest.fail("asked"))
    prepare(Ask(build=Build(VERSION, TREE)), state=State(tmp_path / "state"), progress=QUIET)


@pytest.mark.parametrize(("runs", "where"), [(True, "knative-chaos-e2e-control-plane"), (False, "")])
def test_what_the_kernel_lacks_is_said_before_anything_is_built(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch, runs: bool, where: str
) -> None:
    """By the node of the cluster where it stands, else by this host, whose kernel a node has."""
    node = Container("knative-chaos-e2e-control-plane", "1", "running" if runs else "exited", "i")
    engine = cast("Engine", SimpleNamespace(notes=(), containers=lambda _prefix: (node,)))
    monkeypatch.setattr(Engine, "detect", lambda *_args, **_kwargs: engine)
    asked: list[str] = []

    def lacking(kinds: Any, _engine: Engine, at: str) -> dict[str, Any]:
        asked.append(at)
        return {kind: FAULTS[kind].kernel[0] for kind in kinds}

    monkeypatch.setattr(kernel, "lacking", lacking)
    with pytest.raises(HostError, match="The fault oom cannot be done: the kernel lacks control groups that limit memory"):
        prepare(Ask(build=Build(VERSION), faults=("oom",)), state=State(tmp_path / "state"), progress=QUIET)
    assert (asked, host.done) == ([where], [])


def test_what_does_not_build_touches_no_cluster(tmp_path: Path, host: Host) -> None:
    """It stays as it is, and nothing is half-installed."""
    host.broken = True
    with pytest.raises(ImageError):
        prepare(Ask(build=Build(VERSION, TREE)), state=State(tmp_path / "state"), progress=QUIET)
    assert host.done == ["images"]


@pytest.mark.parametrize(
    "fails",
    [
        InstallError("refused"),
        WaitTimeout("its pods", 300, "controller crashes"),
        ApiRefused("GET", status=0, said="the API server ends"),
    ],
    ids=["refused", "does not start", "no answer"],
)
@pytest.mark.parametrize(
    ("created", "whole", "removed"),
    [(True, False, True), (False, False, True), (False, True, False)],
    ids=["new", "there, begun", "there, whole"],
)
def test_what_does_not_start_is_not_left_half_installed(
    tmp_path: Path, host: Host, fails: HarnessError, created: bool, whole: bool, removed: bool
) -> None:
    """A version that this Kubernetes does not run: its cluster goes, unless nothing was installed on it now."""
    host.created, host.whole, host.fails = created, whole, fails
    with pytest.raises(type(fails)):
        prepare(Ask(build=Build(VERSION)), state=State(tmp_path / "state"), progress=QUIET)
    assert host.done == ["images", "up", "install", *(["down e2e"] if removed else [])]
    assert installed.read(State(tmp_path / "state")) == {}


def test_a_cluster_with_another_knative_stays(tmp_path: Path, host: Host) -> None:
    """It is refused before anything of it is touched, even if its own installation was cut."""
    host.fails = ClusterError("The cluster e2e has Knative 1.22.0, asked for is 1.23.0.")
    with pytest.raises(ClusterError):
        prepare(Ask(build=Build(VERSION)), state=State(tmp_path / "state"), progress=QUIET)
    assert host.done == ["images", "up", "install"]


def test_the_engine_that_is_asked_for_is_looked_for(tmp_path: Path, host: Host) -> None:
    """Another one, which this host may lack, is not."""
    prepare(Ask(engine="podman"), state=State(tmp_path / "state"), progress=QUIET)
    assert host.preferred == "podman"


def test_a_source_that_is_none_is_refused_first(tmp_path: Path, host: Host) -> None:
    """Before the host is changed in any way."""
    with pytest.raises(BadInput, match="not a source of Knative"):
        prepare(Ask(source="moon"), state=State(tmp_path / "state"), progress=QUIET)
    assert host.done == []


def test_a_checkout_is_not_noted_as_its_release(tmp_path: Path, host: Host) -> None:
    """`versions` shows which versions served a request here; a checkout of one says nothing of it."""
    state = State(tmp_path / "state")
    prepare(Ask(build=Build(VERSION, TREE)), state=state, progress=QUIET)
    assert installed.read(state) == {}
    prepare(Ask(build=Build(VERSION)), state=state, progress=QUIET)
    assert list(installed.read(state)) == ["1.23.0"]
