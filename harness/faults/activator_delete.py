"""A pod of the activator is deleted, as `kubectl delete pod` does it: every request of a Service in proxy mode passes it."""

from __future__ import annotations

from harness.faults.fault import STOP_AND_CREATE_S, ApiCall, ApiFault, ByHand, Case, Elsewhere, Ends, Lift, Part
from harness.faults.proofs import another_ready, api_answered, pod_left
from harness.faults.sight import Sight
from harness.knative.names import ACTIVATOR_SELECTOR, SYSTEM_NAMESPACE
from harness.model import Deployed, FaultSpec, Pod, Procedure, ServiceSpec, Stream

_ACTIVATOR = f"kubectl -n {SYSTEM_NAMESPACE}"
BY_HAND = f'{_ACTIVATOR} delete --wait=false "$({_ACTIVATOR} get pods -l {ACTIVATOR_SELECTOR} -o name | head -n 1)"'
"""The call with kubectl."""


class ActivatorDeleted(ApiFault):
    """Over when users are answered well again; the pod that is deleted drains for a while beside its successor."""

    name = "activator-delete"
    done = "A pod of the activator was deleted"
    needs = (frozenset({Stream.OTHER_PODS}),)
    elsewhere = Elsewhere(SYSTEM_NAMESPACE, ACTIVATOR_SELECTOR)

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Any pod can be deleted, whether requests pass it or not."""
        return ""

    def by_hand(self, fault: FaultSpec) -> ByHand:  # noqa: ARG002
        """The first one of the activator's pods."""
        return ByHand((BY_HAND,))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """Its ReplicaSet makes another; no pod of the workload is hit."""
        return Ends(Lift.NEVER)

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002
        """A sandbox, a container, and the activator's readiness, which waits for its connection to the autoscaler."""
        return 6 * STOP_AND_CREATE_S

    def call(self, fault: FaultSpec, deployed: Deployed, pod: Pod, stamp: str) -> ApiCall:  # noqa: ARG002
        """Of this very pod."""
        return ApiCall("delete", "v1", "Pod", self.namespace(deployed), pod.name, pod.uid)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The answer, the pod on its way out, and another one Ready."""
        return api_answered(case), pod_left(case, seen), another_ready(case, seen)
