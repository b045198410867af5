"""B3: an HTTP liveness probe is sent to queue-proxy, which answers 400 (#12462)."""

from __future__ import annotations

from harness.apps.toggle import event_of
from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.reading import answered, failures, restarts_by, states
from harness.knative.names import USER_CONTAINER
from harness.model import AppSpec, BugState, Claimed, Decided, Probe, Seen, ServiceSpec, Stream, Trial, VersionRange

GOOD_PROBES = 8
"""More good probes than three failures in a row could leave room for."""

HTTP_LIVENESS = Trial(
    name="http-liveness",
    service=ServiceSpec(app=AppSpec(startup_delay_s=0.0), liveness=Probe(period_s=1, failure_threshold=3, initial_delay_s=2)),
    within_s=90.0,
    logs=(USER_CONTAINER,),
)


def signature(seen: Seen) -> Decided:
    """The kubelet's liveness probe gets a 400 and the container is restarted; or the app itself reports good liveness probes."""
    refusals = [one for one in failures(seen, "Liveness") if "statuscode: 400" in one.message]
    restarts = max((restarts_by(state) for state in states(seen)), default=0)
    if refusals and restarts:
        return present(f"{sum(one.count for one in refusals)} liveness probes got statuscode 400; {restarts} restarts")
    good = probes_from_the_kubelet(seen)
    if good >= GOOD_PROBES and not restarts and answered(seen):
        return absent(f"the app answered {good} liveness probes of the kubelet well; no restart, requests are answered")
    return inconclusive(f"{good} good liveness probes in the app's log, {restarts} restarts, no statuscode 400")


def probes_from_the_kubelet(seen: Seen) -> int:
    """Good liveness probes in the logs of the app that did not come through queue-proxy."""
    events = (event_of(line) for name, log in seen.logs.items() if USER_CONTAINER in name for line in log.splitlines())
    return sum(
        1
        for event in events
        if event is not None
        and event.more.get("which") == "liveness"
        and event.more.get("ok") is True
        and not str(event.more.get("peer") or "").startswith(("127.", "::1"))
    )


B3 = Bug(
    id="B3",
    title="HTTP liveness probe is sent to queue-proxy",
    source="knative/serving #12462",
    provoked_by=HTTP_LIVENESS,
    signature=signature,
    claimed=Claimed(VersionRange.parse("1.1.0"), "1.1.0 only, fixed in 1.1.1 and 1.2.0"),
    needs={BugState.ABSENT: (Stream.PODS,)},
)
