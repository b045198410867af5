"""B4: once a container was restarted for its liveness probe, queue-proxy drains for ever (#12571, #12912)."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.reading import (
    answered,
    first_kill,
    last_503_ns,
    last_drain_ns,
    restart_ns,
    s_between,
    states,
    while_it_stood,
)
from harness.knative.probes import DRAINS
from harness.model import (
    AppSpec,
    BugState,
    Claimed,
    Decided,
    FaultSpec,
    Handler,
    Probe,
    Seen,
    ServiceSpec,
    Stream,
    Trial,
    VersionRange,
)

RESET_S = 12.0
"""Queue-proxy that ends its drain does so 1 s after the preStop hook; the app of the trials listens at once, that of S1 5 s after
its start. Readiness that answers 503 so long after the kill belongs to a drain that goes on."""

BLOCKED_S = 10.0
"""A container that handles SIGTERM is restarted within 1 to 4 s of the kill."""

STUCK_S = 20.0
"""After the restart. The app of the trials listens at once, and queue-proxy's readiness is asked every 10 s at the most."""

STEADY_S = 10.0
"""How long the pod must have been Ready after the restart: one period of queue-proxy's readiness probe."""

LIVENESS_RESTART = Trial(
    name="exec-liveness-restart",
    # An exec probe, for on 1.1 a probe over HTTP is sent to queue-proxy (B3). It starts a Python interpreter: 5 s are ample.
    service=ServiceSpec(
        app=AppSpec(startup_delay_s=0.0),
        liveness=Probe(handler=Handler.EXEC, path="liveness", period_s=2, failure_threshold=2, timeout_s=5, initial_delay_s=4),
        timeout_s=60,
    ),
    fault=FaultSpec("liveness"),
    within_s=150.0,
    logs=("queue-proxy",),
    # On 1.1 the kubelet asks each second, and its events of the 503 end before the restart.
    asks_readiness=True,
)
"""One restart for a failed liveness probe. timeoutSeconds 60 is also the grace of the pod: who waits for it waits a minute."""


def signature(seen: Seen) -> Decided:
    """Readiness answers 503 for long after the restart; or the restarted container's pod is Ready and serves.

    A cycle that is given up without a restart (S1 on 1.6 under load) shows the drain alone: no restart, and readiness 503.
    """
    kill = first_kill(seen)
    if kill is None:
        return inconclusive("the kubelet has killed no container for its liveness probe")
    seen = while_it_stood(seen, kill.pod)
    after = [state for state in states(seen, kill.pod) if state.seen_ns >= kill.at_ns]
    by_event_ns, by_answer_ns = last_503_ns(seen, kill.pod), last_drain_ns(seen, kill.pod)
    refused_ns = max(by_event_ns, by_answer_ns)
    restarted_ns = restart_ns(seen, kill.pod, kill.at_ns)
    elapsed_s = s_between(kill.at_ns, seen.until_ns)
    ready = bool(after) and after[-1].ready is True
    lasts_s = s_between(kill.at_ns, refused_ns) if refused_ns else 0.0
    steady_s = s_between(restarted_ns, seen.until_ns) if restarted_ns else 0.0
    restart_s = s_between(kill.at_ns, restarted_ns)
    answered_503 = "503" if by_event_ns >= by_answer_ns else f'503 "{DRAINS}"'
    drains = f"queue-proxy answered its readiness probe with {answered_503} {lasts_s:.0f} s after the kill"
    goes_on = by_event_ns > restarted_ns or s_between(restarted_ns, by_answer_ns) >= STUCK_S
    if restarted_ns and not ready and steady_s >= STUCK_S and lasts_s >= RESET_S and goes_on:
        restart = f"the container was restarted {restart_s:.0f} s after the kill"
        return present(f"{restart}; {steady_s:.0f} s later the pod is not Ready, and {drains}")
    if not restarted_ns and seen.ended and elapsed_s >= BLOCKED_S and refused_ns > kill.at_ns:
        return present(f"{elapsed_s:.0f} s after the kill the container was not restarted, and {drains}")
    if not restarted_ns:
        return inconclusive(f"{elapsed_s:.0f} s after the kill the container was not restarted, and no readiness probe got a 503")
    served = answered(seen, restarted_ns) or any(mark.recovered_ns > restarted_ns for mark in seen.marks)
    if ready and served and steady_s >= STEADY_S:
        return absent(
            f"the container was restarted {restart_s:.0f} s after the kill; "
            f"{steady_s:.0f} s later the pod is Ready and requests are answered"
        )
    return inconclusive(f"the container was restarted; {steady_s:.0f} s later the pod is {'' if ready else 'not '}Ready")


B4 = Bug(
    id="B4",
    title="Queue-proxy drains for ever after a restart of the container",
    source="knative/serving #12571, #12912",
    provoked_by=LIVENESS_RESTART,
    signature=signature,
    claimed=Claimed(VersionRange.parse(">=1.1,<1.7"), "1.1.0 to 1.6.3, fixed in 1.7.0"),
    maskers=("B2",),
    needs={BugState.PRESENT: (Stream.PODS,), BugState.ABSENT: (Stream.PODS,)},
)
