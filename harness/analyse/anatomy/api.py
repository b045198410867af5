"""The API as a source: events and pod states, whose own times have a resolution of 1 s, and changes that the watches saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.analyse.anatomy.sources import Source
from harness.knative.lines import parsed
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
    events: Sequence[Observation], service: ServiceSpec, since_ns: int, restarts: int | None, *, liveness_fails: bool
) -> dict[str, Source]:
    """What the kubelet's events say, by their own times. liveness_fails: the fault makes the liveness probe fail.

    restarts: of the user container in the cycle. The API merges events of one reason. After more than one restart it is therefore
    unknown which container a time belongs to, and only the kill and the first failed probe are used.
    """
    found: dict[str, Source] = {}
    counts: dict[str, int] = {}
    for seen in events:
        event = parsed(seen.payload) or {}
        reason, message = str(event.get("reason")), str(event.get("message"))
        followed, counts[f"{reason} {message}"] = counts.get(f"{reason} {message}"), _count(event)
        if seen.at_ns + SECOND_NS <= since_ns or event.get("container") not in {USER_CONTAINER, "", None}:
            continue
        if reason == "Killing":
            found.setdefault("killing", _second(seen.at_ns, since_ns, "events: Killing"))
        elif reason == "Unhealthy" and liveness_fails and message.startswith("Liveness probe failed"):
            at = _second(seen.at_ns, since_ns, "events: Unhealthy")
            probe = service.liveness or Probe()
            # The probe was sent up to its timeout earlier, and the last good one up to a period before that. This holds for the
            # first event after the fault, unless the event merges several that were not seen one by one.
            lo_ns = (
                seen.at_ns - (probe.timeout_s + probe.period_s) * SECOND_NS if _count(event) == (followed or 0) + 1 else since_ns
            )
            found.setdefault("first-failed-probe", replace(at, lo_ns=lo_ns))
        elif restarts == 1 and reason in {"Created", "Started"} and followed != _count(event):
            found.setdefault(f"container-{reason.lower()}", _second(seen.at_ns, since_ns, f"events: {reason}"))
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


def endpoint(slices: Iterable[Observation], pod: str) -> list[tuple[int, bool | None]]:
    """Whether the pod's endpoint was ready, in the order seen, in the slices that list it by name.

    Of a Revision's two Services only the "-private" one follows its pods; the slices of the other one may list the activator
    instead. A slice that no longer lists the pod means not ready.
    """
    sights: list[tuple[int, str, str, bool]] = []
    listing: set[str] = set()
    for seen in slices:
        if (fields := parsed(seen.payload)) is None:
            continue
        slice_name = str(fields.get("slice"))
        listed = [one for one in fields.get("endpoints") or [] if isinstance(one, Mapping) and one.get("pod") == pod]
        if listed:
            listing.add(slice_name)
        if slice_name in listing:
            sights.append((seen.seen_ns, slice_name, str(fields.get("service")), any(bool(one.get("ready")) for one in listed)))
    private = [one for one in sights if one[2].endswith("-private")]
    chosen = private or sights
    # Only the first slice that listed the pod is used; several slices in turn would look like changes of readiness.
    return [(at_ns, ready) for at_ns, name, _, ready in chosen if name == chosen[0][1]]


def followed(slices: Iterable[Observation], pod: str) -> bool:
    """Whether a slice that follows its pods, the "-private" one, lists the pod's endpoint."""
    listings = (parsed(seen.payload) or {} for seen in slices if pod in seen.payload)
    return any(str(one.get("service")).endswith("-private") for one in listings)


def _second(at_ns: int, since_ns: int, evidence: str) -> Source:
    """A time truncated to a second: [at, at + 1 s), limited to the time after the fault."""
    hi_ns = at_ns + SECOND_NS - 1
    return Source(max(at_ns, min(since_ns, hi_ns)), hi_ns, evidence, evidence, SECOND_NS)


def _count(event: Mapping[str, Any]) -> int:
    count = event.get("count")
    return count if isinstance(count, int) else 1
