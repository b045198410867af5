"""Several sources of one edge: the sharpest bracket, the sources that contradict it, and edges that contradict their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.model import Bracket

COMMAND = ""
"""The not_before of a source that only knows that the fault had not been sent yet."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one source alone supports: the edge is not before lo_ns and not after hi_ns.

    not_before, not_after: the evidence, in words ("the app's log: signal"). Both are the same if one observation supports both.
    COMMAND: lo_ns is only the time of the fault. resolution_ns: of the clock that stamped it.
    """

    lo_ns: int
    hi_ns: int
    not_before: str
    not_after: str
    resolution_ns: int

    @property
    def evidence(self) -> str:
        """Both ends' words."""
        return _joined(self.not_before, self.not_after)


def choose(sources: Sequence[Source]) -> Bracket:
    """The sharpest bracket the sources allow; at least one is needed.

    Sources that agree with the sharpest one narrow the bracket, the finest clock first. A source whose clock is coarser than the
    bracket is ignored: a clock of 1 s cannot move an edge that is known to a millisecond. The evidence names the sources of both
    ends.
    """
    sharpest = _sharpest(sources)
    agreeing = [one for one in sources if one.lo_ns <= sharpest.hi_ns and one.hi_ns >= sharpest.lo_ns]
    agreeing.sort(key=lambda source: (source.resolution_ns, source.hi_ns - source.lo_ns))
    lo = hi = agreeing[0]
    for one in agreeing[1:]:
        if one.lo_ns > hi.hi_ns or one.hi_ns < lo.lo_ns or one.resolution_ns > hi.hi_ns - lo.lo_ns:
            continue
        lo = one if one.lo_ns > lo.lo_ns else lo
        hi = one if one.hi_ns < hi.hi_ns else hi
    return Bracket(lo.lo_ns, hi.hi_ns, _joined(lo.not_before, hi.not_after), max(lo.resolution_ns, hi.resolution_ns))


def apart_ns(earlier: Bracket | Source, later: Bracket | Source) -> int:
    """By how much `earlier` lies after `later`, beyond the errors of both clocks; 0 or less: not provably after."""
    return earlier.lo_ns - earlier.resolution_ns - (later.hi_ns + later.resolution_ns)


def disagreements(edge: str, sources: Sequence[Source], origin_ns: int) -> tuple[str, ...]:
    """The sources that contradict the sharpest one by more than both their errors, in words that begin with the edge's name."""
    sharpest = _sharpest(sources)
    found = []
    for one in sources:
        gap_ns = max(apart_ns(one, sharpest), apart_ns(sharpest, one))
        if gap_ns > 0:
            found.append(f"{edge}: {said(sharpest, origin_ns)}, but {said(one, origin_ns)}: {gap_ns / 1e9:.6f} s apart")
    return tuple(found)


def contradictions(edges: Mapping[str, Bracket], pairs: Iterable[tuple[str, str]], origin_ns: int) -> tuple[str, ...]:
    """Pairs (a, b) of which a is provably after b, in words that begin with both names. Edges not seen contradict nothing."""
    found = []
    for earlier, later in pairs:
        if earlier not in edges or later not in edges:
            continue
        gap_ns = apart_ns(edges[earlier], edges[later])
        if gap_ns > 0:
            found.append(
                f"{earlier}, {later}: the first must not be after the second, but they are {said(edges[earlier], origin_ns)} and "
                f"{said(edges[later], origin_ns)}: {gap_ns / 1e9:.6f} s too late"
            )
    return tuple(found)


def said(source: Bracket | Source, origin_ns: int) -> str:
    """The bracket in seconds after the origin, with its evidence."""
    lo, hi = (source.lo_ns - origin_ns) / 1e9, (source.hi_ns - origin_ns) / 1e9
    return f"{lo:+.6f} to {hi:+.6f} s ({source.evidence})"


def _joined(not_before: str, not_after: str) -> str:
    """Both texts, with the source named once: "containerd: StartContainer" and "containerd: StartContainer returns"."""
    if not_before in {COMMAND, not_after}:
        return not_after
    who, _, what = not_after.partition(": ")
    return f"{not_before}, {what}" if what and not_before.startswith(f"{who}: ") else f"{not_before}; {not_after}"


def _sharpest(sources: Sequence[Source]) -> Source:
    return min(sources, key=lambda source: (max(source.hi_ns - source.lo_ns, source.resolution_ns), source.resolution_ns))
