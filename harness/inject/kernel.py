"""Whether the kernel of a node has what faults need of it. Before there is a node, this host is asked: the kernel is the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from harness.adapters.engine import Engine
from harness.adapters.process import run
from harness.errors import HostError
from harness.faults import fault_named
from harness.faults.kernel import KernelNeed

UNKNOWN = {125, 126, 127, 255}
"""No such command, no right to find out, or no answer of the engine."""


def lacking(kinds: Iterable[str], engine: Engine, node: str = "") -> dict[str, KernelNeed]:
    """The faults, of these, that cannot be done there, each with the first thing that the kernel lacks.

    node: the container of a node; "": this host. What cannot be known is not lacking. Raises ToolFailed if there is no answer.
    """
    known: dict[str, bool] = {}
    found: dict[str, KernelNeed] = {}
    for kind in kinds:
        for need in fault_named(kind).kernel:
            if need.test not in known:
                known[need.test] = _lacks(need, engine, node)
            if known[need.test]:
                found.setdefault(kind, need)
    return found


def require_kernel(kinds: Iterable[str], engine: Engine, node: str = "") -> None:
    """Raises HostError for the first of these faults that cannot be done there, see `lacking`."""
    for kind, need in lacking(kinds, engine, node).items():
        raise HostError(f"The fault {kind} cannot be done: the kernel lacks {need.what}.", fix=need.fix, where=node or "this host")


def standing(engine: Engine, node: str) -> str:
    """The node if it runs, else ""."""
    return node if any(one.name == node and one.state == "running" for one in engine.containers(node)) else ""


def _lacks(need: KernelNeed, engine: Engine, node: str) -> bool:
    asked = ["bash", "-c", need.test]
    if node:
        done = engine.exec(node, asked, check=False)
    elif sys.platform == "linux" and os.geteuid() == 0:
        done = run(asked, check=False)
    else:
        return False
    return done.returncode != 0 and done.returncode not in UNKNOWN
