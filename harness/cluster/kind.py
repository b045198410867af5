"""Clusters by kind: one that is healthy and of the same recipe is used again, any other is made anew.

Nothing ambient is used: kubeconfig, engine, network and name are given to every call.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from urllib3.exceptions import HTTPError

from harness.adapters.engine import Engine
from harness.adapters.files import State, locked, write_atomic
from harness.adapters.kube import Kube
from harness.adapters.limits import Limits
from harness.adapters.ports import require_free
from harness.adapters.process import run
from harness.adapters.progress import Progress
from harness.adapters.wait import Look, wait_for
from harness.cluster import config as kind_config
from harness.cluster import remains
from harness.cluster.inside import keep_inside
from harness.cluster.node import load_images
from harness.cluster.record import KUBECONFIG, Record, full_name, node_name
from harness.errors import BadInput, ClusterError, HarnessError, HostError, ToolFailed, WaitTimeout
from harness.model import ClusterHandle, HostPorts

__all__ = ["load_images", "require_ports", "up"]

MODULES = Path("/lib/modules")
PORT_LOST = ("address already in use", "port is already allocated", "bind for 127.0.0.1", "cannot listen on the tcp port")


def up(
    name: str,
    node_image: str,
    images: Sequence[str],
    *,
    engine: Engine,
    kind: Path,
    state: State,
    progress: Progress,
    config: Path | None = None,
    recreate: bool = False,
    ports: Mapping[str, int] | None = None,
) -> ClusterHandle:
    """A cluster whose API answers, whose node is Ready, and which holds these images. Says in a line what it decided and why.

    node_image: "" for kind's own. config: a kind configuration, that of the checkout when None. ports: host ports wished for by
    HostPorts' names (else from KNATIVE_CHAOS_PORTS), the rest are found free.
    Raises BadInput for a name, configuration or ports that cannot be used, HostError for a wished port that is taken,
    ImageError for images the engine lacks, ClusterError when no working cluster comes out.
    """
    full = full_name(name)
    read = kind_config.read(config or kind_config.default_path())
    wished = dict(ports) if ports is not None else kind_config.wished_ports(os.environ.get(kind_config.PORTS_VARIABLE, ""))
    job = _Job(name, full, node_image, read, wished, engine, kind, state, progress)
    with locked(state.locks / f"cluster-{name}.lock", within_s=1800, holder=f"making {full}"):
        for line in remains.sweep(engine, besides=full):
            progress.say(f"Removed, left over: {line}.")
        recipe = job.recipe()
        reason = "asked for anew" if recreate else job.why_not(recipe)
        if reason:
            progress.say(f"Cluster {full}: {reason}; it is made.")
            handle = job.make(recipe)
        else:
            progress.say(f"Cluster {full}: used again (node Ready, recipe {recipe}).")
            handle = job.handle(created=False)
        keep_inside(handle.node, engine)
        load_images(handle, images, engine=engine, kind=kind, state=state, progress=progress)
    return handle


def require_ports(name: str, state: State) -> None:
    """Find out before anything is built whether the host ports wished for can be had. Raises BadInput, HostError.

    A cluster that already stands holds its own ports.
    """
    wished = kind_config.wished_ports(os.environ.get(kind_config.PORTS_VARIABLE, ""))
    if Record.read(state.root / "clusters" / name) is None:
        for what, port in wished.items():
            require_free(port, what)


class _Job:
    """One call of `up`: its parameters, and the steps that need them all."""

    def __init__(
        self,
        name: str,
        full: str,
        node_image: str,
        config: Mapping[str, object],
        wished: Mapping[str, int],
        engine: Engine,
        kind: Path,
        state: State,
        progress: Progress,
    ) -> None:
        self.name, self.full, self.node_image, self.config, self.wished = name, full, node_image, config, wished
        self.engine, self.kind, self.state, self.progress = engine, kind, state, progress
        self.home = state.cluster(name)
        self.kubeconfig = self.home / KUBECONFIG
        self.log = state.logs / f"kind-{name}.log"

    def call(self, *args: str, timeout_s: float, log: Path | None = None) -> str:
        """Kind, with nothing ambient but PATH and proxies."""
        env = {**self.engine.env, "KUBECONFIG": str(self.kubeconfig)}
        return run([str(self.kind), *args], env=env, timeout_s=timeout_s, log=log).stdout

    def rendered(self, ports: HostPorts | None) -> str:
        return kind_config.render(self.config, node_image=self.node_image, ports=ports, cgroups=Limits.read().cgroups)

    def recipe(self) -> str:
        """The hash that tells this cluster from one of another node image, configuration or kind."""
        ident = self.engine.image_id(self.node_image) if self.node_image else None
        version = self.call("version", timeout_s=60).strip()
        return kind_config.recipe(self.rendered(None), ident or self.node_image, version)

    def why_not(self, recipe: str) -> str:
        """Why what is there cannot be used, "" if it can."""
        node = next((each for each in self.engine.containers(self.full) if each.name == node_name(self.full)), None)
        record = Record.read(self.home)
        if node is None:
            return "its container is gone" if record else "there is none"
        if record is None:
            return "its making was not finished"
        if node.state != "running":
            return f"its container is {node.state}"
        if record.recipe != recipe:
            return f"it is of another recipe ({record.recipe}, wanted {recipe})"
        taken = [name for name, port in self.wished.items() if getattr(record.ports, name) != port]
        if taken:
            return f"it does not have the {' and '.join(taken)} port asked for"
        try:
            if not self.kubeconfig.is_file():
                self.call("export", "kubeconfig", "--name", self.full, "--kubeconfig", str(self.kubeconfig), timeout_s=60)
            self.wait_ready(within_s=20)
        except HarnessError as dead:
            return f"it does not answer ({dead.what})"
        return ""

    def wait_ready(self, *, within_s: float) -> str:
        """The API answers and every node is Ready; answers with the Kubernetes version."""
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - see harness.adapters.kube

        # How an API server that is still coming up, or is gone, shows itself.
        not_yet = (ClusterError, ApiException, HTTPError, OSError)
        kube = Kube.from_file(self.kubeconfig, f"kind-{self.full}", pool=2)

        def look() -> Look[str]:
            version = kube.server_version()
            nodes: list[Any] = kube.core.list_node(_request_timeout=5).items
            ready = [any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or []) for node in nodes]
            seen = f"{sum(ready)} of {len(ready)} nodes Ready"
            return Look(version if ready and all(ready) else None, seen)

        try:
            return wait_for(f"cluster {self.full}", look, within_s=within_s, every_s=1.0, tolerate=not_yet)
        finally:
            kube.api.close()  # type: ignore[no-untyped-call]

    def make(self, recipe: str) -> ClusterHandle:
        """Remove what is there and create. A port lost to somebody faster is replaced once."""
        self.need_modules()
        for attempt in (1, 2):
            remains.remove_cluster(self.full, self.engine, self.home)
            ports = kind_config.choose_ports(self.wished)
            given = self.home / "kind.yaml"
            write_atomic(given, self.rendered(ports))
            try:
                with (
                    locked(self.state.locks / "kind-create.lock", within_s=1800, holder=f"making {self.full}"),
                    self.progress.step("kind create cluster"),
                ):
                    self.call(
                        *("create", "cluster", "--name", self.full, "--config", str(given), "--kubeconfig", str(self.kubeconfig)),
                        *("--wait", "180s", "--retain"),
                        timeout_s=900,
                        log=self.log,
                    )
            except ToolFailed as failure:
                self.keep_evidence()
                remains.remove_cluster(self.full, self.engine, self.home)
                if attempt == 1 and any(word in failure.tail.lower() for word in PORT_LOST):
                    self.progress.say(f"Cluster {self.full}: a port was taken by somebody faster; once more with others.")
                    continue
                raise ClusterError(
                    f"kind could not make {self.full}: {failure.what}", fix="knative-chaos doctor", where=str(self.log)
                ) from failure
            break
        try:
            version = self.wait_ready(within_s=120)
        except WaitTimeout as late:
            self.keep_evidence()
            raise ClusterError(late.what, fix="make up makes it anew.", where=str(self.log)) from late
        Record(recipe, ports, self.node_image, version).write(self.home)
        return self.handle(created=True)

    def need_modules(self) -> None:
        """Kind mounts /lib/modules into its nodes and podman does not make it; an empty directory will do."""
        if MODULES.exists() or self.engine.name == "docker":
            return
        if os.getuid() != 0:
            raise HostError(f"{MODULES} is missing; kind mounts it into its nodes.", fix=f"sudo mkdir -p {MODULES}")
        self.progress.say(f"{MODULES} is missing and kind mounts it into its nodes: made, empty.")
        MODULES.mkdir(parents=True)

    def keep_evidence(self) -> None:
        """What the node's kubelet last said goes to the log, before the node goes."""
        argv = ["journalctl", "--no-pager", "--lines", "200", "--unit", "kubelet", "--unit", "containerd"]
        self.engine.exec(node_name(self.full), argv, timeout_s=30, log=self.log, check=False)

    def handle(self, *, created: bool) -> ClusterHandle:
        """From the record."""
        record = Record.read(self.home)
        if record is None:
            raise BadInput(f"What was kept of {self.full} is gone from {self.home}.", fix="make up")
        return ClusterHandle(
            name=self.name,
            context=f"kind-{self.full}",
            kubeconfig=str(self.kubeconfig),
            ports=record.ports,
            node=node_name(self.full),
            engine=self.engine.name,
            node_image=record.node_image,
            kubernetes_version=record.kubernetes_version,
            created=created,
        )
