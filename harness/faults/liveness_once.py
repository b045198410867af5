"""The app fails its liveness probe until one failure was seen, and answers well again: too few failures for a restart."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.apps import toggle
from harness.faults.edges import READINESS_ORDER
from harness.faults.fault import Case, Door, Ends, Fault, Lift, Part
from harness.faults.proofs import app_answered, failed_probe
from harness.faults.sight import Sight
from harness.knative.names import USER_ROLE
from harness.knative.roles import SIDECAR
from harness.model import Bracket, FaultSpec, Procedure, ServiceSpec, Stream

LEAST_S = 2
"""From the first failed probe to the one that would kill. The first is seen, and the fault taken back, within a second."""


class LivenessFailsOnce(Fault):
    """Taken back as soon as a failed probe was seen; nothing is killed."""

    name = "liveness-once"
    toggle = "liveness"
    door = Door.TOGGLE
    roles = (USER_ROLE, SIDECAR)
    params = MappingProxyType({"persistent": False})
    done = "The app was made to fail one liveness probe and to answer the next one well"
    needs = (frozenset({Stream.APP}),)
    fails_probes = ("liveness",)
    order = (("fault", "first-failed-probe"), *READINESS_ORDER)

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Only a liveness probe that asks the toggle app, and that is patient."""
        probe = asked.service.liveness
        if probe is not None and (probe.failure_threshold - 1) * max(probe.period_s, 1) < LEAST_S:
            return (
                f"its liveness probe kills {(probe.failure_threshold - 1) * max(probe.period_s, 1)} s after the first failure, "
                "before the fault can be taken back; write failureThreshold 3"
            )
        return toggle.cannot_fail("liveness", probe)

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """Over once it is taken back."""
        return Ends(Lift.LANDED)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The app's answer, and a failed probe."""
        return app_answered(case, seen), failed_probe("liveness", case, seen)

    def required(
        self,
        fault: FaultSpec,  # noqa: ARG002
        service: ServiceSpec,  # noqa: ARG002
        seen: Mapping[str, Bracket],  # noqa: ARG002
        end_ns: int,  # noqa: ARG002
        *,
        asks_liveness: bool,
    ) -> frozenset[str]:
        """A failed probe; nothing follows it."""
        return frozenset({"fault", "first-failed-probe"}) if asks_liveness else frozenset({"fault"})
