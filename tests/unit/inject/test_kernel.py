"""What faults need of the kernel: asked on the node, or on this host, and refused with how it is mended."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from harness.adapters.engine import Container
from harness.adapters.process import run
from harness.errors import HostError
from harness.faults import FAULTS, kernel
from harness.faults.kernel import KernelNeed, in_network
from harness.inject import lacking, require_kernel, standing

if TYPE_CHECKING:
    from harness.adapters.engine import Engine

NETEM = in_network("tc qdisc add dev lo root netem delay 1ms", "the queueing discipline netem", "modprobe sch_netem")


def answering(status: int, asked: list[Any]) -> Engine:
    """An engine whose node ends every test with this status."""

    def execute(node: str, argv: list[str], *, check: bool) -> Any:
        asked.append((node, argv[-1]))
        assert not check
        return SimpleNamespace(returncode=status)

    return cast("Engine", SimpleNamespace(exec=execute))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """`kill` needs netem."""
    monkeypatch.setattr(type(FAULTS["kill"]), "kernel", (NETEM,))


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize(("status", "lacks"), [(0, False), (1, True), (2, True), (126, False), (127, False), (255, False)])
def test_a_node_without_it_is_refused(status: int, *, lacks: bool) -> None:
    """With what is lacking and how it is mended. What cannot be known there is no reason to refuse; each test is made once."""
    asked: list[Any] = []
    engine = answering(status, asked)
    assert list(lacking(["kill", "freeze", "kill"], engine, "node")) == (["kill"] if lacks else [])
    assert asked == [("node", NETEM.test)]
    if lacks:
        with pytest.raises(
            HostError, match="The fault kill cannot be done: the kernel lacks the queueing discipline netem"
        ) as caught:
            require_kernel(["kill"], engine, "node")
        assert (caught.value.fix, caught.value.where) == ("modprobe sch_netem", "node")
    else:
        require_kernel(["kill"], engine, "node")


@pytest.mark.parametrize(("uid", "status", "lacks"), [(0, 1, True), (0, 0, False), (1000, 1, False)])
def test_before_there_is_a_node_this_host_is_asked(monkeypatch: pytest.MonkeyPatch, uid: int, status: int, *, lacks: bool) -> None:
    """As root, for any other user could not find out."""
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    need = replace(NETEM, test=f"exit {status}")
    monkeypatch.setattr(type(FAULTS["freeze"]), "kernel", (need,))
    engine = answering(99, [])
    assert list(lacking(["freeze"], engine)) == (["freeze"] if lacks else [])


def test_a_node_that_does_not_run_is_not_asked() -> None:
    """Nor is one whose name only begins alike."""
    containers = (Container("node", "1", "exited", "i"), Container("node-2", "2", "running", "i"))
    engine = cast("Engine", SimpleNamespace(containers=lambda _prefix: containers))
    assert (standing(engine, "node"), standing(engine, "node-2")) == ("", "node-2")


def test_a_program_that_is_not_there_says_nothing_of_the_kernel() -> None:
    """127, or 126 where no network namespace can be made."""
    need = in_network("no-such-program add", "x", "y")
    assert run(["bash", "-c", need.test], check=False).returncode in {126, 127}


def test_each_need_says_how_it_is_met() -> None:
    """The faults that have one, and nothing that is left behind on the node: the rule is made in a network of its own."""
    needs = {kind: fault.kernel for kind, fault in FAULTS.items() if fault.kernel}
    assert needs == {"oom": (kernel.MEMORY,), "liveness-blocked": (kernel.NFTABLES,)}
    for need in (kernel.MEMORY, kernel.NFTABLES):
        assert isinstance(need, KernelNeed)
        assert need.fix.endswith(".")
    assert kernel.NFTABLES.test.startswith("unshare --net true || exit 126; unshare --net nft ")
