"""B14: an app bound to 127.0.0.1 is Ready through queue-proxy and killed by its own liveness probe (#12940)."""

from __future__ import annotations

from harness.apps.toggle import event_of
from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import answered, failures, restarts_by, s_between, states
from harness.knative.names import USER_CONTAINER
from harness.model import BugState, Claimed, Decided, Seen, Stream, Trial, VersionRange

STEADY_S = 25.0
"""The first probe comes after 10 s, three failures take 3 s more: by then there would have been a restart."""

LOOPBACK = Trial(
    name="bound-to-loopback",
    documents=service(
        "loopback",
        """\
env: [{name: TOGGLE_BIND, value: 127.0.0.1}]
livenessProbe: {httpGet: {path: /healthz}, periodSeconds: 1, failureThreshold: 3, initialDelaySeconds: 10}
""",
    ),
    within_s=90.0,
    logs=(USER_CONTAINER,),
)


def signature(seen: Seen) -> Decided:
    """Requests are answered, and the kubelet's probe is refused and the container restarted; or nothing is restarted."""
    served = answered(seen)
    if not served:
        return inconclusive("no request has been answered by the app")
    refusals = [one for one in failures(seen, "Liveness") if "connection refused" in one.message]
    restarts = max((restarts_by(state) for state in states(seen)), default=0)
    if refusals and restarts:
        return present(f"{len(served)} requests were answered, while the kubelet's liveness probe was refused; {restarts} restarts")
    probed = liveness_probes(seen)
    if not restarts and not refusals and probed and s_between(served[0].done_ns, seen.until_ns) >= STEADY_S:
        return absent(f"the app was asked {probed} times for its liveness and was not restarted")
    return inconclusive(f"{restarts} restarts, {len(refusals)} kinds of refused liveness probes, {probed} asked of the app")


def liveness_probes(seen: Seen) -> int:
    """How many liveness probes reached the app, by its own log."""
    events = (event_of(line) for log in seen.logs.values() for line in log.splitlines())
    return sum(1 for event in events if event is not None and event.more.get("which") == "liveness")


B14 = Bug(
    id="B14",
    title="An app bound to loopback is Ready and killed for its liveness",
    source="knative/serving #12940",
    provoked_by=LOOPBACK,
    signature=signature,
    claimed=Claimed(VersionRange.parse(">=1.2"), "HTTP liveness from 1.2 on, TCP on all versions; open"),
    maskers=("B3",),
    needs={BugState.ABSENT: (Stream.PODS, Stream.EVENTS)},
)
