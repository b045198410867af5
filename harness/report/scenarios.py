"""The index of the scenarios as Markdown: each prediction beside what was measured, with date and run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.model import Expectation, Observed, ResolvedClaim, Ruling
from harness.report.blocks import cell, row
from harness.report.headline import headline
from harness.report.shape import ClaimShape, ReadingShape, Summary

PREDICTIONS = "predictions.md"
"""Beside the page of the index."""

LONGEST = 12
"""Cycles whose readings are listed one by one; of more, the least and the greatest are shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One scenario. claims: its predictions, on the version of the index. cycles: how many must count.

    summary: of the run that is shown, None without one. current: whether that run measured these claims.
    """

    name: str
    title: str
    claims: tuple[ResolvedClaim, ...]
    cycles: int
    summary: Summary | None = None
    current: bool = False


def index(entries: Sequence[Entry], version: str) -> list[str]:
    """The table of all scenarios, and below it one table for each that was measured. version: of Knative."""
    measured = [one for one in entries if one.summary]
    lines = [
        f"{len(measured)} of {len(entries)} scenarios measured on Knative {version}: {_counts(measured)}.",
        "",
        row(["scenario", "result", "cycles", "run, date"]),
        row(["---"] * 4),
        *(_line(one) for one in entries),
    ]
    for one in measured:
        lines += ["", *_section(one)]
    return lines


def anchor(heading: str) -> str:
    """The fragment by which a heading is linked, as GitHub makes it of plain text."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _counts(measured: Sequence[Entry]) -> str:
    rulings = [Ruling(one.summary["verdict"]) for one in measured if one.summary and one.current]
    of_old = len(measured) - len(rulings)
    said = [
        f"{rulings.count(Ruling.PASS)} as predicted",
        f"{rulings.count(Ruling.REGRESSION)} not as predicted",
        f"{rulings.count(Ruling.INCONCLUSIVE)} inconclusive",
        *([f"{of_old} with an earlier prediction"] if of_old else []),
    ]
    return ", ".join(said)


def _line(entry: Entry) -> str:
    name = f"{entry.name}: {entry.title}"
    shown = f"[{cell(name)}](#{anchor(name)})" if entry.summary else cell(name)
    if entry.summary is None:
        return row([shown, "not measured", "-", "-"])
    result = cell(headline(entry.summary))
    return row([shown, result if entry.current else f"(earlier prediction) {result}", _cycles(entry), _run(entry.summary)])


def _cycles(entry: Entry) -> str:
    counted = _counted(entry.summary)
    return f"{counted}" if counted >= entry.cycles else f"{counted} of {entry.cycles}"


def _counted(summary: Summary | None) -> int:
    return sum(not one["voided"] and not one["given_up"] for one in summary["cycles"]) if summary else 0


def _run(summary: Summary) -> str:
    return f"`{summary['run_id']}`, {(summary['started_utc'] or 'unknown')[:10]}"


def _section(entry: Entry) -> Iterator[str]:
    summary = entry.summary
    if summary is None:
        return
    heading = f"{entry.name}: {entry.title}"
    yield f"### {heading}"
    yield ""
    open_items = summary["ledger"]["unattributed"] + summary["ledger"]["unmatched"]
    ledger = f"ledger open ({open_items})" if open_items else "ledger closed"
    told = [cell(headline(summary)), f"run {_run(summary)}", f"{_cycles(entry)} cycles", ledger]
    if entry.name not in {"S1", "N1"}:
        told.insert(0, f"[Prediction]({PREDICTIONS}#{anchor(heading)})")
    yield " · ".join(told)
    yield ""
    yield row(["claim", "predicted", "measured", "result"])
    yield row(["---"] * 4)
    by_id = {one["id"]: one for one in summary["claims"]}
    for claim in entry.claims:
        yield _claim(claim, by_id.get(claim.id), current=entry.current)
        if claim.rate and claim.id in by_id:
            yield from _phases(by_id[claim.id], summary)


def _claim(claim: ResolvedClaim, seen: ClaimShape | None, *, current: bool) -> str:
    causes = f" ({', '.join(claim.bounds.causes)})" if claim.bounds and claim.bounds.causes else ""
    named = f"`{claim.check}`{causes}"
    if seen is None:
        return row([named, _predicted(claim), "-", "not measured"])
    result = _result(claim, seen) if current else "not judged by this prediction"
    return row([named, _predicted(claim), _measured(claim, seen), result])


def _predicted(claim: ResolvedClaim) -> str:
    if claim.bounds:
        return f"{claim.bounds.lo:g} to {claim.bounds.hi:g}"
    if claim.rate:
        return f"broken in a share of {claim.rate.lo:g} to {claim.rate.hi:g} of the {claim.rate.of}"
    return claim.expected.value


def _result(claim: ResolvedClaim, seen: ClaimShape) -> str:
    if seen["observed"] == Observed.UNDECIDED:
        return "undecided"
    wanted = Observed.HOLDS if claim.expected is Expectation.HOLDS else Observed.BROKEN
    return "as predicted" if seen["observed"] == wanted else "**not as predicted**"


def _measured(claim: ResolvedClaim, seen: ClaimShape) -> str:
    readings, rate = seen.get("readings", []), seen.get("rate")  # keys that a summary of an earlier release does not have
    if claim.rate and rate and rate["share"] is not None:
        share, interval = rate["share"], rate["interval"] or [0.0, 1.0]
        broken = sum(one["observed"] == Observed.BROKEN for one in readings)
        return f"{broken} of {len(readings)}: {share:.2f}, interval {interval[0]:.2f} to {interval[1]:.2f}"
    if claim.bounds:
        return _values(readings)
    return _words(readings)


def _phases(seen: ClaimShape, summary: Summary) -> Iterator[str]:
    """The relative phase of the probes in each cycle beside what the claim read in it: it decides a race."""
    phases = {one["index"]: one.get("probe_phase_s") for one in summary["cycles"]}
    pairs = [(phases.get(one["cycle"]), one["value"]) for one in seen.get("readings", [])]
    said = [f"{phase:g} s: {value:g}" for phase, value in sorted((a, b) for a, b in pairs if a is not None and b is not None)]
    if said:
        yield row(["phase of the probes: what was read in the cycle", "-", "; ".join(said), "-"])


def _values(readings: Sequence[ReadingShape]) -> str:
    values = [one["value"] for one in readings if one["value"] is not None]
    if not values:
        return "-"
    unit = "" if readings[0]["unit"] == "requests" else f" {readings[0]['unit']}"
    if len(values) > LONGEST:
        return f"{min(values):g} to {max(values):g}{unit} in {len(values)} cycles"
    return ", ".join(f"{value:g}" for value in values) + unit


def _words(readings: Iterable[ReadingShape]) -> str:
    """By what was observed: in how many cycles."""
    seen = [Observed(one["observed"]) for one in readings]
    said = [f"{observed.value} in {seen.count(observed)}" for observed in Observed if observed in seen]
    return ", ".join(said) or "-"
