"""The run in two or three sentences for a reader who does not know the scenario: the fault, what clients saw, for how long.

Everything comes from the summary. A sentence is a sequence of pieces: text, or a figure with its path in the summary, so that a
test can compare each number on the page with `summary.json`.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults import FAULTS
from harness.report import figures, words
from harness.report.shape import Summary


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, or a figure: then `figure` is its path in the summary and `style` its format (see `figures.STYLES`)."""

    text: str
    figure: str = ""
    style: str = ""


def sentences(summary: Summary) -> tuple[tuple[Piece, ...], ...]:
    """Two or three sentences: the fault, what clients saw, for how long. The verdict is in `headline`."""
    return tuple(sentence for sentence in (_done(summary), _saw(summary), _lasted(summary)) if sentence)


def as_text(summary: Summary) -> list[str]:
    """The sentences as plain text, one string each."""
    return ["".join(piece.text for piece in sentence) for sentence in sentences(summary)]


def _number(summary: Summary, path: str, style: str) -> Piece:
    return Piece(figures.STYLES[style](figures.value(summary, path)), path, style)


def _done(summary: Summary) -> tuple[Piece, ...]:
    good, voided = words.counted(summary)
    if not good and not voided:
        return (Piece("No cycle was finished."),)
    kinds = {cycle["fault"]["kind"] for cycle in summary["cycles"] if cycle["fault"] and not cycle["voided"]}
    kind = min(kinds) if len(kinds) == 1 else "none" if not kinds else "several"
    what = FAULTS[kind].done if kind in FAULTS else f"The fault “{words.plain(kind)}” was injected"
    sidecars = {words.plain(cycle["fault"].get("container", "")) for cycle in summary["cycles"] if cycle["fault"]} - {""}
    where = f" in the sidecar {', '.join(sorted(sidecars))}," if sidecars else ""
    out = [Piece(f"{what},{where} in "), _number(summary, "derived.cycles_counted", "count")]
    out.append(Piece(" cycle, on a fresh pod" if good == 1 else " cycles, each on a fresh pod"))
    if summary["generator"]["rate"] is not None:
        out += [Piece(", while "), _number(summary, "generator.rate", "rate"), Piece(" requests a second were sent")]
    return (*out, Piece("."))


def _saw(summary: Summary) -> tuple[Piece, ...]:
    requests, book = summary["requests"], summary["ledger"]
    sent = _number(summary, "requests.sent", "count")
    if not requests["sent"]:
        return ()
    if not book["client_failures"]:
        return (Piece("All "), sent, Piece(" requests were answered."))
    out = [Piece("Of "), sent, Piece(" requests "), _number(summary, "ledger.client_failures", "count"), Piece(" failed (")]
    bad = [key for key, number in requests["by_outcome"].items() if key != "ok" and number]
    for place, key in enumerate(sorted(bad, key=lambda key: (-requests["by_outcome"][key], key))):
        out.append(Piece(f"{', ' if place else ''}{words.plain(words.outcome(key))}: "))
        out.append(_number(summary, figures.path("requests", "by_outcome", key), "count"))
    return (*out, Piece(")."))


def _lasted(summary: Summary) -> tuple[Piece, ...]:
    lengths = words.refused_lengths(summary)
    if not lengths:
        return ()
    counted = [cycle for cycle in summary["cycles"] if not cycle["voided"]]
    low, high = f"{min(lengths):.1f}", f"{max(lengths):.1f}"
    out = [Piece("The container's port refused requests for "), _number(summary, "derived.refused_shortest_s", "short")]
    if low != high:
        out += [Piece(" to "), _number(summary, "derived.refused_longest_s", "short")]
    out.append(Piece(" s in "))
    if len(lengths) == len(counted):
        out.append(Piece("each cycle" if len(counted) > 1 else "the cycle"))
    else:
        out += [_number(summary, "derived.refused_cycles", "count"), Piece(" of the cycles")]
    refused = [cycle for cycle in counted if cycle["refused_window_s"] is not None]
    if all(cycle["ready_throughout"] is True for cycle in refused):
        out.append(Piece(", and the pod was Ready all that time"))
    return (*out, Piece("."))
