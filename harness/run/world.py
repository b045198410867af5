"""Steps 1 to 3: a cluster on which Knative has served a request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness import deploy, images, inject, install, sources
from harness.adapters.clock import now_ns
from harness.adapters.engine import Engine
from harness.adapters.files import State, is_alive, locked
from harness.adapters.gotool import GoTool
from harness.adapters.progress import Progress
from harness.cluster import checks, kind, record
from harness.cluster import down as take_down
from harness.errors import ClusterError, HarnessError
from harness.model import Build, ClusterHandle, InstalledStack, KnativeVersion, Phase, Provision
from harness.run import installed
from harness.run.phases import Phases

MEASURE_LOCK = "measure.lock"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a world should be made of. Empty strings mean: choose.

    build: which Knative; None is the pinned version. faults: what shall be done on it, by name; their needs of the kernel are
    looked for before anything is built. cluster: its name; several can stand side by side. context: a kubeconfig
    context in place of the name; one that is not of a cluster of ours is refused.
    """

    source: str = "auto"
    build: Build | None = None
    cluster: str = "e2e"
    release_url: str = ""
    engine: str = ""
    recreate: bool = False
    context: str = ""
    faults: tuple[str, ...] = ()

    @property
    def version(self) -> KnativeVersion | None:
        """Of Knative."""
        return self.build.version if self.build else None


