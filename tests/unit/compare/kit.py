"""Designs and cycles written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.compare import ComparedCycle
from harness.model import BASE, HEAD, Design, Planned

WINDOW = Planned("S1", "refused-window", "s", 0.5)
BROKEN = Planned("S1", "ready-pod-is-not-refused", "share of cycles", 0.4, share=True)
FAILED = Planned("S1", "failed-requests", "requests", 25)
SLOWEST = Planned("S1", "slowest-answer", "s", 0.5, only_if_same="failed-requests")


def design(*planned: Planned, cycles: int = 8, looks: int = 1, **changed: float) -> Design:
    """Of these readings."""
    scenarios = tuple(dict.fromkeys(one.scenario for one in planned))
    return Design("1.16", "1.23", scenarios, cycles, looks, planned, **changed)


def cycles(
    base: Mapping[str, Sequence[float | None]], head: Mapping[str, Sequence[float | None]], *, each: int = 4, scenario: str = "S1"
) -> list[ComparedCycle]:
    """Cycles of both arms with these values by reading. each: cycles of either arm in a stratum; two strata make a look."""
    made = []
    for arm, values in ((BASE, base), (HEAD, head)):
        for place in range(len(next(iter(values.values())))):
            here = {name: row[place] for name, row in values.items()}
            why = {name: "a gap in the log" for name, value in here.items() if value is None}
            stratum = place // each
            made.append(ComparedCycle(scenario, arm, stratum // 2 + 1, stratum, here, why))
    return made
