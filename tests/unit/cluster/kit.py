"""An engine kept in memory, and a kind that only writes down what it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import cast

from harness.adapters.engine import Container, Engine
from harness.adapters.progress import Progress
from harness.cluster.remains import KIND_LABEL
from harness.errors import ToolFailed

IN_NODE = {
    "cat /etc/kubernetes/manifests/kube-apiserver.yaml": "    - --service-cluster-ip-range=10.96.0.0/16\n",
    "kubectl --kubeconfig /etc/kubernetes/admin.conf get node": "10.244.0.0/24",
    "ip -json -4 route show default": '[{"dst":"default","gateway":"10.89.0.1","dev":"eth0"}]',
    "ip -json -6 route show default": "",
    "nft -f -": "",
}
"""A node of kind as it answers when it is well."""


@dataclass
class FakeEngine:
    """What an engine holds. nodes: container to (cluster, state); volumes: name to label text; images: name to id.

    in_node: what programs in a node print, by the beginning of their command. rules: (node, rules) given to nftables.
    """

    name: str = "podman"
    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    volume_owners: dict[str, str] = field(default_factory=dict)
    nets: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    saved: list[tuple[str, ...]] = field(default_factory=list)
    in_node: dict[str, str] = field(default_factory=lambda: dict(IN_NODE))
    rules: list[tuple[str, str]] = field(default_factory=list)

    env: dict[str, str] = field(default_factory=dict)

    def real(self) -> Engine:
        """For callers that are typed."""
        return cast("Engine", self)

    def containers(self, prefix: str = "", *, label: str = "") -> tuple[Container, ...]:
        """As listed; somebody else's have no label."""
        rows = [Container(node, node, state, "img") for node, (_, state) in self.nodes.items()]
        if label:
            wanted = label.partition("=")[2]
            rows = [row for row in rows if not wanted or self.nodes[row.name][0] == wanted]
        else:
            rows += [Container(name, name, "running", "img") for name in self.others]
        return tuple(row for row in rows if row.name.startswith(prefix))

    def container_label(self, container: str, label: str) -> str | None:
        """The cluster of a node."""
        assert label == KIND_LABEL
        return self.nodes[container][0]

    def container_volumes(self, container: str) -> tuple[str, ...]:
        """Those of a node."""
        return tuple(name for name, owner in self.volume_owners.items() if owner == container)

    def volumes(self, *, label: str = "") -> tuple[str, ...]:
        """All, or those of an owner."""
        return tuple(name for name, owner in self.volume_owners.items() if not label or owner == label)

    def volume_labels(self) -> dict[str, str]:
        """As podman prints them."""
        return {name: f"map[{owner}:true]" for name, owner in self.volume_owners.items()}

    def networks(self, prefix: str = "") -> tuple[str, ...]:
        """By prefix."""
        return tuple(name for name in self.nets if name.startswith(prefix))

    def remove_container(self, name: str) -> bool:
        """False if it was not there."""
        if name in self.others:
            self.others.remove(name)
            return True
        return self.nodes.pop(name, None) is not None

    def remove_volume(self, name: str) -> bool:
        """False if it was not there."""
        return self.volume_owners.pop(name, None) is not None

    def remove_network(self, name: str) -> bool:
        """Refused while any node is there."""
        if self.nodes:
            raise ToolFailed(["engine", "network", "rm", name], 1, "network is in use")
        self.nets.remove(name)
        return True

    def image_id(self, name: str) -> str | None:
        """None if it is not here."""
        return self.ids.get(name)

    def save(self, names: Sequence[str], to: Path) -> None:
        """Remembers what was asked for."""
        self.saved.append(tuple(names))
        to.write_text("tar", encoding="ascii")

    def exec(
        self,
        container: str,
        argv: Sequence[str],
        *,
        timeout_s: float = 0,
        log: Path | None = None,
        check: bool = True,
        stdin: str | None = None,
    ) -> CompletedProcess[str]:
        """A canned answer, by what follows `ctr --namespace k8s.io` or by the beginning of the command."""
        command = " ".join(argv)
        said = next((text for begin, text in self.in_node.items() if command.startswith(begin)), None)
        if said is not None:
            self.rules += [(container, stdin)] if stdin is not None else []
            return CompletedProcess(list(argv), 0, said, "")
        if check and argv[0] != "ctr":
            raise ToolFailed(list(argv), 1, "not in this node")
        key = " ".join(argv[3:])
        return CompletedProcess(list(argv), 0 if key in self.answers else 1, self.answers.get(key, ""), "")

    def add(self, full: str, state: str = "running") -> None:
        """A node, and the volume kind makes for it."""
        self.nodes[f"{full}-control-plane"] = (full, state)
        self.volume_owners[f"vol-{full}-with-a-long-name"] = f"{full}-control-plane"


@dataclass
class Said:
    """A progress that can be read."""

    lines: list[str] = field(default_factory=list)

    @property
    def progress(self) -> Progress:
        """For callers."""
        return Progress(self.lines.append)

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)
