"""An Event: what of the API's object is kept in an Observation, and what such an Observation says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.knative.lines import parsed
from harness.knative.names import USER_CONTAINER
from harness.knative.objects import Object, compact
from harness.knative.times import MICROSECOND_NS, SECOND_NS, maybe_ns
from harness.model import Observation, Stream

KILLING = "Killing"
UNHEALTHY = "Unhealthy"
CREATED = "Created"
STARTED = "Started"
"""Reasons the kubelet gives."""

_CONTAINER_PATH = re.compile(r"spec\.(?:init|ephemeral)?[cC]ontainers\{(.+)\}")


def repetitions(obj: Object) -> int:
    """How often an Event of the API happened so far: it is folded into one object."""
    return int((obj.get("series") or {}).get("count") or obj.get("count") or 1)


def event(obj: Object, *, deleted: bool, seen_ns: int) -> Observation | None:
    """An Event of either events API; None for one that has merely expired.

    The old API fills lastTimestamp (whole seconds) and count; the new one leaves them null, gives eventTime (microseconds) and,
    once the event repeats, series {count, lastObservedTime}. The finest time there is wins.
    """
    if deleted:
        return None
    meta, series, about = obj.get("metadata") or {}, obj.get("series") or {}, obj.get("involvedObject") or {}
    fine = maybe_ns(series.get("lastObservedTime"))
    if fine is None and not series:
        fine = maybe_ns(obj.get("eventTime"))
    coarse = maybe_ns(obj.get("lastTimestamp")) or maybe_ns(obj.get("firstTimestamp")) or maybe_ns(meta.get("creationTimestamp"))
    last = fine or coarse or seen_ns
    path = _CONTAINER_PATH.fullmatch(about.get("fieldPath") or "")
    container = path.group(1) if path else ""
    return Observation(
        stream=Stream.EVENTS,
        pod=(about.get("name") or "") if about.get("kind") == "Pod" else "",
        container=container,
        instance=-1,
        at_ns=last,
        resolution_ns=MICROSECOND_NS if fine else SECOND_NS,
        seen_ns=seen_ns,
        payload=compact(
            {
                "reason": obj.get("reason") or "",
                "message": obj.get("message") or "",
                "type": obj.get("type") or "",
                "count": repetitions(obj),
                "container": container,
                "first_ns": maybe_ns(obj.get("eventTime")) or maybe_ns(obj.get("firstTimestamp")) or last,
                "last_ns": last,
            }
        ),
    )


@dataclass(frozen=True, slots=True)
class EventState:
    """One sight of an Event. count: how often it happened so far. container: "" for the pod as a whole."""

    reason: str
    message: str
    type: str
    count: int
    container: str

    def may_be_about(self, container: str = USER_CONTAINER) -> bool:
        """Whether it may be about this container: an event that names none is about the whole pod."""
        return self.container in {container, ""}

    @property
    def kills_for_liveness(self) -> bool:
        """Whether the kubelet kills a container because its liveness probe failed.

        A pod that is being deleted is killed too ("Stopping container ..."), for another reason.
        """
        return self.reason == KILLING and "liveness" in self.message


def event_state(payload: str) -> EventState | None:
    """What the payload of an Observation says, None if it is not of an Event."""
    told = parsed(payload)
    if told is None:
        return None
    count, container = told.get("count"), told.get("container")
    return EventState(
        reason=str(told.get("reason")),
        message=str(told.get("message", "")),
        type=str(told.get("type", "")),
        count=count if isinstance(count, int) else 1,
        container="" if container is None else str(container),
    )


def event_in_words(payload: str) -> str:
    """Its reason and message for readers; "" for what is not of an Event, or names no reason."""
    event = event_state(payload)
    return f"event {event.reason}: {' '.join(event.message.split())[:200]}" if event and event.reason not in {"", "None"} else ""
