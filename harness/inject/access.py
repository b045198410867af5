"""What an injector may use of the cluster: its API, and the node where the node is ours."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from harness.adapters.engine import Engine
from harness.errors import FaultError
from harness.faults import Door
from harness.inject.shell import NodeShell
from harness.model import ClusterHandle, Observation


def doors_of(handle: ClusterHandle) -> frozenset[Door]:
    """The doors that this cluster has. Only a cluster of ours lets us into its node."""
    return frozenset(Door) if handle.node else frozenset(Door) - {Door.NODE}


class ClusterAccess:
    """The cluster as injectors see it. A context manager: at its end everything that was done on the node is undone.

    see: takes what a door itself shows of a fault, such as the packet counter of a rule. engine: None for a cluster whose node is
    not ours. Not safe to use from several threads.
    """

    def __init__(
        self, handle: ClusterHandle, engine: Engine | None = None, *, see: Callable[[Observation], None] = lambda _seen: None
    ) -> None:
        self.handle = handle
        self.see = see
        self._engine = engine
        self._shell: NodeShell | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shell is not None:
            self._shell.close()
            self._shell = None

    def node(self) -> NodeShell:
        """The shell on the node, started when it is first asked for and anew if it has ended. Raises FaultError."""
        if self._engine is None or not self.handle.node:
            raise FaultError(
                f"The node of {self.handle.context} is not ours: nothing can be done on it.",
                fix="Use a cluster that knative-chaos made.",
                where=self.handle.context,
            )
        if self._shell is None or not self._shell.alive:
            self._shell = NodeShell.start(self._engine, self.handle.node)
        return self._shell
