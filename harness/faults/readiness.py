"""The app fails its readiness probe and answers everything else: the pod is taken out of service, nothing is restarted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.apps import public, toggle
from harness.faults.edges import LATE_NS, READINESS_ORDER
from harness.faults.fault import CLEARED, READY, ByHand, Case, Door, Ends, Fault, Part, detection_s
from harness.faults.proofs import app_answered, failed_probe, pod_unready
from harness.faults.sight import Sight
from harness.knative.names import USER_ROLE
from harness.knative.roles import SIDECAR
from harness.knative.times import SECOND_NS
from harness.model import Bracket, FaultSpec, Handler, Procedure, ServiceSpec, Stream


def _reached(service: ServiceSpec) -> bool:
    return service.readiness is not None and service.readiness.handler is not Handler.TCP


class ReadinessFails(Fault):
    """Lasts until it is taken back; over when the pod is Ready again."""

    name = "readiness"
    door = Door.TOGGLE
    roles = (USER_ROLE, SIDECAR)
    params = MappingProxyType({"persistent": False})
    done = "The app was made to fail its readiness probe, with which Kubernetes checks that it may get requests"
    needs = (frozenset({Stream.APP}), frozenset({Stream.PODS}))
    fails_probes = ("readiness",)
    order = (
        ("fault", "first-failed-probe"),
        ("first-failed-probe", "queue-proxy-unready"),
        ("first-failed-probe", "pod-unready"),
        ("first-failed-probe", "first-good-readiness-probe"),
        *READINESS_ORDER,
    )

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Only a readiness probe that asks the toggle app."""
        return toggle.cannot_fail("readiness", asked.service.readiness)

    def by_hand(self, fault: FaultSpec) -> ByHand:
        """One file in the pod, which is removed in the end."""
        return ByHand((public.told("readiness", persistent=fault.persistent),), (public.told_to_stop("readiness"),))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """The pod is Ready again, where the probe that failed took that away."""
        return READY if _reached(service) else CLEARED

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002
        """As long as the readiness probe takes."""
        return detection_s(service, service.readiness)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The app's answer, a failed probe, and a pod that is not Ready."""
        return app_answered(case, seen), failed_probe("readiness", case, seen), pod_unready(case, seen)

    def required(
        self,
        fault: FaultSpec,  # noqa: ARG002
        service: ServiceSpec,
        seen: Mapping[str, Bracket],
        end_ns: int,
        *,
        asks_liveness: bool,  # noqa: ARG002
    ) -> frozenset[str]:
        """A failed probe, and the rest once it has failed often enough. A TCP probe does well: then nothing follows."""
        probe = service.readiness
        if probe is None or probe.handler is Handler.TCP:
            return frozenset({"fault"})
        must = {"fault", "first-failed-probe"}
        failed = seen.get("first-failed-probe")
        patience_ns = (probe.failure_threshold * probe.period_s + probe.timeout_s) * SECOND_NS + LATE_NS
        if failed is not None and failed.hi_ns + patience_ns <= end_ns:
            must |= {"pod-unready", "endpoint-unready"}
            if probe.handler is not Handler.EXEC:  # the kubelet asks an exec probe itself; any other stays with queue-proxy
                must.add("queue-proxy-unready")
        return frozenset(must)
