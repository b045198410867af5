"""Slots: workloads of one run that are measured at the same time, the restarts of no two of them overlapping."""

from __future__ import annotations

from harness import deploy
from harness.errors import BadInput
from harness.faults import fault_named
from harness.model import USERS_ROUTE, Arrivals, RunSpec, Workload, WorkloadKind

COURSES = ("disturb", "idle")
"""Those whose cycles can be measured side by side: in the others a workload scales, and takes the machine from the others."""

MOST = 9
"""A machine with room for more of them is not known yet."""


def names_of(workload: Workload, slots: int) -> tuple[str, ...]:
    """The names of the workloads of so many slots; () for one, which keeps its own name. None is the beginning of another."""
    return tuple(f"{deploy.name_of(workload)}-{slot}" for slot in range(slots)) if slots > 1 else ()


def require_slots(spec: RunSpec, workload: Workload, slots: int) -> None:
    """Raise BadInput where the cycles of this run cannot be measured in so many slots at the same time."""
    if slots == 1:
        return
    if not 1 <= slots <= MOST:
        raise BadInput(f"{slots} slots were asked for.", fix=f"Ask for 1 to {MOST}.")
    if why := _why_not(spec, workload):
        raise BadInput(f"The cycles of {spec.scenario} cannot be measured at the same time: {why}.", fix="Leave --kn-slots out.")


def _why_not(spec: RunSpec, workload: Workload) -> str:
    """Why they cannot; "" if they can."""
    past_the_ingress = sorted(lane for lane, weight in spec.load.lanes if weight and lane.route != USERS_ROUTE)
    elsewhere = [one.kind for one in (spec.fault, spec.second) if one is not None and fault_named(one.kind).elsewhere]
    if workload.kind is not WorkloadKind.KNATIVE_SERVICE:
        return "a plain Deployment needs the one node port there is"
    if len(deploy.objects_of(workload)) > 1:
        return "its objects beside the Service would be shared"
    if spec.course_name not in COURSES:
        return f"in the course {spec.course_name} the workload scales"
    if spec.service.max_scale == 0:
        return "its autoscaler may make pods while others are measured"
    if spec.fault.persistent and spec.hold_s:
        return "its container is restarted again and again"
    if past_the_ingress:
        return f"the lane {past_the_ingress[0]} needs the one node port there is"
    if elsewhere:
        return f"the fault {elsewhere[0]} hits a pod that all of them use"
    if spec.load.arrivals in {Arrivals.RAMP, Arrivals.STEP}:
        return "a load whose rate changes has another rate at each one's fault"
    return ""
