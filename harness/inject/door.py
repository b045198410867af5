"""What an injector must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod

from harness.inject.access import ClusterAccess
from harness.model import Deployed, FaultEvent, FaultSpec, Pod


class Injector(ABC):
    """Carries out every fault behind one door. Only `inject` must be written; the rest is for faults that last or can be seen."""

    @abstractmethod
    def inject(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec, *, cycle: int) -> FaultEvent:
        """Once. Raises FaultError unless it was carried out for certain."""

    def look(self, access: ClusterAccess, event: FaultEvent) -> None:  # noqa: B027 - most doors show nothing
        """Record what the door shows of the fault now, by `access.see`. Raises FaultError."""

    def take_back(self, access: ClusterAccess, deployed: Deployed, pod: Pod, fault: FaultSpec) -> None:  # noqa: B027
        """End what lasts; idempotent, also where the injection failed half-way. Raises WaitTimeout and FaultError."""

    def state(self, access: ClusterAccess, deployed: Deployed) -> str:  # noqa: ARG002 - what others look at
        """What can be said of the workload now, in words, "" if nothing. Raises nothing."""
        return ""
