"""The API as a source: events and pod states, whose own times have a resolution of 1 s, and changes that the watches saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.analyse.anatomy.sources import Source
from harness.knative.events import CREATED, KILLING, STARTED, UNHEALTHY, event_state
from harness.knative.names import USER_CONTAINER
from harness.knative.pods import PodState
from harness.knative.times import SECOND_NS
from harness.model import Observation, Probe, ServiceSpec

WATCH_NS = 100_000_000
"""A state is stamped when it reaches the harness. A watch may take this long to deliver it on a busy host."""


def base_of(sights: Iterable[PodState], since_ns: int) -> PodState | None:
    """The pod as it was when the fault was sent, None if it was not seen by then."""
    return next((one for one in reversed(tuple(sights)) if one.seen_ns <= since_ns and one.restarts is not None), None)


def status_sources(sights: Sequence[PodState], since_ns: int) -> dict[str, Source]:
    """When the first container after the fault was started, and the one before it finished, by the pod's own status."""
    before = base_of(sights, since_ns)
    if before is None or before.restarts is None:
        return {}
    found: dict[str, Source] = {}
    for state in sights:
        if state.seen_ns < since_ns or state.restarts is None:
            continue
        ended_ns = state.finished_ns if state.restarts == before.restarts else state.last_finished_ns
        if state.restarts <= before.restarts + 1 and ended_ns is not None:
            found.setdefault("process-gone", _second(ended_ns, since_ns, "the pod's status: finishedAt"))
        if state.restarts == before.restarts + 1 and state.running_since_ns is not None:
            found.setdefault("container-started", _second(state.running_since_ns, since_ns, "the pod's status: startedAt"))
    return found


def event_sources(
    events: Sequence[Observation],
    service: ServiceSpec,
    since_ns: int,
    restarts: int | None,
    *,
    liveness_fails: bool,
    container: str = USER_CONTAINER,
) -> dict[str, Source]:
    """What the kubelet's events say of a container, by their own times. liveness_fails: the fault makes the liveness probe fail.

    restarts: of the container in the cycle. The API merges events of one reason. After more than one restart it is therefore
    unknown which container a time belongs to, and only the kill and the first failed probe are used.
    """
    found: dict[str, Source] = {}
    counts: dict[str, int] = {}
    for seen in events:
        event = event_state(seen.payload)
        if event is None:
            continue
        text = f"{event.reason} {event.message}"
        followed, counts[text] = counts.get(text), event.count
        if seen.at_ns + SECOND_NS <= since_ns or not event.may_be_about(container):
            continue
        if event.reason == KILLING:
            found.setdefault("killing", _second(seen.at_ns, since_ns, "events: Killing"))
        elif event.reason == UNHEALTHY and liveness_fails and event.message.startswith("Liveness probe failed"):
            at = _second(seen.at_ns, since_ns, "events: Unhealthy")
            probe = service.liveness or Probe()
            # The probe was sent up to its timeout earlier, and the last good one up to a period before that. This holds for the
            # first event after the fault, unless the event merges several that were not seen one by one.
            alone = event.count == (followed or 0) + 1
            lo_ns = seen.at_ns - (probe.timeout_s + probe.period_s) * SECOND_NS if alone else since_ns
            found.setdefault("first-failed-probe", replace(at, lo_ns=lo_ns))
        elif restarts == 1 and event.reason in {CREATED, STARTED} and followed != event.count:
            found.setdefault(f"container-{event.reason.lower()}", _second(seen.at_ns, since_ns, f"events: {event.reason}"))
    return found


def flips(sights: Sequence[tuple[int, bool | None]], from_ns: int, what: str, unready: str, again: str) -> dict[str, Source]:
    """The first change to not ready after from_ns, and the next one back. States without a value are left out."""
    found: dict[str, Source] = {}
    before: tuple[int, bool] | None = None
    for at_ns, ready in sights:
        if ready is None:
            continue
        if before is not None and at_ns > from_ns:
            if unready not in found:
                if before[1] and not ready:
                    found[unready] = Source(before[0], at_ns, f"{what}: seen ready", f"{what}: seen not ready", WATCH_NS)
            elif ready:
                found[again] = Source(before[0], at_ns, f"{what}: seen not ready", f"{what}: seen ready", WATCH_NS)
                break
        before = (at_ns, ready)
    return found


def _second(at_ns: int, since_ns: int, evidence: str) -> Source:
    """A time truncated to a second: [at, at + 1 s), limited to the time after the fault."""
    hi_ns = at_ns + SECOND_NS - 1
    return Source(max(at_ns, min(since_ns, hi_ns)), hi_ns, evidence, evidence, SECOND_NS)
