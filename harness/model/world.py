"""What it runs on: the provision, the cluster, the installed stack, and what was deployed on it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from harness.model.asked import KnativeVersion, UserRequest, Workload

PREFIX = "knative-chaos-"
"""Each container, network and volume of ours starts with this."""

RUN_LABEL = "knative-chaos.dev/run"
"""Each object of ours inside a cluster carries this label."""

INGRESS_NODE_PORT = 31080
DIRECT_NODE_PORT = 31081
CONTROL_NODE_PORT = 31082
"""Of the node; kind-config.yaml maps each to a free loopback port of this host. `HostPorts` says what they are for."""


SHORT_ID = 12
"""Hex digits of a commit or a digest, where people read it."""


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Go sources in a directory of this machine, which the user wrote or changed.

    digest: over every file of the module that Go could build, in hex. package: the directory to build, below the module's; "" is
    the module's. commit: of the repository that tracks them, "" if none does. changed: the files differ from that commit.
    directory: absolute path of what is to be built; name: what the user calls it. These two are of this machine: trees of the same
    files and the same commit are equal, wherever they lie.
    """

    digest: str
    package: str = ""
    commit: str = ""
    changed: bool = False
    directory: str = field(default="", compare=False)
    name: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """Such as "commit 3f2a9c1d0b2e", "commit 3f2a9c1d0b2e with changes, files 8ab41c22d0e1", "files 8ab41c22d0e1"."""
        files = f"files {self.digest[:SHORT_ID]}"
        if not self.commit:
            return files
        return f"commit {self.commit[:SHORT_ID]}{f' with changes, {files}' if self.changed else ''}"


@dataclass(frozen=True, slots=True)
class Build:
    """Which Knative is installed and measured. `harness.run.asked_build` reads one from what a user writes.

    version: of Knative; of a checkout the release that it is based on. serving: a checkout of Knative Serving, built in place of
    the version's own sources. queue_proxy: a queue-proxy of the user's own in place of that of `version` or `serving`.
    """

    version: KnativeVersion
    serving: SourceTree | None = None
    queue_proxy: SourceTree | None = None

    @property
    def installed(self) -> Build:
        """What a cluster of this build has installed. A run sets the user's own queue-proxy, and sets it back."""
        return replace(self, queue_proxy=None)

    @property
    def label(self) -> str:
        """Short, for the label of an arm: "1.23.0", "serving", "1.23.0-holding"; directories by their names."""
        base = self.serving.name if self.serving else self.version.text
        label = f"{base}-{self.queue_proxy.name}" if self.queue_proxy else base
        return re.sub(r"[^a-z0-9.]+", "-", label.lower()).strip("-")

    @property
    def text(self) -> str:
        """For people: "1.23.0 (checkout serving: commit 3f2a9c1d0b2e)", "1.23.0, queue-proxy holding: files 8ab41c22d0e1"."""
        checkout = f" (checkout {self.serving.name}: {self.serving.text})" if self.serving else ""
        swapped = f", queue-proxy {self.queue_proxy.name}: {self.queue_proxy.text}" if self.queue_proxy else ""
        return f"{self.version}{checkout}{swapped}"

    def __str__(self) -> str:
        return self.text


class Recipe(StrEnum):
    """How an image is made when it must be made here."""

    GO = "go"
    NODE = "node"
    ENVOY = "envoy"
    TOGGLE = "toggle"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image to make, and the reference that stands for it in a Provision until it is made.

    ref: "ko://MODULE/PACKAGE" as Knative's own manifests have it, or "build://NAME". module, package: of a GO recipe
    ("knative.dev/serving", "cmd/queue"). version: of the module, of Kubernetes (NODE), of Envoy; of TOGGLE the base image to
    build it on, "" for the small Debian base made here. tree: of a GO recipe, the sources to build `package` from in place of the
    published module; package "" is the tree's own directory.
    """

    ref: str
    recipe: Recipe
    version: str = ""
    module: str = ""
    package: str = ""
    tree: SourceTree | None = None


@dataclass(frozen=True, slots=True)
class Provision:
    """What a Knative version consists of, wherever it came from. From here on, every source is treated alike.

    A source fills `wanted` and names images by their refs; the images room makes them and answers with a Provision in which
    each ref is an image name of the container engine (in node_image, app_image and the manifests) and `images` lists those
    the cluster must be given (empty: it pulls).
    node_image: for kind; "" means kind's own default. manifests: (name, YAML text) in the order of application; those whose
    name starts with "crd" come first and must be Established before the rest. app_image: the toggle app. queue_proxy_image: a
    queue-proxy of the user's own, "" for that of the manifests.
    versions: for people: "knative", "ingress", "kubernetes" (the version asked for, or ""), "toolchain".
    """

    source: str
    knative: KnativeVersion
    node_image: str
    images: tuple[str, ...]
    manifests: tuple[tuple[str, str], ...]
    app_image: str
    versions: Mapping[str, str]
    wanted: tuple[Wanted, ...] = ()
    notes: tuple[str, ...] = ()
    queue_proxy_image: str = ""


@dataclass(frozen=True, slots=True)
class HostPorts:
    """Loopback ports of this host, found free when the cluster was created.

    ingress: Kourier. direct, control: DIRECT_NODE_PORT and CONTROL_NODE_PORT, for lanes that leave out the ingress. api: the API
    server.
    """

    ingress: int
    direct: int
    control: int
    api: int


@dataclass(frozen=True, slots=True)
class ClusterHandle:
    """A cluster that answers. kubeconfig: path of a file of ours. node: container name of its node, "" where none of them is ours.

    address: where `ports` are reached; loopback for a cluster of ours.
    """

    name: str
    context: str
    kubeconfig: str
    ports: HostPorts
    node: str
    engine: str
    node_image: str
    kubernetes_version: str
    created: bool
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class SystemChange:
    """A change to the system under test that observation or the host needed. was: None if it was not set."""

    object: str
    what: str
    was: str | None
    now: str
    why: str


ID_LENGTH = 12
"""Hex digits of the id of a stack and of an arm: 48 bits, far more than anybody will ever compare."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What is installed, on whichever machine: runs on equal stacks may be taken together.

    knative: the version's canonical text. source: "release" or "module". kubernetes: as the API server says it, "v1.34.4".
    toolchain: what the images were built with. images: every image that the applied objects name, sorted; the names of those built
    here end in a hash of what they were built from. changes: what the harness changed. Nothing of the host is in it.
    """

    knative: str
    source: str
    kubernetes: str
    ingress: str
    toolchain: str
    images: tuple[str, ...]
    changes: tuple[SystemChange, ...]

    @property
    def version(self) -> KnativeVersion:
        """Of Knative. Raises ValueError for a recorded text that is none."""
        return KnativeVersion.parse(self.knative)

    @property
    def id(self) -> str:
        """Equal for equal stacks, on every machine and day."""
        return id_of(asdict(self))


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a comparison: a workload on a stack. label: what people call it; not part of the id."""

    label: str
    stack: Stack
    workload: Workload

    @property
    def id(self) -> str:
        """Equal for equal workloads on equal stacks."""
        return id_of({"stack": asdict(self.stack), "workload": asdict(self.workload)})


