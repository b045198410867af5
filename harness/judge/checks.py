"""The checks that a claim can name: pure functions CycleFindings -> Reading, each with the facts it rests on.

A check returns HOLDS or BROKEN only if the evidence of the cycle decides, and otherwise UNDECIDED with the reason. It is not called
if a fact that it rests on is unknown. HOLDS always means the good behaviour; the claim states which result is expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.model import Cause, CycleFindings, Fact, Observed, Outcome, Reading


@dataclass(frozen=True, slots=True)
class Check:
    """facts: what it rests on. decide: called only if all of them are known."""

    facts: frozenset[Fact]
    decide: Callable[[CycleFindings], Reading]

    def __call__(self, cycle: CycleFindings) -> Reading:
        """The result of this check for this cycle."""
        unknown = why_unknown(self.facts, cycle)
        return Reading(Observed.UNDECIDED, unknown) if unknown else self.decide(cycle)


def why_unknown(facts: Iterable[Fact], cycle: CycleFindings) -> str:
    """Why one of these facts is unknown in this cycle; "": all are known."""
    return "; ".join(dict.fromkeys(cycle.unknown[fact] for fact in sorted(facts) if fact in cycle.unknown))


REQUESTS = "requests"
RESTARTS = "restarts"
"""Units of what the checks read."""

_OF_THE_SYSTEM = tuple(cause.value for cause in Cause if cause not in {Cause.UNKNOWN, Cause.AMBIGUOUS, Cause.CLIENT})
"""The causes within the system under test. The other causes mean missing evidence, or a failure of the generator."""


def _count(cycle: CycleFindings, *causes: str) -> int:
    return sum(cycle.by_cause.get(cause, 0) for cause in causes)


def _early(cycle: CycleFindings, *causes: str) -> int:
    """Of those before the fault, which cannot have done it."""
    return sum(cycle.before_fault.get(cause, 0) for cause in causes)


def _refused(cycle: CycleFindings) -> int:
    """Requests that the container's port refused, as queue-proxy's log shows, or the socket on a route straight to the pod."""
    straight = min(cycle.by_outcome.get(Outcome.REFUSED.value, 0), _count(cycle, Cause.DIRECT.value))
    return _count(cycle, Cause.REFUSED_DIAL.value) + straight


def requests_do_not_fail(cycle: CycleFindings) -> Reading:
    """Every request is answered well. Undecided if nothing was sent, or if no failure after the fault has a cause in the system."""
    failed = sum(cycle.by_outcome.values()) - cycle.ok
    if not cycle.sent:
        return Reading(Observed.UNDECIDED, "nothing was sent")
    if not failed:
        return Reading(Observed.HOLDS, f"all {cycle.sent} requests were answered well", 0, REQUESTS)
    if not _count(cycle, *_OF_THE_SYSTEM):
        why = f"{failed} of {cycle.sent} requests failed, none with a cause in the system"
        return Reading(Observed.UNDECIDED, why, failed, REQUESTS)
    if not _count(cycle, *_OF_THE_SYSTEM) - _early(cycle, *_OF_THE_SYSTEM):
        why = f"{failed} of {cycle.sent} requests failed, none with a cause in the system after the fault"
        return Reading(Observed.UNDECIDED, why, failed, REQUESTS)
    causes = ", ".join(f"{count} {cause}" for cause, count in sorted(cycle.by_cause.items()))
    return Reading(Observed.BROKEN, f"{failed} of {cycle.sent} requests failed: {causes}", failed, REQUESTS)


def ready_pod_is_not_refused(cycle: CycleFindings) -> Reading:
    """While its pod is Ready, no request is refused by the container's port. Undecided unless the fault landed."""
    refused = _refused(cycle)
    unattributed = _count(cycle, Cause.UNKNOWN.value, Cause.AMBIGUOUS.value)
    unnamed = _count(cycle, Cause.QUEUE_PROXY.value) - _early(cycle, Cause.QUEUE_PROXY.value)
    early = _early(cycle, Cause.REFUSED_DIAL.value, Cause.DIRECT.value)
    observed, why = Observed.HOLDS, f"none of {cycle.sent} requests was refused"
    if not cycle.landed.proved:
        observed, why = Observed.UNDECIDED, "the fault is not proved to have landed"
    elif 0 < refused <= early:
        observed, why = Observed.UNDECIDED, f"{refused} requests were refused, each before the fault"
    elif refused and cycle.ready_throughout:
        observed, why = Observed.BROKEN, f"{refused} requests were refused while the pod stayed Ready"
    elif refused and cycle.ready_throughout is None:
        observed, why = Observed.UNDECIDED, f"{refused} requests were refused, and nothing tells whether the pod stayed Ready"
    elif refused:
        observed = Observed.UNDECIDED
        why = f"the pod did not stay Ready: the {refused} refused requests are not the failure the claim speaks of"
    elif unattributed:
        observed, why = Observed.UNDECIDED, f"{unattributed} failures are unattributed and may have been refused"
    elif unnamed:
        observed, why = Observed.UNDECIDED, f"{unnamed} errors of queue-proxy have no known kind and may have been refused"
    elif cycle.overtaken:
        observed, why = Observed.UNDECIDED, f"queue-proxy logged {cycle.overtaken} refused dials of requests that timed out"
    elif not cycle.sent:
        observed, why = Observed.UNDECIDED, "nothing was sent"
    return Reading(observed, why, refused, REQUESTS)


