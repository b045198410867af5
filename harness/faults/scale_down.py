"""A workload of several pods is scaled down. A Knative Service does so by itself; a plain Deployment is told its new number."""

from __future__ import annotations

from types import MappingProxyType

from harness.faults.fault import ApiCall, ApiFault, Case, Ends, Lift, Part, workload_ref
from harness.faults.proofs import api_answered
from harness.faults.roll_out import WINDOW_S
from harness.faults.sight import Sight
from harness.knative.names import SERVING_API
from harness.model import Deployed, FaultSpec, Pod, Procedure, ServiceSpec, Stream

DECIDES_S = 90
"""The load may still have to fall. Then the autoscaler decides every 2 s, and goes down to no less than half in one step
(max-scale-down-rate 2)."""


class ScaleDown(ApiFault):
    """Over with the landing: so many pods are left. to: that number; of a Knative Service its min-scale.

    Of a Knative Service nobody is told anything. A lower min-scale would make a new revision, and a change of the PodAutoscaler is
    reverted: the load must call for max-scale pods first and then fall, so that the autoscaler takes them away. More pods than
    the load calls for (initial-scale) would be gone before it begins.
    """

    name = "scale-down"
    done = "The workload was scaled down"
    needs = (frozenset({Stream.PODS}),)
    of_workload = True
    courses = ("scale-down",)
    params = MappingProxyType({"to": 1})

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:
        """Only where more pods can stand than are left at the end."""
        service = asked.service
        to = int(self.filled(fault.params)["to"])
        if service.max_scale <= to:
            return f"the workload has {service.max_scale} pods at most and shall be scaled down to {to}"
        if service.min_scale != to:
            return f"the workload shall be scaled down to {to} pods, and its min-scale is {service.min_scale}"
        return ""

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """Nothing is taken back: the pods that are left are the end of it."""
        return Ends(Lift.NEVER)

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002
        """The window must be over, and again after each step."""
        return 3 * (service.window_s or WINDOW_S) + DECIDES_S

    def call(self, fault: FaultSpec, deployed: Deployed, pod: Pod, stamp: str) -> ApiCall | None:  # noqa: ARG002
        """Of a Knative Service none."""
        ref = workload_ref(deployed)
        if ref["api_version"] == SERVING_API:
            return None
        return ApiCall("merge", **ref, patch={"spec": {"replicas": self.filled(fault.params)["to"]}})

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The API server took the call, if there was one; more than `to` pods and at most max-scale were Ready, and `to` are left.

        Where more stood than max-scale allows, or other pods took their place, they left for another reason, such as a roll-out.
        """
        to, most = int(self.filled(case.event.params)["to"]), case.service.max_scale
        before = seen.ready_at(case.after_ns)
        stay = sorted(seen.standing())
        told = () if case.event.status == 0 else (api_answered(case),)
        named = f"{len(before)}: {', '.join(sorted(before))}"
        more: Part = (f"more than {to} and at most {most} pods were Ready before", to < len(before) <= most, named)
        fewer = len(stay) == to and before.issuperset(stay)
        return (*told, more, (f"{to} of them are left", fewer, f"{len(stay)}: {', '.join(stay)}"))
