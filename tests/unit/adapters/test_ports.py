"""Finding free ports and refusing taken ones."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from harness.adapters.ports import LOOPBACK, free_ports, is_free, require_free
from harness.adapters.wait import Look, wait_for
from harness.errors import HostError


def test_the_ports_found_differ_and_can_be_listened_on() -> None:
    """Each can be bound while all the others are."""

    def look() -> Look[bool]:
        ports = free_ports(4)
        assert len(set(ports)) == 4
        with ExitStack() as held:
            for port in ports:
                held.enter_context(socket.create_server((LOOPBACK, port)))
        return Look(value=True, seen="all four")

    assert wait_for("four ports nobody was faster to take", look, within_s=20, tolerate=(OSError,))


def test_a_port_in_besides_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the kernel offers it first."""
    offered = iter([5001, 5002])
    monkeypatch.setattr(socket.socket, "bind", lambda self, where: None)
    monkeypatch.setattr(socket.socket, "getsockname", lambda self: (LOOPBACK, next(offered)))
    assert free_ports(1, besides={5001}) == (5002,)


def taken_and_let_go() -> Look[bool]:
    """A port refused while it is listened on; then whether it is free, which somebody else may have ended already."""
    with socket.create_server((LOOPBACK, 0)) as door:
        port = door.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(HostError, match=f"Port {port} on {LOOPBACK}, asked for as the ingress port, is taken") as refusal:
            require_free(port, "ingress")
    assert f"sport = :{port}" in refusal.value.fix
    return Look(is_free(port) or None, f"port {port} is taken again")


def test_a_taken_port_is_named_with_what_it_was_for() -> None:
    """The message says which port, for what, and how to find who has it."""
    assert wait_for("a port that is free again", taken_and_let_go, within_s=20)
