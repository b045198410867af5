"""The app's own log as a source: when the app received the fault, when it stopped, and when its next boot listened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analyse.anatomy.sources import COMMAND, Source
from harness.apps.toggle import AppEvent, Event
from harness.model import FaultEvent

CLOCK_NS = 1_000
"""The app stamps an event right after it happened. One microsecond covers this delay, and the harness's own clock."""


@dataclass(frozen=True, slots=True)
class Boots:
    """The app's events by process.

    old: all events of the boot into which the fault was injected. later: of every boot that began after the fault, by time.
    since_ns: when the fault was sent.
    """

    old: tuple[AppEvent, ...]
    later: tuple[AppEvent, ...]
    since_ns: int

    @property
    def last_ns(self) -> int:
        """When the old process last logged an event after the fault; 0: never."""
        return max((one.t_ns for one in self.old if one.t_ns >= self.since_ns), default=0)


def boots(told: Sequence[AppEvent], boot: str, since_ns: int) -> Boots:
    """told: by time."""
    earlier = {one.boot for one in told if one.t_ns < since_ns}
    return Boots(
        tuple(one for one in told if one.boot == boot),
        tuple(one for one in told if one.boot != boot and one.boot not in earlier and one.t_ns >= since_ns),
        since_ns,
    )


def before(told: Iterable[AppEvent], event: AppEvent) -> tuple[int, str]:
    """The last moment at which the event had not happened yet, and the evidence for it.

    Its own stamp from just before the act, else its previous event; the event itself if it is the only one of its boot.
    """
    own = event.more.get("before_ns")
    if isinstance(own, int) and not isinstance(own, bool) and own <= event.t_ns:
        return own, f"the app's log: before {event.event}"
    earlier = [one for one in told if one.boot == event.boot and one.t_ns < event.t_ns]
    return (earlier[-1].t_ns, f"the app's log: {earlier[-1].event}") if earlier else (event.t_ns, f"the app's log: {event.event}")


def sources(seen: Boots, event: FaultEvent) -> dict[str, Source]:
    """What the app's log alone shows of each edge, without the probes."""
    found: dict[str, Source] = {}
    # Lines about another kind of fault do not belong to this event, for example those of a second fault.
    of_it = [one for one in seen.old if one.more.get("kind") in {None, event.kind}]
    taken = _first(of_it, Event.FAULT, seen.since_ns)
    if taken is not None:  # stamped before it took effect
        hi_ns = max(taken.t_ns, event.answered_ns)
        found["fault"] = Source(taken.t_ns, hi_ns, "the app's log: fault", "the harness: answer received", CLOCK_NS)
    for edge, name in (("sigterm", Event.SIGNAL), ("listener-closed", Event.CLOSED)):
        one = _first(seen.old, name, seen.since_ns)
        if one is not None:
            found[edge] = _did(seen.old, one, seen.since_ns)
    listening = _first(seen.later, Event.LISTENING, seen.since_ns)
    if listening is not None:
        found["listening"] = _did(seen.later, listening, seen.since_ns)
    if seen.later and 0 < seen.last_ns <= seen.later[0].t_ns:
        # Containers of one pod follow each other: the next process begins when the last one is gone.
        last, first = "the app's log: the old boot's last word", "the app's log: the new boot's first"
        between = Source(seen.last_ns, seen.later[0].t_ns, last, first, CLOCK_NS)
        found |= dict.fromkeys(("process-gone", "container-created", "container-started"), between)
    return found


def _did(told: Iterable[AppEvent], one: AppEvent, since_ns: int) -> Source:
    lo_ns, evidence = before(told, one)
    if lo_ns < since_ns:
        lo_ns, evidence = since_ns, COMMAND
    return Source(lo_ns, one.t_ns, evidence, f"the app's log: {one.event}", CLOCK_NS)


def _first(told: Iterable[AppEvent], name: str, since_ns: int) -> AppEvent | None:
    return next((one for one in told if one.event == name and one.t_ns >= since_ns), None)