@dataclass(frozen=True, slots=True)
class World:
    """A cluster on which Knative has served a request, and what it was made from.

    build: what was asked for. Its queue-proxy of the user's own is provision.queue_proxy_image; a run sets it, the cluster as it
    stands has the installed one.
    """

    handle: ClusterHandle
    stack: InstalledStack
    provision: Provision
    engine: Engine
    state: State
    progress: Progress
    phases: tuple[Phase, ...] = ()
    build: Build | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The host is fit, the build can be had, and nothing of it is built. provision: what it consists of. cluster: its name."""

    ask: Ask
    cluster: str
    build: Build
    provision: Provision
    engine: Engine
    state: State
    progress: Progress
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class Built(Found):
    """Everything for a world is made, and no cluster was touched. kind: the program."""

    kind: Path


def asked_version(text: str) -> KnativeVersion:
    """The Knative version a user wrote, "" for the pinned one. Raises BadInput."""
    return sources.parsed(text or images.pins().knative)


def asked_build(text: str, queue_proxy: str = "") -> Build:
    """The Knative a user wrote: "1.23", "path:../serving", "1.23,queue-proxy=path:DIR"; "" is the pinned version.

    queue_proxy: of an option of its own, "path:DIR" or "". Reads the directories, builds nothing. Raises BadInput.
    """
    return sources.asked(text, queue_proxy=queue_proxy, pinned=images.pins().knative)


def prepare(ask: Ask, *, state: State, progress: Progress) -> World:
    """Steps 1-3: whatever is missing is made; what is there and healthy is used.

    Raises HostError, SourceError, ImageError, ClusterError or InstallError, each with the command that mends it. Everything is
    built before a cluster is touched.
    """
    return stand(build(find(ask, state=state, progress=progress)))


def find(ask: Ask, *, state: State, progress: Progress) -> Found:
    """Steps 1 and 2a: the host is checked, and the manifests and sources of the build are fetched.

    Raises BadInput, HostError, SourceError: no such version.
    """
    phases = Phases(progress)
    cluster = record.name_of(ask.context) if ask.context else ask.cluster
    record.full_name(cluster)
    pins = images.pins()
    wanted = ask.build or asked_build("")
    sources.require_source(ask.source, wanted)
    kind.require_ports(cluster, state)
    with phases.step("1 check the host", work=None):
        checks.prepare(state, progress=progress, prefer=ask.engine)
        engine = Engine.detect(state, prefer=ask.engine)
        for note in engine.notes:
            progress.say(note)
        if ask.faults:
            inject.require_kernel(ask.faults, engine, inject.standing(engine, record.node_name(record.full_name(cluster))))
    with phases.step("2a find Knative", work=None):
        provision = sources.of_build(
            ask.source,
            wanted,
            state=state,
            modules=lambda: GoTool.find(state, progress=progress),
            release_url=ask.release_url or sources.DEFAULT_BASE,
            pins=sources.Pins(kubernetes=pins.kubernetes, kourier=pins.kourier, envoy=pins.envoy),
            progress=progress,
        )
    return Found(ask, cluster, wanted, provision, engine, state, progress, tuple(phases.done))


def build(found: Found) -> Built:
    """Step 2b: the images. Raises HostError, SourceError, ImageError."""
    state, progress, engine = found.state, found.progress, found.engine
    phases = Phases(progress)
    with phases.step("2b images", work=None):
        provision = images.make(found.provision, engine=engine, state=state, progress=progress)
        kind_program = images.kind_binary(state=state, progress=progress)
    done = (*found.phases, *phases.done)
    return Built(found.ask, found.cluster, found.build, provision, engine, state, progress, done, kind_program)


def stand(built: Built) -> World:
    """The cluster, and Knative on it. Raises HostError, ImageError, ClusterError, InstallError, WaitTimeout.

    A cluster on which this Knative does not start is removed if it was made for this, or holds what was installed in part: half an
    installation is of no use, and would keep every other version out. One that is whole stays, whatever this request met.
    """
    state, progress, engine, provision = built.state, built.progress, built.engine, built.provision
    phases = Phases(progress)
    with phases.step("2c cluster", work=None):
        handle = _cluster(built, recreate=built.ask.recreate)
        if _of_another_release(built, handle):
            handle = _cluster(built, recreate=True)
    with (
        phases.step("3 Knative", work=None),
        locked(state.locks / MEASURE_LOCK, within_s=3600, holder=f"installing into {handle.name}"),
    ):
        deploy.sweep(handle, alive=lambda run_id: is_alive(state, run_id), progress=progress)
        install.give_back(handle, progress=progress)
        install.metrics.give_back(handle, progress=progress)
        inject.sweep(handle, engine, progress=progress)
        try:
            stack = install.install(handle, provision, progress=progress)
        except HarnessError as error:
            untouched = isinstance(error, ClusterError) or install.is_whole(handle)
            if handle.created or not untouched:
                _remove(built)
            raise
        if built.build.serving is None:
            installed.note(state, stack, now_ns())
    return World(handle, stack, provision, engine, state, progress, (*built.phases, *phases.done), built.build)


def _remove(built: Built) -> None:
    """The cluster with half an installation. That it cannot be removed is said, and hides no error."""
    built.progress.say(f"Knative does not start on the cluster {built.cluster}, which is removed")
    try:
        take_down.down(engine=built.engine, state=built.state, names=[built.cluster])
    except HarnessError as error:
        built.progress.say(f"the cluster {built.cluster} was not removed: {error}")


def _cluster(built: Built, *, recreate: bool) -> ClusterHandle:
    return kind.up(
        built.cluster,
        built.provision.node_image,
        built.provision.images,
        engine=built.engine,
        kind=built.kind,
        state=built.state,
        progress=built.progress,
        recreate=recreate,
    )


def _of_another_release(built: Built, handle: ClusterHandle) -> bool:
    """Whether the cluster holds a checkout that is based on another release than the checkout to be installed.

    A cluster never changes its version. That of a checkout is made anew, so that a bisection over releases needs one cluster.
    """
    wanted = built.provision.versions.get("knative", "")
    if built.build.serving is None or handle.created:
        return False
    has = install.version_of(handle)
    if not has.endswith(sources.CHECKOUT_MARK) or has == wanted:
        return False
    built.progress.say(f"Cluster {handle.name} has Knative {has}, asked for is {wanted}.")
    return True


def set_queue_proxy(world: World) -> None:
    """Leave the queue-proxy of the user's own in the cluster, for requests by hand. The next `prepare` or run sets it back.

    Raises InstallError, WaitTimeout. Does nothing without one.
    """
    image = world.provision.queue_proxy_image
    if image:
        with locked(world.state.locks / MEASURE_LOCK, within_s=3600, holder=f"setting queue-proxy in {world.handle.name}"):
            install.queue_proxy.switch_on(world.handle, image=image, run_id="up", progress=world.progress)
