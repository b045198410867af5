"""What stands in one lane of the timeline below the requests: spans, marks and densities. Plain data, no geometry, no markup.

    spans     ====open====|xxxx closed xxxx|====open====       a state that lasts; one follows the other
    marks     .   .   x   x   x                                something that happened, true to its resolution
    density   ..:||||||||:..                                   so many things that only their number is shown

Times are seconds from the cycle's origin (its fault, or the start of its load). No text contains control characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from harness.knative.names import USER_CONTAINER
from harness.model import Stream
from harness.report import words

LONGEST = 240
"""Characters of a log line kept for a mark: about three lines of a tooltip."""


class Tone(StrEnum):
    """How a span or mark is drawn; each has a shape or pattern of its own beside its colour."""

    GOOD = "good"
    BAD = "bad"
    TURN = "turn"
    INFO = "info"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Span:
    """A state from one moment to another. word: the label inside the lane; text: the tooltip."""

    from_s: float
    until_s: float
    tone: Tone
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened within [at_s, until_s]; the two differ by what its clock leaves open."""

    at_s: float
    until_s: float
    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Track:
    """One lane. plain: its name in plain language; streams: where it comes from, so that a gap of one is drawn over it.

    density: (bin, number) with bins of the traffic's own width from the origin. left_out: marks that are not in this lane because
    there were too many.
    """

    key: str
    name: str
    plain: str
    streams: tuple[Stream, ...]
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    density: tuple[tuple[int, int], ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Hole:
    """A gap of a stream within the cycle: observations in it may be missing. tracks: keys of the lanes it covers."""

    from_s: float
    until_s: float
    text: str
    tracks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The cycle a lane is made for: its pod, the moment its seconds count from, and the stretch that is shown.

    sidecar: the one that the fault was to hit. Its container and its log are then shown, else those of the user container.
    """

    index: int
    pod: str
    origin_ns: int
    lo_ns: int
    hi_ns: int
    sidecar: str | None = None

    @property
    def container(self) -> str:
        """The name of the container that is shown."""
        return self.sidecar or USER_CONTAINER

    @property
    def log(self) -> Stream:
        """The stream of its log."""
        return Stream.SIDECAR if self.sidecar else Stream.APP

    @property
    def owner(self) -> str:
        """Its name for people, before "'s"."""
        return words.plain(self.sidecar) if self.sidecar else "App"

    def seconds(self, at_ns: int) -> float:
        """This moment in seconds from the origin, to the microsecond."""
        return round((at_ns - self.origin_ns) / 1e9, 6) + 0.0

    def shows(self, at_ns: int, until_ns: int | None = None) -> bool:
        """Whether any of it lies in the stretch that is shown."""
        return (at_ns if until_ns is None else until_ns) >= self.lo_ns and at_ns <= self.hi_ns


@dataclass(frozen=True, slots=True)
class Turn:
    """The moment from which something is in a state, and how that is known."""

    at_ns: int
    tone: Tone
    word: str
    evidence: str


def spans(turns: Iterable[Turn], frame: Frame) -> tuple[Span, ...]:
    """The states between the turns, clipped to the frame. Before the first turn the state is unknown; without turns no span.

    A turn into the state that lasts already starts no new span.
    """
    ordered = sorted(turns, key=lambda turn: turn.at_ns)
    if not ordered:
        return ()
    kept = [Turn(min(frame.lo_ns, ordered[0].at_ns), Tone.UNKNOWN, "not known", "no earlier observation")]
    for turn in ordered:
        if (turn.tone, turn.word) != (kept[-1].tone, kept[-1].word):
            kept.append(turn)
    out = []
    for turn, after in zip(kept, [*(one.at_ns for one in kept[1:]), frame.hi_ns], strict=True):
        begin, end = max(turn.at_ns, frame.lo_ns), min(after, frame.hi_ns)
        if end > begin:
            lo, hi = frame.seconds(begin), frame.seconds(end)
            out.append(Span(lo, hi, turn.tone, words.plain(turn.word), cut(f"{turn.word} for {hi - lo:.3f} s: {turn.evidence}")))
    return tuple(out)


def cut(text: str) -> str:
    """Log text for a tooltip: without control characters, and of limited length."""
    shown = words.plain(text[: 2 * LONGEST])
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
