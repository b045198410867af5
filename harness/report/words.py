"""Names and formats for readers. Every renderer takes them from here, so that page, terminal and CI use the same words."""

from __future__ import annotations

import unicodedata
from collections import Counter

from harness.faults import EDGES
from harness.model import Expectation, Observed, Ruling
from harness.report.shape import ClaimShape, CycleShape, EdgeShape, Summary

OUTCOMES = {
    "ok": "answered",
    "refused": "connection refused",
    "reset": "connection reset",
    "closed": "connection closed before the response",
    "truncated": "response truncated",
    "timeout": "no response before the deadline",
    "malformed": "not an HTTP response",
    "not-sent": "not sent (too many in flight)",
    "unanswered": "no response when the load ended",
    "grpc-error": "gRPC status other than OK",
}

CAUSES = {
    "refused-dial": "refused: the container's port was closed",
    "reset-in-flight": "connection to the container lost in flight",
    "dial-timeout": "queue-proxy could not connect to the container in time",
    "protocol": "the container did not answer in the protocol that queue-proxy spoke",
    "request-body": "queue-proxy could not send the request's body on",
    "canceled": "queue-proxy: the request was canceled",
    "queue-proxy": "failed at queue-proxy",
    "overload": "overload: a request queue was full, or the wait in it too long",
    "timeout": "no response in time",
    "activator": "failed at the activator",
    "activator-overload": "overload: the activator's queue was full, or the wait in it too long",
    "ingress": "failed at the ingress",
    "app": "error response of the app itself",
    "client": "failed at the client",
    "direct": "sent straight to the pod's port, which failed",
    "unknown": "no evidence of a cause",
    "ambiguous": "more than one possible cause",
}

MOST_DETAILS = 60
"""Cycles whose evidence the page lists: about 10 kB each."""


def plain(text: str, *, keep: str = "") -> str:
    """Text that cannot steer a terminal, break a line or invalidate XML.

    White space becomes a space, other control, format and surrogate characters the replacement character. keep: left alone.
    """
    return "".join(_plain(char) if char not in keep else char for char in text)


def _plain(char: str) -> str:
    if char.isspace():
        return " "
    # Cc, Cf (bidirectional overrides, too), Cs, Co, Cn: whatever is not a character one can see. U+FFFE and U+FFFF are Cn.
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char).startswith("C") else char


def outcome(key: str) -> str:
    """What the client saw, in words: "ok", "http-502", "reset", ..."""
    if key.startswith("http-") and key != "http-error":
        return f"HTTP {key.removeprefix('http-')}"
    return OUTCOMES.get(key, key)


def cause(key: str) -> str:
    """Why a request failed, in words."""
    return CAUSES.get(key, key)


def edge(name: str) -> str:
    """The name of an edge of a restart, in words."""
    return EDGES[name].words if name in EDGES else name.replace("-", " ").strip()


def edge_kind(name: str) -> str:
    """The group of an edge, which its colour shows; "other" for an unknown one."""
    return EDGES[name].group if name in EDGES else "other"


def edges(cycle: CycleShape) -> list[tuple[str, EdgeShape]]:
    """The edges of a cycle by the moment at which each had happened for certain, those without an offset left out."""
    placed = [(edge["offset_s"][::-1], name, edge) for name, edge in cycle["anatomy"].items() if edge["offset_s"] is not None]
    return [(name, edge) for _, name, edge in sorted(placed, key=lambda item: item[:2])]


def failed(cycle: CycleShape) -> int:
    """Failed requests of a cycle, those not sent at all included."""
    return sum(cycle["requests"]["by_cause"].values())


def count(number: int) -> str:
    """A count with a narrow space between thousands: 12 500."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def plural(number: int, singular: str, many: str = "") -> str:
    """`1 cycle`, `5 cycles`."""
    return f"{count(number)} {singular if number == 1 else many or singular + 's'}"


def offset(lo_s: float, hi_s: float) -> str:
    """An edge relative to the fault: "+2.31 s", or "+2.00 to +3.00 s" when the bracket is 10 ms wide or more."""
    if hi_s - lo_s < 0.01:
        return f"{(lo_s + hi_s) / 2:+.2f} s"
    return f"{lo_s:+.2f} to {hi_s:+.2f} s"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`; "unknown" for None."""
    if seconds is None:
        return "unknown"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60:02d} s"


def micros(value: float | None) -> str:
    """A time given in microseconds, as us, ms or s; "unknown" for None."""
    if value is None:
        return "unknown"
    if value < 1000:
        return f"{value:.0f} us"
    return f"{value / 1000:.1f} ms" if value < 1_000_000 else f"{value / 1e6:.2f} s"


