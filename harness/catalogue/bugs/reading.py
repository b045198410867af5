"""What signatures read in the evidence of an examination. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.knative.events import event_state
from harness.knative.pods import PodState, pod_state
from harness.knative.probes import DRAINS
from harness.model import Observation, RequestSeen, Seen, Stream

OK = 200
"""HTTP status of a good answer, and of an object that the API server accepted."""

UNAVAILABLE = 503
"""HTTP status of queue-proxy to a readiness probe while it drains, or while the app is not ready."""

LOOKS_APART_S = 6.0
"""Longest time between two looks of a trial that is no gap. A look comes a second after the one before, whose request may take 3 s,
and the API server answers in fractions of one. Every edge that a signature measures is at least that long."""

_NO_SUCH_FIELD = ("must not set", "not declared in schema", "unknown field")
"""How the webhook and the API server refuse a field that the version does not have."""


@dataclass(frozen=True, slots=True)
class Kill:
    """The kubelet's first decision to kill a container whose liveness probe failed. at_ns: true to a second."""

    pod: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Failed probes of a pod, folded into one event. first_ns, last_ns: true to a second."""

    first_ns: int
    last_ns: int
    count: int
    message: str


def s_between(earlier_ns: int, later_ns: int) -> float:
    """In seconds."""
    return (later_ns - earlier_ns) / 1e9


def first_kill(seen: Seen) -> Kill | None:
    """For a failed liveness probe; None if there was none."""
    for one in seen.observations:
        event = event_state(one.payload) if one.stream is Stream.EVENTS else None
        if event is not None and event.kills_for_liveness and event.may_be_about():
            return Kill(one.pod, one.at_ns)
    return None


def states(seen: Seen, pod: str = "") -> list[PodState]:
    """The states of this pod, of any pod without a name, in the order seen."""
    found = (pod_state(one) for one in seen.observations if one.stream is Stream.PODS and pod in {"", one.pod})
    return [state for state in found if state is not None]


def while_it_stood(seen: Seen, pod: str) -> Seen:
    """What was seen before this pod was deleted: a pod on its way out is not Ready and drains, too."""
    gone_ns = next((state.seen_ns for state in states(seen, pod) if state.deleting), 0)
    if not gone_ns:
        return seen
    kept = tuple(one for one in seen.observations if one.seen_ns < gone_ns)
    asked = tuple(one for one in seen.readiness if one.done_ns < gone_ns)
    return replace(seen, observations=kept, readiness=asked, until_ns=min(seen.until_ns, gone_ns))


def restarts_by(state: PodState) -> int:
    """Of all its containers but queue-proxy."""
    counts = (state.restarts_of(name) or 0 for name in state.containers if name != "queue-proxy")
    return sum(counts)


def restart_ns(seen: Seen, pod: str, after_ns: int) -> int:
    """When the user container's restart count was first seen to have grown after this moment; 0: it did not grow."""
    before = 0
    for state in states(seen, pod):
        if state.restarts is None:
            continue
        if state.seen_ns <= after_ns:
            before = state.restarts
        elif state.restarts > before:
            return state.seen_ns
    return 0


def failures(seen: Seen, which: str, pod: str = "") -> list[Failure]:
    """The failed probes of this kind ("Liveness", "Readiness", "Startup"), each event as it was last seen."""
    last: dict[tuple[str, str], Failure] = {}
    for one in seen.observations:
        if one.stream is not Stream.EVENTS or pod not in {"", one.pod}:
            continue
        event = event_state(one.payload)
        if event is None or f"{which} probe failed" not in event.message:
            continue
        first_ns = int(json.loads(one.payload).get("first_ns") or one.at_ns)
        before = last.get((one.pod, event.message))
        first_ns = min(first_ns, before.first_ns) if before else first_ns
        last[one.pod, event.message] = Failure(first_ns, one.at_ns, event.count, event.message)
    return list(last.values())


def last_503_ns(seen: Seen, pod: str) -> int:
    """When the kubelet's readiness probe of this pod last got a 503, by the events; 0: never. Events are dropped after 25."""
    refused = (one.last_ns for one in failures(seen, "Readiness", pod) if "statuscode: 503" in one.message)
    return max(refused, default=0)


def last_drain_ns(seen: Seen, pod: str) -> int:
    """When queue-proxy last answered the trial that it drains; 0: never. A 503 of the API server, or for the app, is none."""
    drains = (one.sent_ns for one in seen.readiness if (one.pod, one.status, one.text) == (pod, UNAVAILABLE, DRAINS))
    return max(drains, default=0)


def answered(seen: Seen, after_ns: int = 0) -> list[RequestSeen]:
    """Requests that were sent after this moment and answered with 200 by the app."""
    return [one for one in seen.requests if one.status == OK and one.pod and one.sent_ns > after_ns]


def first_ready_ns(seen: Seen, after_ns: int = 0) -> int:
    """When a pod was first seen Ready after this moment; 0: none was."""
    return next((state.seen_ns for state in states(seen) if state.seen_ns > after_ns and state.ready and not state.deleting), 0)


def words(seen: Seen) -> Iterable[str]:
    """Everything that Kubernetes and Knative said: refusals, conditions, events, the lines of logs."""
    if seen.answer is not None and seen.answer.said:
        yield seen.answer.said
    yield from (f"{one.kind} {one.type}={one.status} {one.reason}: {one.message}" for one in seen.conditions)
    for observed in seen.observations:
        if observed.stream is Stream.EVENTS and (event := event_state(observed.payload)) is not None:
            yield f"event {event.reason}: {event.message}"
    for log in seen.logs.values():
        yield from log.splitlines()


def says(seen: Seen, *parts: str) -> str:
    """The first of `words` that contains all these parts, shortened; "" if none does."""
    found = next((text for text in words(seen) if all(part in text for part in parts)), "")
    return " ".join(found.split())[:300]


def template(seen: Seen) -> dict[str, Any]:
    """The spec of the pods as Knative made it, empty if it made none."""
    found = json.loads(seen.template) if seen.template else {}
    return found if isinstance(found, dict) else {}


def stored_spec(seen: Seen) -> dict[str, Any]:
    """The pods' spec in the trial's Service as the API server answered it, empty if it answered none."""
    found = json.loads(seen.stored) if seen.stored else {}
    for key in ("spec", "template", "spec"):
        found = found.get(key) or {} if isinstance(found, dict) else {}
    return found


def container(spec: dict[str, Any], name: str) -> dict[str, Any]:
    """The container of this name in a pod's spec, empty if there is none."""
    return next((one for one in spec.get("containers") or [] if one.get("name") == name), {})


def refused(seen: Seen) -> str:
    """What the API server said when it refused the trial's Service; "" if it accepted it, or was not asked yet."""
    return seen.answer.said or f"HTTP {seen.answer.status}" if seen.answer is not None and seen.answer.status != OK else ""


def lacks_field(why: str) -> bool:
    """Whether this refusal says that the version does not have a field; any other one says nothing of the version."""
    return any(words in why for words in _NO_SUCH_FIELD)


def lines_of(seen: Seen, stream: Stream) -> Sequence[Observation]:
    """The observations of one stream, in the order seen."""
    return [one for one in seen.observations if one.stream is stream]
