"""What is kept of a cluster in the state directory: written when it was made to the end, so that a half-made one has none."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.adapters.engine import PREFIX
from harness.adapters.files import State, write_json
from harness.errors import BadInput
from harness.model import HostPorts

FILE = "cluster.json"
KUBECONFIG = "kubeconfig"


@dataclass(frozen=True, slots=True)
class Record:
    """The recipe it was made by, where it listens, the image of its node, and the Kubernetes version it answered with."""

    recipe: str
    ports: HostPorts
    node_image: str
    kubernetes_version: str

    def write(self, home: Path) -> None:
        """Keep it in the cluster's directory."""
        write_json(home / FILE, asdict(self))

    @staticmethod
    def read(home: Path) -> Record | None:
        """None when there is none, or one that cannot be understood: the cluster is then made again."""
        try:
            seen = json.loads((home / FILE).read_text(encoding="utf-8"))
            ports = HostPorts(**{name: int(value) for name, value in seen["ports"].items()})
            return Record(str(seen["recipe"]), ports, str(seen["node_image"]), str(seen["kubernetes_version"]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def full_name(name: str) -> str:
    """What kind and the engine call the cluster. Raises BadInput for a name they would not take."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", name):
        raise BadInput(
            f"{name!r} cannot name a cluster.",
            fix="Use up to 30 small letters, digits and dashes, beginning and ending with no dash.",
        )
    return PREFIX + name


def name_of(context: str) -> str:
    """The short name of the cluster of ours that this kubeconfig context belongs to. Raises BadInput for any other context."""
    prefix = f"kind-{PREFIX}"
    if not context.startswith(prefix):
        raise BadInput(
            f"The context {context!r} is not of a cluster of ours (those begin with {prefix}); nothing is done to it.",
            fix="Leave it out, or name one of ours.",
        )
    return context.removeprefix(prefix)


def node_name(full: str) -> str:
    """The container of the cluster's one node."""
    return f"{full}-control-plane"


def known_clusters(state: State) -> tuple[str, ...]:
    """Names of the clusters this state directory has files of."""
    return tuple(sorted(entry.name for entry in (state.root / "clusters").glob("*") if entry.is_dir()))
