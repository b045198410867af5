"""What an injector may use of the cluster: its API, and the node where the node is ours.

What was done on the node lasts as long as the shell that did it. A shell that ended, for whatever reason, is replaced, so that
everything can still be undone; but a fault that was to last has then ended too early, and whoever takes it back is told.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from harness.adapters.engine import Engine
from harness.adapters.progress import QUIET, Progress
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
        self,
        handle: ClusterHandle,
        engine: Engine | None = None,
        *,
        see: Callable[[Observation], None] = lambda _seen: None,
        progress: Progress = QUIET,
    ) -> None:
        self.handle = handle
        self.see = see
        self._engine = engine
        self._progress = progress
        self._shell: NodeShell | None = None
        self._was_there = False
        self._held: dict[str, NodeShell] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Raises FaultError where something stays on the node, unless another error is on its way: then it is said."""
        if not self._was_there:
            return
        try:
            self.sweep()
        except FaultError as left:
            if error is None:
                raise
            self._progress.say(f"The node is not as it was before: {left}")
        finally:
            self.close()

    def close(self) -> None:
        """End the shell on the node, which undoes what was done through it. The next call starts another one."""
        shell, self._shell = self._shell, None
        if shell is not None:
            shell.close()

    def node(self) -> NodeShell:
        """The shell on the node, started when it is first asked for and anew if it has ended. Raises FaultError."""
        if self._engine is None or not self.handle.node:
            raise FaultError(
                f"The node of {self.handle.context} is not ours: nothing can be done on it.",
                fix="Use a cluster that knative-chaos made.",
                where=self.handle.context,
            )
        if self._shell is not None and not self._shell.alive:
            self.close()
        if self._shell is None:
            self._was_there = True
            self._shell = NodeShell.start(self._engine, self.handle.node)
        return self._shell

    def hold(self, pod: str) -> None:
        """What is done to this pod next is to last until it is taken back. Raises FaultError."""
        self._held[pod] = self.node()

    def lasted(self, pod: str) -> bool:
        """Whether what was done to this pod has lasted until now; asked once, when it is taken back."""
        return self._held.pop(pod, self._shell) is self._shell

    def sweep(self) -> str:
        """Undo what is left on the node: rules of ours, stopped processes. Returns what it was, in words.

        Raises FaultError, also for what cannot be undone. Nothing where the node is not ours.
        """
        if not self.handle.node:
            return ""
        try:
            found = self.node().ask("sweep").removesuffix("; ")
        except FaultError as error:
            raise FaultError(
                f"Faults may be left on the node: {error.what}", fix="make down && make up", where=error.where
            ) from error
        if found:
            self._progress.say(f"Undone on the node: {found}.")
        return found


def sweep(handle: ClusterHandle, engine: Engine, *, progress: Progress = QUIET) -> str:
    """Undo what runs that were killed left behind on the node; as `ClusterAccess.sweep`. To be called while nobody measures."""
    access = ClusterAccess(handle, engine, progress=progress)
    try:
        return access.sweep()
    finally:
        access.close()
