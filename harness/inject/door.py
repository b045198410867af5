"""What an injector must be able to do."""

from __future__ import annotations

from typing import Protocol

from harness.model import ClusterHandle, Deployed, FaultEvent, FaultSpec, Pod


class Injector(Protocol):
    """Carries out every fault behind one door."""

    def inject(self, handle: ClusterHandle, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        """Once. Raises FaultError unless it was carried out for certain."""
        ...

    def take_back(self, handle: ClusterHandle, deployed: Deployed, pod: Pod, fault: FaultSpec) -> None:
        """End what lasts; idempotent. Raises WaitTimeout and FaultError."""
        ...

    def state(self, handle: ClusterHandle, deployed: Deployed) -> str:
        """What can be said of the workload now, in words, "" if nothing. Raises nothing."""
        ...
