"""The TCP sockets that listen in a pod's network, as `harness/observe/listeners.pl` prints them. Pure.

All containers of a pod share one network, so whether a port is listened on can be seen from the node, whatever the program is and
whatever it logs. A socket that listens is not yet a program that accepts: a stopped process keeps its sockets.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection
from dataclasses import dataclass

from harness.knative.lines import parsed

LOOPBACK = "127.0.0.1"
"""The address at which queue-proxy asks the user's container. Source: pkg/queue/sharedmain at knative-v1.23.0."""

SAMPLER = "knative-chaos-listeners"
"""The title that `listeners.pl` gives its process: by it `harness/inject/node.sh` finds one that was stopped."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket. inode: names it: no later socket has the same. v6only: an IPv6 socket that takes no IPv4 connection."""

    address: Address
    port: int
    inode: int
    v6only: bool

    def takes(self, target: Address, port: int) -> bool:
        """Whether a connection to this address and port reaches it. False: the kernel refuses the connection."""
        if port != self.port:
            return False
        own = (self.address.version == 6 and self.address.ipv4_mapped) or self.address
        if own.is_unspecified:
            return own.version == target.version or (own.version == 6 and not self.v6only)
        return own == target


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive looks that all found the same sockets. looks: when each began and ended, UTC ns, at least one.

    cpu_ms: the CPU time that the sampler had used by then, for all pods together.
    """

    pod: str
    looks: tuple[tuple[int, int], ...]
    listeners: Collection[Listener]
    cpu_ms: int

    def taking(self, target: Address, port: int) -> frozenset[int]:
        """The inodes of the sockets that a connection to this address and port may reach; empty: it is refused."""
        return frozenset(one.inode for one in self.listeners if one.takes(target, port))


def unchanged(stretches: Collection[Stretch], from_ns: int, until_ns: int, within_ns: int) -> bool:
    """Whether the looks around this time found the same sockets.

    They are the last one that began by the first moment and the first one that ended at the second or later. False if one of them
    is missing, or if they are further apart than within_ns. The inode names a socket: none of them was
    closed in between.
    """
    before = max(((begun, one) for one in stretches for begun, _ in one.looks if begun <= from_ns), key=_first, default=None)
    after = min(((ended, one) for one in stretches for _, ended in one.looks if ended >= until_ns), key=_first, default=None)
    if before is None or after is None or after[0] - before[0] > within_ns:
        return False
    return frozenset(before[1].listeners) == frozenset(after[1].listeners)


def _first(look: tuple[int, Stretch]) -> int:
    return look[0]


def stretch_of(line: str) -> Stretch | None:
    """One line of the sampler; None if it is something else."""
    try:
        value = json.loads(line)
        at_ns = int(value["at_ns"])
        looks = tuple((at_ns + us * 1_000, at_ns + (us + took) * 1_000) for us, took in value["looks_us"])
        sockets = tuple(
            Listener(ipaddress.ip_address(bytes.fromhex(address)), int(port), int(inode), bool(v6only))
            for address, port, inode, v6only in value["sockets"]
        )
        return Stretch(str(value["pod"]), looks, sockets, int(value["cpu_ms"])) if looks else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def sealed_of(line: str) -> int:
    """The number of the seal that this line answers, 0 if it answers none."""
    word = str((parsed(line) or {}).get("sealed"))
    return int(word) if word.isdecimal() else 0
