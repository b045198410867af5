"""What an entry of the corpus is: a bug as data, and the pure function that recognises it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.model import BugState, Claimed, Decided, Gap, Scenario, Seen, Stream, Trial

NEVER_SILENT = (Stream.PODS, Stream.QUEUE_PROXY)
"""Streams that deliver something of every pod: if one is empty, it was not followed."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug.

    provoked_by: a trial, or a scenario where the bug shows itself under measured load. signature: PRESENT only if the bug was seen,
    ABSENT only if the right behaviour was seen, else INCONCLUSIVE; it is asked again after each look until it decides, and later of
    the stored evidence. claimed: see `Claimed`. maskers: ids of bugs that may keep this one from being provoked; whether one does
    is decided by its own signature, on the same evidence or by its cell on the same stack. needs: by state, the streams of which
    this state reads that something was *not* there, or when it was first there. A gap could hide what decides otherwise; so that
    state then is INCONCLUSIVE. A state that is shown by what was seen needs none.
    """

    id: str
    title: str
    source: str
    provoked_by: Trial | Scenario
    signature: Callable[[Seen], Decided]
    claimed: Claimed
    maskers: tuple[str, ...] = ()
    needs: Mapping[BugState, tuple[Stream, ...]] = field(default_factory=dict)

    def shown(self, seen: Seen) -> Decided:
        """What the signature says of this evidence, if the streams that it needs are whole."""
        found = self.signature(seen)
        missing = next(filter(None, (_missing(seen, stream) for stream in self.needs.get(found.state, ()))), "")
        return inconclusive(f"{missing}; without that: {found.why}") if missing else found


def present(why: str) -> Decided:
    """The bug was seen."""
    return Decided(BugState.PRESENT, why)


def absent(why: str) -> Decided:
    """The right behaviour was seen where the bug would show itself."""
    return Decided(BugState.ABSENT, why)


def not_applicable(why: str) -> Decided:
    """The version does not have what the bug is in."""
    return Decided(BugState.NOT_APPLICABLE, why)


def inconclusive(why: str) -> Decided:
    """Neither was seen, so far."""
    return Decided(BugState.INCONCLUSIVE, why)


def _missing(seen: Seen, stream: Stream) -> str:
    """Why this stream is not whole, "" if it is. Of a trial, only what was missed after its fault counts."""
    since_ns = seen.fault.sent_ns if seen.fault is not None else 0
    gap = next((one for one in seen.gaps if one.stream is stream and one.until_ns > since_ns), None)
    if gap is not None:
        return f"the stream {stream.value} has a gap of {_length_s(gap):.0f} s ({gap.reason})"
    if stream in NEVER_SILENT and not any(one.stream is stream for one in seen.observations):
        return f"the stream {stream.value} is empty"
    return ""


def _length_s(gap: Gap) -> float:
    return (gap.until_ns - gap.from_ns) / 1e9
