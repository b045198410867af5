"""A new revision is rolled out: the template gets another annotation, so that the app and its configuration stay the same."""

from __future__ import annotations

from harness.faults.fault import REPLACED, STOP_AND_CREATE_S, ApiCall, ApiFault, ByHand, Case, Ends, Part, workload_ref
from harness.faults.proofs import api_answered
from harness.faults.sight import Sight
from harness.model import Deployed, FaultSpec, Pod, Procedure, ServiceSpec, Stream

ROLLOUT = "knative-chaos.dev/rollout"
"""Annotation of the template; its value is new with each roll-out."""

BY_HAND = (
    'kubectl -n "$NS" patch ksvc "$SERVICE" --type merge -p '
    f'"{{\\"spec\\":{{\\"template\\":{{\\"metadata\\":{{\\"annotations\\":{{\\"{ROLLOUT}\\":\\"$(date +%s)\\"}}}}}}}}}}"'
)
"""The patch with kubectl, its value new each second."""

WINDOW_S = 60
"""Knative's stable window, if the Service does not set its own (config-autoscaler, stable-window)."""

GRACE_S = 30
"""Before the autoscaler takes the last pod away (config-autoscaler, scale-to-zero-grace-period)."""


class RollOut(ApiFault):
    """Over when only pods of the new revision answer. One that never becomes Ready never lands: the cycle is given up."""

    name = "roll-out"
    done = "A new revision was rolled out"
    needs = (frozenset({Stream.PODS}), frozenset({Stream.ENDPOINTS}))
    of_workload = True
    courses = ("roll-out", "disturb")

    def can_land(self, fault: FaultSpec, asked: Procedure) -> str:  # noqa: ARG002
        """Any template can be changed."""
        return ""

    def by_hand(self, fault: FaultSpec) -> ByHand:  # noqa: ARG002
        """The same annotation."""
        return ByHand((BY_HAND,))

    def ends(self, fault: FaultSpec, service: ServiceSpec) -> Ends:  # noqa: ARG002
        """The new revision's pods take the place of the old one's."""
        return REPLACED

    def landing_s(self, fault: FaultSpec, service: ServiceSpec) -> float:  # noqa: ARG002
        """The new pods start one after the other at worst; then the autoscaler needs its window to take the old ones away."""
        window_s = service.window_s or WINDOW_S
        first_probe_s = max((one.initial_delay_s for one in (service.readiness, service.startup) if one), default=0)
        start_s = 2 * STOP_AND_CREATE_S + service.app.startup_delay_s + first_probe_s
        return 2 * (max(service.initial_scale or 0, service.min_scale, 1) * start_s + window_s + GRACE_S)

    def call(self, fault: FaultSpec, deployed: Deployed, pod: Pod, stamp: str) -> ApiCall:  # noqa: ARG002
        """One annotation of the template."""
        patch = {"spec": {"template": {"metadata": {"annotations": {ROLLOUT: stamp}}}}}
        return ApiCall("merge", **workload_ref(deployed), patch=patch)

    def proof(self, case: Case, seen: Sight) -> tuple[Part, ...]:
        """The answer; a pod of another revision that is Ready and listed as an endpoint; no pod of the old one stays."""
        after_ns, old = case.after_ns, seen.revision(case.event.pod)
        others = (pod for pod in sorted(seen.pods()) if old and seen.revision(pod) not in {"", old})
        new = [pod for pod in others if seen.became_ready_ns(pod, after_ns)]
        which = ", ".join(new) or f"none; the old one is {old or 'unknown'}"
        ready: Part = ("a pod of another revision became Ready", bool(new), which)
        listed = [pod for pod in new if seen.listed_ns(pod, after_ns)]
        endpoint: Part = ("the new revision's pod is a ready endpoint", bool(listed), ", ".join(listed) or "none listed")
        before = sorted(pod for pod in seen.ready_at(after_ns) if seen.revision(pod) == old)
        stay = [pod for pod in before if not seen.left_ns(pod, after_ns)]
        gone = bool(before) and not stay
        left: Part = ("the old revision's pods leave", gone, f"of {', '.join(before) or 'none'} stay: {', '.join(stay) or 'none'}")
        return api_answered(case), ready, endpoint, left
