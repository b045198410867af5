"""What a watch that could not be resumed has missed: what was known of an object, against what is listed now. Pure.

An expired version is no loss by itself. Most of what matters is written into the object: its version says whether it was touched at
all, a pod keeps the time of its last change of Ready and counts its restarts, an event counts its repetitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.knative.events import repetitions
from harness.knative.objects import Object, name_of, version
from harness.knative.pods import ready_condition, restarts_by_container
from harness.knative.times import SECOND_NS, maybe_ns
from harness.model import NOBODY


@dataclass(frozen=True, slots=True)
class Lost:
    """Something about this pod may have been missed. pod "": about any pod."""

    pod: str
    why: str


Missed = Callable[[Object | None, Object | None, int], Lost | None]
"""An object as known (None: it was not), as listed now (None: it is not; never both), and until when nothing was missed.
Answers None if its present state tells everything that is used of it."""


def pod(before: Object | None, now: Object | None, since_ns: int) -> Lost | None:
    """Whether it may have been un-Ready, or restarted, without a trace."""
    name = name_of(now or before)
    if before is None:
        return Lost(name, f"{name} is new")
    if now is None:
        return Lost(name, f"{name} is gone")
    if version(before) == version(now):
        return None
    if _ready(before) != _ready(now):
        return Lost(name, f"the Ready condition of {name} has changed")
    at = maybe_ns(_ready(now)[1])
    if at is None or at + SECOND_NS > since_ns:
        return Lost(name, f"when {name} became Ready cannot be told from then")
    if (before.get("metadata") or {}).get("deletionTimestamp") != (now.get("metadata") or {}).get("deletionTimestamp"):
        return Lost(name, f"{name} is being deleted")
    was, restarts = restarts_by_container(before), restarts_by_container(now)
    if was.keys() != restarts.keys() or any(restarts[container] - was[container] > 1 for container in was):
        return Lost(name, f"containers of {name} have restarted more than once")
    return None


def endpoint_slice(before: Object | None, now: Object | None, _since_ns: int) -> Lost | None:
    """Whether it was touched: it keeps no times."""
    if before is not None and now is not None and version(before) == version(now):
        return None
    return Lost("", f"the slice {name_of(now or before)} has changed")


def event(before: Object | None, now: Object | None, _since_ns: int) -> Lost | None:
    """Whether it was repeated so often that the times of some repetitions are not in it: it has its first and its last."""
    if now is None:
        return None  # expired after its hour
    known = repetitions(before) if before is not None else 1
    if repetitions(now) - known <= 1:
        return None
    about = now.get("involvedObject") or {}
    name = str(about.get("name") or "") if about.get("kind") == "Pod" else NOBODY
    return Lost(name, f"{repetitions(now) - known - 1} repetitions of {now.get('reason')} have lost their times")


def _ready(obj: Object) -> tuple[Any, Any]:
    ready = ready_condition(obj)
    return ready.get("status"), ready.get("lastTransitionTime")