def no_request_is_refused(cycle: CycleFindings) -> Reading:
    """No request is refused by the container's port, Ready or not. Undecided unless the fault landed."""
    refused, early = _refused(cycle), _early(cycle, Cause.REFUSED_DIAL.value, Cause.DIRECT.value)
    unnamed = _count(cycle, Cause.QUEUE_PROXY.value) - _early(cycle, Cause.QUEUE_PROXY.value)
    observed, why = Observed.HOLDS, f"none of {cycle.sent} requests was refused"
    if not cycle.sent:
        observed, why = Observed.UNDECIDED, "nothing was sent"
    elif not cycle.landed.proved:
        observed, why = Observed.UNDECIDED, "the fault is not proved to have landed"
    elif refused > early:
        observed, why = Observed.BROKEN, f"{refused} of {cycle.sent} requests were refused"
    elif refused:
        observed, why = Observed.UNDECIDED, f"{refused} requests were refused, each before the fault"
    elif unattributed := _count(cycle, Cause.UNKNOWN.value, Cause.AMBIGUOUS.value):
        observed, why = Observed.UNDECIDED, f"{unattributed} failures are unattributed and may have been refused"
    elif unnamed:
        observed, why = Observed.UNDECIDED, f"{unnamed} errors of queue-proxy have no known kind and may have been refused"
    elif cycle.overtaken:
        observed, why = Observed.UNDECIDED, f"queue-proxy logged {cycle.overtaken} refused dials of requests that timed out"
    return Reading(observed, why, refused, REQUESTS)


def pod_stays_ready(cycle: CycleFindings) -> Reading:
    """From the fault to the cycle's end its pod is Ready. Speaks only of a fault that landed, and where somebody asked."""
    if not cycle.landed.proved:
        return Reading(Observed.UNDECIDED, "the fault is not proved to have landed")
    if not cycle.sent:
        return Reading(Observed.UNDECIDED, "nothing was sent")
    if cycle.ready_throughout is None:
        return Reading(Observed.UNDECIDED, "nothing tells whether the pod stayed Ready")
    if cycle.ready_throughout:
        return Reading(Observed.HOLDS, "the pod stayed Ready")
    return Reading(Observed.BROKEN, "the pod was seen not Ready")


def failures_only_while_not_listening(cycle: CycleFindings) -> Reading:
    """Requests fail only between the old listener's close and the new listener's start, as the app reports them."""
    outside = cycle.outside_window
    if not cycle.sent:
        return Reading(Observed.UNDECIDED, "nothing was sent")
    if outside is None:
        return Reading(Observed.UNDECIDED, "the app did not report when it closed and opened its listener")
    if outside:
        return Reading(Observed.BROKEN, f"{outside} requests failed while the app listened", outside, REQUESTS)
    return Reading(Observed.HOLDS, "no request failed while the app listened", 0, REQUESTS)


def container_restarts_once(cycle: CycleFindings) -> Reading:
    """The container that the fault hit is restarted exactly once, and no other one. Undecided until the new one is probed well."""
    hit = {cycle.pod, *(one.pod for one in cycle.others_hit or ())}
    return _restarts(cycle, 1, {pod: count for pod, count in cycle.restarted.items() if pod not in hit})


def no_restart(cycle: CycleFindings) -> Reading:
    """The user container is not restarted, of any pod."""
    return _restarts(cycle, 0, {} if cycle.restarts else cycle.restarted)


def _restarts(cycle: CycleFindings, wanted: int, astray: Mapping[str, int]) -> Reading:
    """astray: restarts of pods that should have none, where the pods that were hit have as many as they should."""
    if astray and cycle.restarts is not None:
        named = ", ".join(f"{count} of {pod}" for pod, count in sorted(astray.items()))
        return Reading(Observed.BROKEN, f"restarts: {named} (should be 0)", cycle.restarts + sum(astray.values()), RESTARTS)
    if cycle.restarts is None:
        return Reading(Observed.UNDECIDED, "the container's restart count was not seen")
    if cycle.restarts == wanted >= 1 and cycle.probed_again is False:
        why = f"restarts: {wanted}, but no good liveness probe of the new container was seen: more may follow"
        return Reading(Observed.UNDECIDED, why, cycle.restarts, RESTARTS)
    if cycle.restarts == wanted and not cycle.sent:
        return Reading(Observed.UNDECIDED, "nothing was sent")
    observed = Observed.HOLDS if cycle.restarts == wanted else Observed.BROKEN
    of = f" of {cycle.container}" if cycle.container else ""
    return Reading(observed, f"restarts{of}: {cycle.restarts} (should be {wanted})", cycle.restarts, RESTARTS)


_OF_REQUESTS = frozenset({Fact.REQUESTS, Fact.LEDGER})
"""A claim about requests needs a closed ledger."""

_OF_A_PODS_REQUESTS = _OF_REQUESTS | {Fact.FAILING_POD}
"""One that compares them with the state of a pod needs to know the pod, too."""

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "requests-do-not-fail": Check(_OF_REQUESTS, requests_do_not_fail),
        "ready-pod-is-not-refused": Check(_OF_A_PODS_REQUESTS | {Fact.READINESS}, ready_pod_is_not_refused),
        "no-request-is-refused": Check(_OF_REQUESTS, no_request_is_refused),
        "pod-stays-ready": Check(frozenset({Fact.REQUESTS, Fact.READINESS}), pod_stays_ready),
        "failures-only-while-not-listening": Check(_OF_A_PODS_REQUESTS | {Fact.LISTENER}, failures_only_while_not_listening),
        "container-restarts-once": Check(frozenset({Fact.REQUESTS, Fact.RESTARTS, Fact.PROBES}), container_restarts_once),
        "no-restart": Check(frozenset({Fact.REQUESTS, Fact.RESTARTS}), no_restart),
    }
)
"""Every check a claim may name."""
