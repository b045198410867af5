"""Loopback ports of this host: finding free ones, and saying clearly when one asked for is taken."""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import ExitStack

from harness.errors import HostError

LOOPBACK = "127.0.0.1"


def free_ports(count: int, *, besides: Collection[int] = ()) -> tuple[int, ...]:
    """That many different TCP ports on which nobody listens now, none of them in `besides`. Somebody may be faster than the caller.

    Raises HostError when this host gives none.
    """
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            door = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                door.bind((LOOPBACK, 0))
            except OSError as error:
                raise HostError(f"No free port on {LOOPBACK}: {error.strerror}.", fix="knative-chaos doctor") from error
            port = int(door.getsockname()[1])
            if port not in besides:
                found.append(port)
    return tuple(found)


def is_free(port: int) -> bool:
    """Whether this process could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port whose last connection is in TIME_WAIT is free
        try:
            door.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(port: int, what: str) -> None:
    """Raises HostError naming the port and what it was wanted for."""
    if not is_free(port):
        raise HostError(
            f"Port {port} on {LOOPBACK}, asked for as the {what} port, is taken.",
            fix=f"End what listens there (ss -ltnp 'sport = :{port}' shows it), or ask for no port and let a free one be found.",
        )
