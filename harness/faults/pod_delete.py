"""A pod is deleted, as `kubectl delete pod` does it: with its own grace, and replaced by its ReplicaSet."""

from __future__ import annotations

from harness.faults.fault import REPLACED, STOP_AND_CREATE_S, ApiCall, ApiFault, ByHand, Case, Ends, Part
from harness.faults.proofs import another_ready, api_answered, pod_left
from harness.faults.sight import Sight
from harness.model import Deployed, FaultSpec, Pod, Procedure, ServiceSpec, Stream


class PodDeleted(ApiFault):
    """Over when another pod is Ready and answers; the deleted one may live on for its grace."""

    name = "pod-delete"
    done = "A pod was deleted"
    needs = (frozenset({Stream.PODS}),)

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Any pod can be deleted."""
        return ""

    def by_hand(self, fault: FaultSpec) -> ByHand:  # noqa: ARG002
        """As it is said."""
        return ByHand(('kubectl -n "$NS" delete pod "$POD" --wait=false',))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """Its ReplicaSet makes another."""
        return REPLACED

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002
        """A new pod must be made, start, and become Ready: a sandbox, and as many containers as a restart has, or one more."""
        first_probe_s = max((one.initial_delay_s for one in (service.readiness, service.startup) if one), default=0)
        return 3 * (2 * STOP_AND_CREATE_S + service.app.startup_delay_s + first_probe_s)

    def call(self, fault: FaultSpec, deployed: Deployed, pod: Pod, stamp: str) -> ApiCall:  # noqa: ARG002
        """Of this very pod: a later one of its name has another uid."""
        return ApiCall("delete", "v1", "Pod", deployed.namespace, pod.name, pod.uid)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The answer, the pod on its way out, and another one Ready."""
        return api_answered(case), pod_left(case, seen), another_ready(case, seen)
