"""What a kind of workload must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from harness.adapters.documents import Obj
from harness.adapters.objects import Objects
from harness.knative.refusals import Evidence
from harness.model import ClusterHandle, Deployed

Refused = Callable[[], None]
"""Called by each look of a wait that found nothing yet. Raises DeployError when the cluster has refused the workload for good."""


def never() -> None:
    """For a wait that nobody refuses."""


class Kind(Protocol):
    """One kind of workload. docs: its documents as applied, the one whose pods serve first."""

    def pods_wanted(self, docs: Sequence[Obj]) -> int:
        """How many pods it begins with."""
        ...

    def scales_by_itself(self, docs: Sequence[Obj]) -> bool:
        """Whether the number of its pods changes without anybody's doing once they stand."""
        ...

    def found(
        self, objects: Objects, handle: ClusterHandle, docs: Sequence[Obj], *, within_s: float, refused: Refused = never
    ) -> Deployed:
        """What stands once its controller says that it does, without its pods.

        Raises WaitTimeout, BadInput, and what refused raises.
        """
        ...

    def unchanged(self, objects: Objects, deployed: Deployed, docs: Sequence[Obj]) -> bool:
        """Whether pods that are made now would be as those that were deployed."""
        ...

    def remains(self, objects: Objects, deployed: Deployed) -> list[str]:
        """What is in the way of making it anew, but for its documents and pods."""
        ...

    def made(self, objects: Objects, deployed: Deployed) -> Obj | None:
        """The Deployment of Kubernetes whose template its pods are made from."""
        ...

    def evidence(self, objects: Objects, docs: Sequence[Obj]) -> Evidence:
        """What shows whether the cluster refuses it for good. Raises ApiRefused, NoSuchKind."""
        ...