def resolution(seconds: float) -> str:
    """The resolution of a clock: `1 s`, `1 ms`, `1 us`, `1 ns`."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def share(value: float | None) -> str:
    """A share as a percentage; "unknown" for None."""
    return "unknown" if value is None else f"{value:.1%}"


def claim_state(claim: ClaimShape) -> str:
    """One of "as-expected", "known-bug", "worse", "fixed", "not-as-predicted", "undecided"."""
    if claim["observed"] == Observed.UNDECIDED.value:
        return "undecided"
    expected_good, seen_good = claim["expected"] == Expectation.HOLDS.value, claim["observed"] == Observed.HOLDS.value
    if expected_good:
        return "as-expected" if seen_good else "not-as-predicted" if "bounds" in claim else "worse"
    return "fixed" if seen_good else "known-bug"


CLAIM_STATES = {
    "as-expected": "as expected",
    "known-bug": "as expected: a known bug",
    "worse": "WORSE than expected",
    "fixed": "FIXED: a known bug not seen",
    "not-as-predicted": "NOT AS PREDICTED",
    "undecided": "undecided",
}


def reasons(summary: Summary) -> list[str]:
    """The reasons of the verdict for readers. Those of a pass say what each check found, and that it was expected.

    The summary keeps the judge's words, whose three colons in a row a reader has to take apart.
    """
    if summary["verdict"] != Ruling.PASS.value or not summary["reasons"]:
        return list(summary["reasons"])
    return [_as_expected(claim) for claim in summary["claims"]]


def _as_expected(claim: ClaimShape) -> str:
    """Such as "no-restart holds in 5 of 5 cycles, as expected: restarts: 0 (should be 0)"."""
    found, colon, details = claim["why"].partition(": ")
    verb = " is " if found.startswith("broken in ") else " " if found.startswith("holds in ") else ": "
    bug = " of a known bug" if claim_state(claim) == "known-bug" else ""
    return f"{claim['id']}{verb}{found}, as expected{bug}{colon}{details}"


def counted(summary: Summary) -> tuple[int, int]:
    """Cycles that count, and those that do not: voided, given up or unfinished."""
    left_out = sum(1 for cycle in summary["cycles"] if cycle["voided"])
    return len(summary["cycles"]) - left_out, left_out


def by_method(summary: Summary) -> list[str]:
    """Of each method how many requests failed, in the cycles that count; empty: they were not counted by method."""
    sent: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for cycle in summary["cycles"]:
        for method, one in ({} if cycle["voided"] else cycle.get("by_method", {})).items():
            sent[method] += one["sent"]
            failed[method] += one["failed"]
    return [f"{method}: {failed[method]} of {sent[method]} failed" for method in sorted(sent)]


def not_counted_as(cycle: CycleShape) -> str:
    """Why a cycle does not count: "voided" for its load or its machine, "given up" if it could not be finished; "": it counts."""
    if cycle["given_up"]:
        return "given up"
    return "voided" if cycle["voided"] else ""


def not_counted(summary: Summary) -> dict[str, int]:
    """The number of cycles that do not count, by `not_counted_as`."""
    return dict(Counter(word for cycle in summary["cycles"] if (word := not_counted_as(cycle))))


def refused_lengths(summary: Summary) -> list[float]:
    """Length in seconds of the refused window of each counted cycle that has one."""
    windows = [cycle["refused_window_s"] for cycle in summary["cycles"] if not cycle["voided"]]
    return [window[1] - window[0] for window in windows if window is not None]


def missing(summary: Summary) -> list[str]:
    """Expected edges that were not observed, of each cycle that counts."""
    return [f"cycle {c['index']}: {edge(name)}" for c in summary["cycles"] if not c["voided"] for name in c["missing"]]


def disputes(summary: Summary) -> list[str]:
    """Contradictions between sources, in each cycle that counts."""
    return [f"cycle {c['index']}: {dispute}" for c in summary["cycles"] if not c["voided"] for dispute in c["disputes"]]


def imbalance(summary: Summary) -> list[str]:
    """What does not add up in the ledger; empty when both columns do."""
    book = summary["ledger"]
    sums = (
        ("attributed + unattributed", book["attributed"] + book["unattributed"], "client failures", book["client_failures"]),
        ("matched + unmatched", book["matched"] + book["unmatched"], "refused lines", book["queue_proxy_refused_lines"]),
        ("the causes together", sum(book["by_cause"].values()), "client failures", book["client_failures"]),
    )
    return [f"{left} = {a}, but {right} = {b}" for left, a, right, b in sums if a != b]
