"""The last observations of the pod of a cycle that does not count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.analyse.view import CycleEvidence
from harness.knative.lines import parsed
from harness.model import Observation, Stream

EVENTS_SHOWN = 3
"""The number of the pod's last events that are shown, each text once."""


def last_seen(cycle: CycleEvidence) -> tuple[str, ...]:
    """The pod's last state and the last events about it, in words, oldest first; empty if nothing was seen of it."""
    own = [one for one in cycle.seen if one.pod == cycle.mark.pod]
    states = [one for one in own if one.stream is Stream.PODS]
    events = list(dict.fromkeys(filter(None, (_event(one) for one in own if one.stream is Stream.EVENTS))))
    state = _state(max(states, key=lambda one: one.seen_ns)) if states else ""
    return tuple(filter(None, (*events[-EVENTS_SHOWN:], state)))


def _event(seen: Observation) -> str:
    event = parsed(seen.payload) or {}
    return f"event {event.get('reason')}: {' '.join(str(event.get('message')).split())[:200]}" if event.get("reason") else ""


def _state(seen: Observation) -> str:
    state = parsed(seen.payload)
    if state is None:
        return ""
    ready = {True: "Ready", False: "not Ready"}.get(state.get("ready"), "Ready unknown")  # type: ignore[arg-type]
    deleting = ", being deleted" if state.get("deleting") else ""
    containers = state.get("containers")
    details = "; ".join(_containers(containers)) if isinstance(containers, Mapping) else ""
    return f"pod {seen.pod} {state.get('phase') or ''} {ready}{deleting}{f' ({details})' if details else ''}".replace("  ", " ")


def _containers(containers: Mapping[str, Any]) -> Iterable[str]:
    for name, one in sorted(containers.items()):
        if not isinstance(one, Mapping):
            continue
        ended = one.get("terminated")
        waits = f"waiting: {one.get('waiting')}" if one.get("waiting") else ""
        exited = f"terminated: {ended.get('reason') or ended.get('exit_code')}" if isinstance(ended, Mapping) else ""
        running = "running" if one.get("running_since_ns") else "no state"
        ready = "ready" if one.get("ready") else "not ready"
        yield f"{name}: {waits or exited or running}, {ready}, {one.get('restarts', 0)} restarts"
