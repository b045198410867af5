"""When the port of a pod was listened on, by its listening sockets as they were sampled from the node."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.analyse.anatomy.sources import Source
from harness.analyse.windows import Window
from harness.apps.toggle import AppEvent, Event
from harness.knative.listeners import Stretch, unchanged

CLOSED, OPENED = "listener-closed", "listening"
"""The edges of a restart that the sockets show."""

CLOCK_NS = 1_000
ENDS_WITHIN_NS = 1_000_000_000
"""How much earlier a process may report that it exits than the kernel closes its sockets."""


@dataclass(frozen=True, slots=True)
class Shut:
    """One time without a listener. closed, opened: between the beginning of the last look that saw the old state and the end of the
    first look that saw the new one. opened: None if no later look saw a listener.

    A listener that is replaced by another socket between two looks is closed and opened in the same bracket; whether nobody
    listened in between is not known.
    """

    closed: Window
    opened: Window | None

    def outer(self, until_ns: int) -> Window:
        """All of the time in which it may not have listened."""
        return Window(self.closed.from_ns, self.opened.until_ns if self.opened else until_ns)


def shuts(stretches: Iterable[Stretch], address: str, port: int) -> Iterator[Shut]:
    """The times in which a connection to this address and port was refused, by time. The time before the first listener is none."""
    target = ipaddress.ip_address(address)
    before: frozenset[int] = frozenset()
    last_ns, closed = 0, None
    for one in sorted(stretches, key=lambda stretch: stretch.looks[0]):
        now, edge = one.taking(target, port), Window(last_ns, one.looks[0][1])
        if before and now.isdisjoint(before):
            closed = edge
        if closed is not None and now:
            yield Shut(closed, edge)
            closed = None
        before, last_ns = now, one.looks[-1][0]
    if closed is not None:
        yield Shut(closed, None)


def windows(found: Iterable[Shut], from_ns: int, until_ns: int) -> tuple[Window, ...]:
    """The time in which it may not have listened, between these moments: each end is later, or earlier, by one bracket at most."""
    outer = (one.outer(until_ns) for one in found)
    return tuple(
        Window(one.from_ns, min(one.until_ns, until_ns)) for one in outer if one.until_ns >= from_ns and one.from_ns <= until_ns
    )


def not_covered(stretches: Sequence[Stretch], address: str, port: int, watched: Window, *, hole_ns: int, bridged_ns: int) -> str:
    """Why the looks do not show the listener throughout this time, "" if they do.

    hole_ns: two looks that begin further apart than this have a hole between them, whether a gap was recorded or not. bridged_ns: a
    hole that is no longer than this hides nothing if the looks at both ends of it found the same sockets.
    """
    from_ns, until_ns = watched.from_ns, watched.until_ns
    before = [one for one in stretches if one.looks[0][0] <= from_ns]
    if not before:
        return "the listening sockets were not sampled before the fault"
    if max(one.looks[-1][1] for one in stretches) < until_ns - hole_ns:
        return "the listening sockets were not sampled to the end of the load"
    target = ipaddress.ip_address(address)
    if not any(one.taking(target, port) for one in before):
        return f"no socket that takes connections to {address}:{port} was seen before the fault"
    for hole in _holes(stretches, watched, hole_ns):
        if not unchanged(stretches, hole.from_ns, hole.until_ns, bridged_ns):
            length_s = (hole.until_ns - hole.from_ns) / 1e9
            return f"the listening sockets were not sampled for {length_s:.3f} s from {_at(hole.from_ns, from_ns)}"
    return ""


def _holes(stretches: Iterable[Stretch], watched: Window, hole_ns: int) -> Iterator[Window]:
    """Each from the beginning of a look to the end of the next one, as the sampler records its gaps.

    The first of these looks is the last one before this time. What follows the end of this time belongs to no hole.
    """
    looks = sorted(look for one in stretches for look in one.looks)
    for (before_ns, _), (after_ns, ended_ns) in pairwise(looks):
        if after_ns > watched.from_ns and min(after_ns, watched.until_ns) - before_ns > hole_ns:
            yield Window(before_ns, ended_ns)


def sources(found: Sequence[Shut], since_ns: int) -> dict[str, Source]:
    """The edges of the first time without a listener that began or may have begun after this moment."""
    first = next((one for one in found if one.closed.until_ns >= since_ns), None)
    if first is None:
        return {}
    words = "the pod's sockets: the last look that saw a listener", "the pod's sockets: the first look without that listener"
    edges = {CLOSED: Source(max(first.closed.from_ns, since_ns), first.closed.until_ns, *words, CLOCK_NS)}
    if first.opened is not None:
        words = (
            "the pod's sockets: the last look without a listener",
            "the pod's sockets: the first look that saw the next listener",
        )
        edges[OPENED] = Source(max(first.opened.from_ns, since_ns), first.opened.until_ns, *words, CLOCK_NS)
    return edges


def contradicted(
    outages: Sequence[Window], told: Sequence[AppEvent], found: Sequence[Shut], from_ns: int, until_ns: int, tolerance_ns: int
) -> str:
    """How the outages by the app's log contradict the sockets, "" if each end of each lies in its bracket, within the tolerance.

    The app reports that it exits before the kernel closes its sockets. from_ns, until_ns: an outage that ended before or began
    after is not compared.
    """
    exits = {one.t_ns for one in told if one.event == Event.EXIT}
    left = [one for one in found if one.outer(until_ns).until_ns >= from_ns and one.closed.from_ns <= until_ns]
    for outage in outages:
        early_ns = tolerance_ns + (ENDS_WITHIN_NS if outage.from_ns in exits else 0)
        agreeing = [one for one in left if _agrees(outage, one, early_ns, tolerance_ns, until_ns)]
        if not agreeing:
            seen = _said(left, from_ns, until_ns)
            return (
                f"the app's log: it did not listen from {_at(outage.from_ns, from_ns)} to {_at(outage.until_ns, from_ns)}; {seen}"
            )
        left.remove(agreeing[0])
    # One at the very edge may be on the other side of it by the app's clock.
    astray = [
        one
        for one in left
        if one.outer(until_ns).until_ns > from_ns + tolerance_ns and one.closed.until_ns < until_ns - tolerance_ns
    ]
    return f"the app's log has no other end of its listener; {_said(astray, from_ns, until_ns)}" if astray else ""


def _agrees(outage: Window, one: Shut, early_ns: int, tolerance_ns: int, until_ns: int) -> bool:
    closed = one.closed.from_ns - early_ns <= outage.from_ns <= one.closed.until_ns + tolerance_ns
    if one.opened is None or outage.until_ns == until_ns:
        return closed and one.outer(until_ns).until_ns + tolerance_ns >= until_ns
    return closed and one.opened.from_ns - tolerance_ns <= outage.until_ns <= one.opened.until_ns + tolerance_ns


def _said(found: Sequence[Shut], origin_ns: int, until_ns: int) -> str:
    spans = (f"{_at(one.closed.from_ns, origin_ns)} to {_at(one.outer(until_ns).until_ns, origin_ns)}" for one in found)
    return (
        f"the pod's sockets: no listener at most from {' and from '.join(spans)}"
        if found
        else "the pod's sockets: a listener throughout"
    )


def _at(ns: int, origin_ns: int) -> str:
    return f"{(ns - origin_ns) / 1e9:+.6f} s"
