"""What it runs on: the provision, the cluster, the installed stack and the pod under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.asked import KnativeVersion

PREFIX = "knative-chaos-"
"""Each container, network and volume of ours starts with this."""

RUN_LABEL = "knative-chaos.dev/run"
"""Each object of ours inside a cluster carries this label."""

INGRESS_NODE_PORT = 31080
DIRECT_NODE_PORT = 31081
CONTROL_NODE_PORT = 31082
"""Of the node; kind-config.yaml maps each to a free loopback port of this host. `HostPorts` says what they are for."""


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
    build it on, "" for the small Debian base made here.
    """

    ref: str
    recipe: Recipe
    version: str = ""
    module: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class Provision:
    """What a Knative version consists of, wherever it came from. From here on, every source is treated alike.

    A source fills `wanted` and names images by their refs; the images room makes them and answers with a Provision in which
    each ref is an image name of the container engine (in node_image, app_image and the manifests) and `images` lists those
    the cluster must be given (empty: it pulls).
    node_image: for kind; "" means kind's own default. manifests: (name, YAML text) in the order of application; those whose
    name starts with "crd" come first and must be Established before the rest. app_image: the toggle app.
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


@dataclass(frozen=True, slots=True)
class InstalledStack:
    """Knative that has served a request. proof: that request, in words."""

    namespace: str
    ingress_namespace: str
    domain: str
    proof: str
    versions: Mapping[str, str]
    changes: tuple[SystemChange, ...]
    knative: KnativeVersion


@dataclass(frozen=True, slots=True)
class Target:
    """What the load is sent to and the fault is put into: a Service and the one pod of this cycle.

    host: value of the Host header. address, port: where to connect. boot: the app's boot id when the cycle began.
    control_port: of the pod, where the app takes orders to fail.
    queue_proxy_port, pod_port: at the same address, for the lanes that leave out the ingress; 0: there is no such way.
    """

    namespace: str
    service: str
    revision: str
    pod: str
    pod_ip: str
    boot: str
    host: str
    address: str
    port: int
    user_port: int = 8080
    control_port: int = 0
    token: str = field(default="", repr=False)
    queue_proxy_port: int = 0
    pod_port: int = 0