def id_of(value: Mapping[str, object]) -> str:
    """Equal for equal values, on every machine and day. value: JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


@dataclass(frozen=True, slots=True)
class InstalledStack:
    """A stack that has served a request. proof: that request, in words. versions: as the cluster says them, for people."""

    namespace: str
    ingress_namespace: str
    domain: str
    proof: str
    versions: Mapping[str, str]
    changes: tuple[SystemChange, ...]
    stack: Stack


class Hop(StrEnum):
    """Who is on the way of a request. The order is the one in which a request meets them.

    ACTIVATOR: on the users' route of a Knative Service, and not always. Serving takes it out and puts it back by itself: with the
    default target-burst-capacity it is there as long as pods are few, with 0 only while no pod is ready.
    """

    INGRESS = "ingress"
    ACTIVATOR = "activator"
    QUEUE_PROXY = "queue-proxy"
    USER_CONTAINER = "user"


@dataclass(frozen=True, slots=True)
class Route:
    """One way to the app. name: USERS_ROUTE, QUEUE_PROXY_ROUTE or POD_ROUTE. address, port: where to connect.

    host: value of the Host header. hops: who is on the way, in the order in which a request meets them.
    """

    name: str
    address: str
    port: int
    host: str
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of what was deployed.

    boot: the app's own id of its start when the pod was found, "" for an app that does not name itself. containers: by role
    ("user", "queue-proxy", "sidecar-1", ...) the name of the container.
    """

    name: str
    uid: str
    ip: str
    node: str
    boot: str = ""
    containers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A workload that stands: what the load is sent to and the faults are put into.

    revision: "" where there are none. pods: of the moment it was looked at; () where it was scaled to zero. selector: the labels of
    its pods. applied: the objects as they were applied, as a JSON list, with the token. pod_spec: what the pods were really made
    from, as JSON, without the token. request: that by which it is proved to serve. control_port: of the container that gets the
    requests; sidecar_control_ports: of the others, by role.
    """

    kind: str
    namespace: str
    name: str
    revision: str
    pods: tuple[Pod, ...]
    routes: tuple[Route, ...]
    user_port: int = 8080
    control_port: int = 0
    sidecar_control_ports: Mapping[str, int] = field(default_factory=dict)
    token: str = field(default="", repr=False)
    selector: str = ""
    applied: str = field(default="[]", repr=False)
    pod_spec: str = field(default="", repr=False)
    request: UserRequest = field(default_factory=UserRequest)

    def control_port_of(self, role: str) -> int:
        """Where the program in the container of this role takes orders, 0 if it takes none."""
        return self.control_port if role == "user" else self.sidecar_control_ports.get(role, 0)

    def route(self, name: str) -> Route:
        """The route of this name. Raises LookupError with the names there are."""
        found = next((route for route in self.routes if route.name == name), None)
        if found is None:
            raise LookupError(f"{self.name} has no route {name!r}; it has: {', '.join(one.name for one in self.routes) or 'none'}")
        return found

    def pod(self, name: str) -> Pod:
        """The pod of this name. Raises LookupError with the names there are."""
        found = next((pod for pod in self.pods if pod.name == name), None)
        if found is None:
            raise LookupError(f"{self.name} has no pod {name!r}; it has: {', '.join(one.name for one in self.pods) or 'none'}")
        return found
