"""Merges the findings of several runs of one arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from harness.analyse.ledger import added
from harness.model import Findings, Ledger, Reason


def merged(parts: Sequence[tuple[str, Findings]]) -> Findings:
    """One Findings over the cycles of all runs. parts: (name of the run, its findings), in the order in which they were measured.

    Cycles are numbered across the runs, so that each has a unique index. A doubt about one run is a doubt about the whole and names
    its run. Counts are added; rate_rps is the mean weighted by cycles that count; pacing_p50_us and pacing_p99_us are the worst of
    the runs, because quantiles cannot be added. Raises ValueError without parts.
    """
    if not parts:
        raise ValueError("there are no findings to merge")
    cycles, first = [], 0
    for _, found in parts:
        cycles += [replace(cycle, index=first + cycle.index) for cycle in found.cycles]
        first += max((cycle.index for cycle in found.cycles), default=-1) + 1
    every = [found for _, found in parts]
    weights = [sum(not cycle.voided for cycle in found.cycles) for found in every]
    rates = sum(weight * found.rate_rps for weight, found in zip(weights, every, strict=True))
    return Findings(
        cycles=tuple(cycles),
        ledger=_ledger([found.ledger for found in every]),
        sent=sum(found.sent for found in every),
        ok=sum(found.ok for found in every),
        by_outcome=added(found.by_outcome for found in every),
        rate_rps=rates / sum(weights) if sum(weights) else 0.0,
        pacing_p50_us=max(found.pacing_p50_us for found in every),
        pacing_p99_us=max(found.pacing_p99_us for found in every),
        gaps=tuple(gap for found in every for gap in found.gaps),
        doubts=tuple(_of_run(name, doubt) for name, found in parts for doubt in found.doubts),
    )


def _of_run(name: str, doubt: str) -> Reason:
    return Reason(f"{name}: {doubt}", Reason.kind_of(doubt))


def _ledger(ledgers: Sequence[Ledger]) -> Ledger:
    totals: dict[str, Any] = {}
    for field in fields(Ledger):
        values = [getattr(ledger, field.name) for ledger in ledgers]
        totals[field.name] = added(values) if isinstance(values[0], Mapping) else sum(values)
    return Ledger(**totals)
