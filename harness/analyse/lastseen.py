"""The last observations of the pod of a cycle that does not count."""

from __future__ import annotations

from harness.analyse.view import CycleEvidence
from harness.knative.events import event_in_words
from harness.knative.pods import pod_in_words
from harness.model import Stream

EVENTS_SHOWN = 3
"""The number of the pod's last events that are shown, each text once."""


def last_seen(cycle: CycleEvidence) -> tuple[str, ...]:
    """The pod's last state and the last events about it, in words, oldest first; empty if nothing was seen of it."""
    own = [one for one in cycle.seen if one.pod == cycle.mark.pod]
    states = [one for one in own if one.stream is Stream.PODS]
    events = list(dict.fromkeys(filter(None, (event_in_words(one.payload) for one in own if one.stream is Stream.EVENTS))))
    state = pod_in_words(max(states, key=lambda one: one.seen_ns)) if states else ""
    return tuple(filter(None, (*events[-EVENTS_SHOWN:], state)))
