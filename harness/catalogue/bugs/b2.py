"""B2: the restart for a failed liveness probe waits for timeoutSeconds (#5990)."""

from __future__ import annotations

from harness.catalogue.bugs.b4 import LIVENESS_RESTART
from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.reading import first_kill, last_503_ns, last_drain_ns, restart_ns, s_between, template, while_it_stood
from harness.model import BugState, Claimed, Decided, Seen, Stream, VersionRange

BLOCKED_S = 45.0
"""Of the 60 s of timeoutSeconds in the trial. A drain that goes on (B4) restarts the container after 30 s of quiet."""

PROMPT_S = 15.0
"""preStop takes 1 s, the app exits on SIGTERM, two busy cores create a container within 5 s."""

EARLY_S = 15.0
"""Before the end of the pod's grace, which is timeoutSeconds. A preStop hook that ends with the drain (30 s of quiet, B4) restarts
the container after some 35 s; the one of this bug holds the kubelet until the grace is over."""


def signature(seen: Seen) -> Decided:
    """Nothing is restarted for most of timeoutSeconds, though queue-proxy does not drain; or it is restarted long before their end.

    Where a drain (B4) holds the restart back to the end of timeoutSeconds, neither is seen.
    """
    kill = first_kill(seen)
    if kill is None:
        return inconclusive("the kubelet has killed no container for its liveness probe")
    seen = while_it_stood(seen, kill.pod)
    restarted_ns = restart_ns(seen, kill.pod, kill.at_ns)
    took_s = s_between(kill.at_ns, restarted_ns or seen.until_ns)
    drained = max(last_503_ns(seen, kill.pod), last_drain_ns(seen, kill.pod)) > kill.at_ns
    grace_s = float(template(seen).get("terminationGracePeriodSeconds") or 0)
    restarted = "was restarted" if restarted_ns else "was not restarted"
    answered = "answered 503" if drained else "never answered 503"
    said = f"{took_s:.0f} s after the kill the container {restarted}; queue-proxy's readiness {answered}"
    if took_s >= BLOCKED_S and not drained:
        return present(said)
    if restarted_ns and took_s <= PROMPT_S:
        return absent(f"the container was restarted {took_s:.0f} s after the kill")
    if restarted_ns and took_s <= grace_s - EARLY_S:
        return absent(
            f"the container was restarted {took_s:.0f} s after the kill, before the {grace_s:.0f} s of timeoutSeconds were over; "
            f"queue-proxy's readiness {answered}"
        )
    return inconclusive(said)


B2 = Bug(
    id="B2",
    title="Restart for a failed liveness probe waits for timeoutSeconds",
    source="knative/serving #5990",
    provoked_by=LIVENESS_RESTART,
    signature=signature,
    claimed=Claimed(VersionRange.parse("<=1.0.2"), "up to 1.0.2"),
    maskers=("B4",),
    needs={BugState.PRESENT: (Stream.PODS, Stream.EVENTS), BugState.ABSENT: (Stream.PODS, Stream.EVENTS)},
)
