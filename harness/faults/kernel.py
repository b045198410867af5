"""What a fault needs of the kernel of the node, as data: asked of the node, or of this host, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KernelNeed:
    """One thing that the kernel must have. what: in words. fix: how it gets it.

    test: for bash as root, on the node or on this host. Its status is 0 if the kernel has it. 126 and 127 (no such command) mean
    that it cannot be known there; any other status means that the kernel lacks it. It may leave nothing behind.
    """

    what: str
    test: str
    fix: str


def in_network(test: str, what: str, fix: str) -> KernelNeed:
    """A need of the network, tried in a network namespace that ends with the test: `tc qdisc add dev lo root netem delay 1ms`."""
    return KernelNeed(what, f"unshare --net true || exit 126; unshare --net {test}", fix)


NFTABLES = in_network(
    "nft add table inet knative_chaos_test",
    "nftables with tables of the family inet (nf_tables, nf_tables_inet)",
    "Load the module on this host: modprobe nf_tables; or take a kernel that has CONFIG_NF_TABLES_INET.",
)

MEMORY = KernelNeed(
    "control groups that limit memory",
    "[ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers",
    "Boot this host with cgroup_enable=memory on the kernel's command line; or take a kernel that has CONFIG_MEMCG.",
)
