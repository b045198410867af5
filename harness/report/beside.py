"""Two runs of one scenario side by side, from their summaries."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from harness.report import words
from harness.report.shape import ClaimShape, Summary
from harness.report.terminal import LOG_WIDTH, rendered

Row = tuple[str, str, str]


def beside(one: Summary, other: Summary, *, names: tuple[str, str] = ("bundle", "now"), width: int = LOG_WIDTH) -> list[str]:
    """A table of both: verdict, cycles, each claim with its numbers, requests, causes. names: of the columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("", *names):
        table.add_column(name)
    for row in rows(one, other):
        table.add_row(*(Text(words.plain(cell)) for cell in row))
    return [line.rstrip() for line in rendered(table, width=width, tty=False).splitlines()]


def rows(one: Summary, other: Summary) -> Iterator[Row]:
    """The rows of that table."""
    yield "verdict", one["verdict"], other["verdict"]
    yield "cycles that count", _cycles(one), _cycles(other)
    ours, theirs = ({claim["id"]: claim for claim in item["claims"]} for item in (one, other))
    for key in dict.fromkeys((*ours, *theirs)):
        yield key, _claim(ours.get(key)), _claim(theirs.get(key))
    yield "requests", _requests(one), _requests(other)
    yield "refused for", _refused(one), _refused(other)
    by_cause = [item["ledger"]["by_cause"] for item in (one, other)]
    for cause in dict.fromkeys(key for causes in by_cause for key, number in causes.items() if number):
        first, second = (str(causes.get(cause, 0)) for causes in by_cause)
        yield f"cause: {cause}", first, second
    for name in ("knative", "kubernetes", "ingress"):
        first, second = (str(item["versions"].get(name) or "unknown") for item in (one, other))
        yield name, first, second


def _cycles(item: Summary) -> str:
    good, voided = words.counted(item)
    return f"{good} ({voided} not counted)" if voided else str(good)


def _claim(claim: ClaimShape | None) -> str:
    """Such as "broken in 5 of 5; 259 to 264 requests"."""
    if claim is None:
        return "not claimed"
    readings = claim["readings"]
    agreeing = sum(reading["observed"] == claim["observed"] for reading in readings)
    values = [reading["value"] for reading in readings if reading["value"] is not None]
    unit = next((reading["unit"] for reading in readings if reading["unit"]), "")
    said = f"{claim['observed']} in {agreeing} of {len(readings)}" if readings else str(claim["observed"])
    return f"{said}; {_span(values)} {unit}".rstrip() if values else said


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.6g}", f"{max(values):.6g}"
    return low if low == high else f"{low} to {high}"


def _requests(item: Summary) -> str:
    seen = item["requests"]
    return f"{seen['sent']} sent, {seen['sent'] - seen['ok']} failed"


def _refused(item: Summary) -> str:
    lengths = words.refused_lengths(item)
    return f"{_span([round(one, 2) for one in lengths])} s" if lengths else "never"
