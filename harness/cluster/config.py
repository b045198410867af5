"""`kind-config.yaml`: read, checked, and filled in with what only this host and moment know.

What is rendered without its ports is the cluster's recipe: a cluster of another recipe is not reused.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.adapters.documents import why_not_yaml
from harness.adapters.limits import Cgroups
from harness.adapters.ports import LOOPBACK, free_ports, require_free
from harness.errors import BadInput
from harness.model import CONTROL_NODE_PORT, DIRECT_NODE_PORT, INGRESS_NODE_PORT, HostPorts

NODE_PORTS = {"ingress": INGRESS_NODE_PORT, "direct": DIRECT_NODE_PORT, "control": CONTROL_NODE_PORT}
"""What each mapped port of the node is for; see HostPorts."""

PORTS_VARIABLE = "KNATIVE_CHAOS_PORTS"
ALLOW_CGROUPS_V1 = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n"


def default_path() -> Path:
    """The file of the checkout, or the copy an installed package carries."""
    here = Path(__file__).resolve()
    checkout = here.parents[2] / "kind-config.yaml"
    return checkout if checkout.is_file() else here.with_name("kind-config.yaml")


def read(path: Path) -> dict[str, Any]:
    """The configuration as plain values.

    Raises BadInput when it is no kind configuration, does not map the three NodePorts, or maps anything beyond loopback.
    """
    fix = "Start from the kind-config.yaml of the checkout."
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"The kind configuration {path} cannot be read: {error.strerror}.", fix=fix) from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is not YAML: {why_not_yaml(error, path.name)}.", fix=fix) from error
    if not isinstance(config, dict) or config.get("kind") != "Cluster" or not isinstance(config.get("nodes"), list):
        raise BadInput(f"{path} is not a kind configuration: it needs `kind: Cluster` and a list `nodes`.", fix=fix)
    mappings = _mappings(config)
    missing = sorted(set(NODE_PORTS.values()) - {entry.get("containerPort") for entry in mappings})
    if missing:
        raise BadInput(f"{path} maps no host port to {', '.join(map(str, missing))} of the node.", fix=fix)
    open_to = {str(entry.get("listenAddress", "0.0.0.0")) for entry in mappings}  # noqa: S104 - kind's default, refused here
    open_to.add(str((config.get("networking") or {}).get("apiServerAddress", LOOPBACK)))
    if open_to != {LOOPBACK}:
        raise BadInput(f"{path} listens on {', '.join(sorted(open_to - {LOOPBACK}))}; only {LOOPBACK} is used.", fix=fix)
    return config


def render(config: Mapping[str, Any], *, node_image: str, ports: HostPorts | None, cgroups: Cgroups) -> str:
    """The configuration kind is given. ports None: as they stand (0), which is how a recipe is compared."""
    out = copy.deepcopy(dict(config))
    for node in out["nodes"]:
        if node_image:
            node["image"] = node_image
    if ports is not None:
        for entry in _mappings(out):
            for name, inside in NODE_PORTS.items():
                if entry["containerPort"] == inside:
                    entry["hostPort"] = getattr(ports, name)
        out.setdefault("networking", {})["apiServerPort"] = ports.api
    if cgroups is not Cgroups.V2:
        out.setdefault("kubeadmConfigPatches", []).append(ALLOW_CGROUPS_V1)
    return yaml.safe_dump(out, sort_keys=False)


def recipe(rendered: str, node_image_id: str, kind_version: str) -> str:
    """A short hash of all that makes a cluster what it is."""
    whole = json.dumps([rendered, node_image_id, kind_version])
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def wished_ports(text: str) -> dict[str, int]:
    """Such as {"ingress": 8080} from "ingress=8080"; "" asks for none. Raises BadInput when it is something else."""
    wished: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = part.partition("=")
        if name not in (*NODE_PORTS, "api") or not value.isdecimal() or not 0 < int(value) < 65536:
            raise BadInput(
                f"{part!r} is not a port to ask for.", fix=f"{PORTS_VARIABLE}=ingress=8080,direct=8081,control=8082,api=6443"
            )
        wished[name] = int(value)
    if len(set(wished.values())) != len(wished):
        raise BadInput(f"{text!r} asks for one port twice.", fix="Ask for different ports.")
    return wished


def choose_ports(wished: Mapping[str, int]) -> HostPorts:
    """The ports asked for, and free ones for the rest. Raises HostError when one asked for is taken."""
    for name, port in wished.items():
        require_free(port, name)
    names = [name for name in (*NODE_PORTS, "api") if name not in wished]
    found = dict(zip(names, free_ports(len(names), besides=set(wished.values())), strict=True))
    return HostPorts(**{**found, **wished})


def _mappings(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry for node in config["nodes"] for entry in (node or {}).get("extraPortMappings") or []]
