"""What is meant for the cluster stays in it: packets to its Services and pods never leave a node of ours.

A Service's address that kube-proxy has not programmed yet, and the address of a pod that is gone, have no route of their own in
the node. Such packets take the default route, and whatever network lies behind it may answer. On one machine it answered every
address with an empty HTTP 404, which the activator passed on to users. Here they are dropped after address translation, as by a
network that does not know the address: the sender's TCP repeats its SYN, and gets through once the address is programmed.
"""

from __future__ import annotations

import ipaddress
import json
import re

from harness.adapters.engine import Engine
from harness.adapters.wait import Look, wait_for
from harness.errors import ClusterError, ToolFailed, WaitTimeout

TABLE = "knative_chaos"
"""The only table of nftables that the harness owns in the node."""

API_SERVER = "/etc/kubernetes/manifests/kube-apiserver.yaml"
ASK_NODE = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "get", "node")
_SERVICES = re.compile(r"--service-cluster-ip-range=([0-9a-fA-F.:/,]+)")


def keep_inside(node: str, engine: Engine, *, within_s: float = 60.0) -> tuple[str, ...]:
    """Drop in the node what would leave it for a Service or a pod of this cluster; answers with those ranges.

    Done anew by every `up`; nothing changes if it is there already. within_s: for the node to have addresses for its pods. Raises
    ClusterError when it has none by then, or does not take the rules.
    """
    try:
        ranges = _ranges(node, engine, within_s)
        rules = ruleset(ranges, _default_devices(node, engine))
        engine.exec(node, ["nft", "-f", "-"], stdin=rules)
    except ToolFailed as failure:
        raise ClusterError(
            f"The node {node} does not keep the cluster's own packets inside: {failure.what}. Without that, a network outside could"
            " answer for a Service or a pod.",
            fix="knative-chaos down, then make up. The host's kernel needs nf_tables.",
            where=failure.where,
        ) from failure
    return ranges


def ruleset(ranges: tuple[str, ...], devices: tuple[str, ...]) -> str:
    """The input of `nft -f`: a table of ours that replaces itself. devices: the ways out of the node."""
    drops = [
        f'    oifname "{device}" {"ip6" if ipaddress.ip_network(each).version == 6 else "ip"} daddr {each} counter drop'
        for device in devices
        for each in ranges
    ]
    return "\n".join(
        [
            f"table inet {TABLE}",
            f"delete table inet {TABLE}",
            f"table inet {TABLE} {{",
            "  chain leaving {",
            "    type filter hook postrouting priority filter; policy accept;",
            *drops,
            "  }",
            "}",
            "",
        ]
    )


def service_ranges(manifest: str) -> tuple[str, ...]:
    """The ranges of Services' addresses, from the API server's static pod; none when it names none."""
    found = _SERVICES.search(manifest)
    return tuple(part for part in found.group(1).split(",") if part) if found else ()


def _ranges(node: str, engine: Engine, within_s: float) -> tuple[str, ...]:
    """A new node is Ready before the controller manager has given it addresses for its pods, so they are waited for."""
    services = service_ranges(engine.exec(node, ["cat", API_SERVER]).stdout)
    if not services:
        raise _silent(node, "Services")

    def look() -> Look[tuple[str, ...]]:
        pods = engine.exec(node, [*ASK_NODE, node, "--output", "jsonpath={.spec.podCIDRs[*]}"]).stdout.split()
        return Look((*services, *pods) if pods else None, "spec.podCIDRs is empty")

    try:
        return wait_for(f"the addresses of the pods of {node}", look, within_s=within_s, every_s=0.5)
    except WaitTimeout as late:
        raise _silent(node, "pods") from late


def _silent(node: str, what: str) -> ClusterError:
    return ClusterError(f"The node {node} does not say which addresses its {what} have.", fix="knative-chaos down, then make up.")


def _default_devices(node: str, engine: Engine) -> tuple[str, ...]:
    """The devices of the node's default routes. A node without any lets nothing out."""
    routes = [
        route
        for family in ("-4", "-6")
        for route in json.loads(engine.exec(node, ["ip", "-json", family, "route", "show", "default"]).stdout or "[]")
    ]
    return tuple(dict.fromkeys(str(route["dev"]) for route in routes if "dev" in route))
