"""What a claim can ask of a cycle: named, pure functions CycleFindings -> (Observed, why).

A check says HOLDS or BROKEN only when the cycle's evidence decides; UNDECIDED otherwise, with what is missing. The good behaviour
is always the one that HOLDS; whether it is expected to is the claim's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.model import Cause, CycleFindings, Observed

Seen = tuple[Observed, str]
Check = Callable[[CycleFindings], Seen]

_OF_THE_SYSTEM = tuple(cause.value for cause in Cause if cause not in {Cause.UNKNOWN, Cause.AMBIGUOUS, Cause.CLIENT})
"""The other failures nobody on the way answers for: they are without evidence, or the generator's own."""


def _count(cycle: CycleFindings, *causes: str) -> int:
    return sum(cycle.by_cause.get(cause, 0) for cause in causes)


def requests_do_not_fail(cycle: CycleFindings) -> Seen:
    """Every request is answered well. Undecided if nothing was sent, or if no failure has a cause in the system."""
    failed = sum(cycle.by_outcome.values()) - cycle.ok
    if not cycle.sent:
        return Observed.UNDECIDED, "nothing was sent"
    if not failed:
        return Observed.HOLDS, f"all {cycle.sent} requests were answered well"
    if not _count(cycle, *_OF_THE_SYSTEM):
        return Observed.UNDECIDED, f"{failed} of {cycle.sent} requests failed, none with a cause in the system"
    causes = ", ".join(f"{count} {cause}" for cause, count in sorted(cycle.by_cause.items()))
    return Observed.BROKEN, f"{failed} of {cycle.sent} requests failed: {causes}"


def ready_pod_is_not_refused(cycle: CycleFindings) -> Seen:
    """While its pod is Ready, no request is refused by the container's port. Speaks only of a fault that landed."""
    refused = _count(cycle, Cause.REFUSED_DIAL.value)
    unattributed = _count(cycle, Cause.UNKNOWN.value, Cause.AMBIGUOUS.value)
    if not cycle.landed.proved:
        return Observed.UNDECIDED, "the fault is not proved to have landed"
    if refused and cycle.ready_throughout:
        return Observed.BROKEN, f"{refused} requests were refused while the pod stayed Ready"
    if refused and cycle.ready_throughout is None:
        return Observed.UNDECIDED, f"{refused} requests were refused, and nothing tells whether the pod stayed Ready"
    if refused:
        return (
            Observed.UNDECIDED,
            f"the pod did not stay Ready: the {refused} refused requests are not the failure the claim speaks of",
        )
    if unattributed:
        return Observed.UNDECIDED, f"{unattributed} failures are unattributed and may have been refused"
    if not cycle.sent:
        return Observed.UNDECIDED, "nothing was sent"
    return Observed.HOLDS, f"none of {cycle.sent} requests was refused"


def failures_only_while_not_listening(cycle: CycleFindings) -> Seen:
    """Requests fail only between the old listener's close and the new listener's start, as the app reports them."""
    if not cycle.sent:
        return Observed.UNDECIDED, "nothing was sent"
    if cycle.outside_window is None:
        return Observed.UNDECIDED, "the app did not report when it closed and opened its listener"
    if cycle.outside_window:
        return Observed.BROKEN, f"{cycle.outside_window} requests failed while the app listened"
    return Observed.HOLDS, "no request failed while the app listened"


def container_restarts_once(cycle: CycleFindings) -> Seen:
    """The user container is restarted exactly once. Undecided until the new one is probed well: it may be restarted again."""
    return _restarts(cycle, 1)


def no_restart(cycle: CycleFindings) -> Seen:
    """The user container is not restarted."""
    return _restarts(cycle, 0)


def _restarts(cycle: CycleFindings, wanted: int) -> Seen:
    if cycle.restarts is None:
        return Observed.UNDECIDED, "the container's restart count was not seen"
    if cycle.restarts == wanted >= 1 and cycle.probed_again is False:
        return Observed.UNDECIDED, f"restarts: {wanted}, but no good liveness probe of the new container was seen: more may follow"
    if cycle.restarts == wanted and not cycle.sent:
        return Observed.UNDECIDED, "nothing was sent"
    return (
        Observed.HOLDS if cycle.restarts == wanted else Observed.BROKEN,
        f"restarts: {cycle.restarts} (should be {wanted})",
    )


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "requests-do-not-fail": requests_do_not_fail,
        "ready-pod-is-not-refused": ready_pod_is_not_refused,
        "failures-only-while-not-listening": failures_only_while_not_listening,
        "container-restarts-once": container_restarts_once,
        "no-restart": no_restart,
    }
)
"""Every check a claim may name."""
