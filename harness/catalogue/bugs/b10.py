"""B10: after a crash and the recovery from it, the Revision keeps ContainerHealthy=False (#15487)."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.reading import answered, restart_ns, s_between, states
from harness.model import (
    AppSpec,
    BugState,
    Claimed,
    ConditionSeen,
    Decided,
    FaultSpec,
    Probe,
    Seen,
    ServiceSpec,
    Stream,
    Trial,
    VersionRange,
)

STEADY_S = 30.0
"""How long the recovered pod serves before the condition is called stuck. Where it is not, it is True again within 2 s."""

CRASH = Trial(
    name="crash-twice-and-recover",
    # Twice: the controller marks the Revision when the Deployment has no available pod and the container's status has a last
    # termination. A first crash makes the pod unready before its status has one (measured on 1.6, 1.7 and 1.18: no mark).
    faults=2,
    # The readiness probe keeps the pod unready for the 5 s of the new start: the Revision is then looked at while it has no pod.
    service=ServiceSpec(
        app=AppSpec(startup_delay_s=5.0),
        readiness=Probe(path="/readyz", period_s=1, failure_threshold=1),
        timeout_s=60,
    ),
    fault=FaultSpec("exit"),
    within_s=90.0,
)


def signature(seen: Seen) -> Decided:
    """The condition after the recovery, while the pod serves: False for long; or True again, or True for long.

    True for long counts only where the controller is seen to have looked at the Revision during the outage: its condition Active
    changed. Up to 1.13 the controller writes False and True in one pass, and False is never seen.
    """
    if seen.fault is None:
        return inconclusive("the app was not made to exit")
    pod, crashed_ns = seen.fault.pod, seen.fault.sent_ns
    restarted_ns = restart_ns(seen, pod, crashed_ns)
    served = [one for one in answered(seen, restarted_ns) if one.boot != seen.fault.boot] if restarted_ns else []
    if not served:
        return inconclusive("the pod has not recovered")
    last = states(seen, pod)[-1]
    healthy = [one for one in seen.conditions if (one.kind, one.type) == ("Revision", "ContainerHealthy")]
    after = [one for one in healthy if one.seen_ns > crashed_ns]
    now: ConditionSeen | None = healthy[-1] if healthy else None
    steady_s = s_between(served[0].done_ns, seen.until_ns)
    if now is not None and now.status == "False" and last.ready and steady_s >= STEADY_S:
        return present(f"{steady_s:.0f} s after the recovery the pod serves, and ContainerHealthy is False ({now.reason})")
    if now is not None and now.status == "True" and any(one.status == "False" for one in after):
        return absent("ContainerHealthy was False after the crash and is True again")
    looked_at = any(
        (one.kind, one.type) == ("Revision", "Active") and one.status != "True" and crashed_ns < one.seen_ns < served[0].done_ns
        for one in seen.conditions
    )
    if now is not None and now.status == "True" and looked_at and last.ready and steady_s >= STEADY_S:
        return absent(f"{steady_s:.0f} s after the recovery ContainerHealthy is True; it was not seen False during the outage")
    return inconclusive("the crash has not reached the Revision's condition ContainerHealthy")


B10 = Bug(
    id="B10",
    title="ContainerHealthy=False stays after a recovery",
    source="knative/serving #15487",
    provoked_by=CRASH,
    signature=signature,
    claimed=Claimed(
        VersionRange.parse(">=1.14.0,<1.15.0 or >=1.15.0,<1.15.3 or 1.16.0"),
        "1.14.0-2, 1.15.0-2, 1.16.0; fixed in 1.15.3, 1.16.1, 1.17.0",
    ),
    needs={BugState.PRESENT: (Stream.PODS,), BugState.ABSENT: (Stream.PODS,)},
)
