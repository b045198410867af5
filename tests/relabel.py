"""How often `diff` finds a difference between blocks whose labels were exchanged: docs/diff.md, "The method, checked".

    python -m tests.relabel DIR...        directories of A/A experiments that `knative-chaos diff` measured

First line: the share of the labellings for which the whole comparison (all readings, margins and corrections as planned) is better
or worse; its alpha bounds it. Then, for each scenario, number and level: the share with a p-value against "no difference" of at
most that level. Of labellings that mirror each other one is counted. The intervals (Clopper and Pearson) treat labellings as
independent, which those of one experiment are not: they are too narrow, so that a level within one is within the true one, too.

An experiment of two builds is left out: labels that are exchanged mix what differs. Exit code 1 if a level lies below an interval
(the method rejects too often), 3 if no experiment is left.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scipy.stats import binomtest

from harness.compare import READINGS, ComparedCycle, compared, labellings, p_values
from harness.history import read_experiment
from harness.model import ALPHA, Change, Design
from harness.run import analyse_experiment
from harness.run.comparing import compared_cycles

LEVELS = (0.05, 0.01, 0.005)
CALLED = {Change.BETTER, Change.WORSE}


def main(places: Sequence[str]) -> int:
    """Print the table."""
    found: dict[tuple[str, str], list[float]] = {}
    called = count = experiments = 0
    for place in places:
        design = read_experiment(Path(place)).design
        if design is None or design.base != design.head:
            print(f"{place}: no A/A comparison, left out")
            continue
        experiments += 1
        done = analyse_experiment(Path(place))
        cycles = compared_cycles(done.experiment, done.runs)
        for scenario in dict.fromkeys(one.scenario for one in cycles):
            own = [one for one in cycles if one.scenario == scenario]
            outcomes = changes(design, scenario, own)
            called, count = called + sum(one in CALLED for one in outcomes), count + len(outcomes)
            for reading in READINGS:
                if all(one.values.get(reading) is not None for one in own):
                    every = p_values(own, reading)
                    found.setdefault((scenario, reading), []).extend(every[: len(every) // 2])
    if not count:
        print("No A/A comparison was named.")
        return 3
    print(f"{count} labellings of {experiments} A/A comparisons")
    fine = said(f"better or worse at alpha {ALPHA:g}", called, count, ALPHA)
    for (scenario, reading), values in found.items():
        print(f"{scenario} {reading}")
        for level in LEVELS:
            fine &= said(f"    p <= {level:g}", sum(value <= level for value in values), len(values), level)
    return 0 if fine else 1


def changes(design: Design, scenario: str, cycles: Sequence[ComparedCycle]) -> list[Change]:
    """What the last look says of one scenario under each labelling; of two that mirror each other, of one."""
    planned = tuple(one for one in design.planned if one.scenario == scenario)
    look = max(one.look for one in cycles)
    every = list(labellings(cycles))
    # The part of the level that the readings of this scenario have of the correction over all.
    level = design.alpha * len(planned) / len(design.planned)
    part = replace(design, scenarios=(scenario,), planned=planned, alpha=level)
    return [compared(part, labelled, look).change for labelled in every[: len(every) // 2]]


def said(what: str, count: int, of: int, level: float) -> bool:
    """Print a rate with its interval; whether the level does not lie below it."""
    interval = binomtest(count, of).proportion_ci(0.95, method="exact")
    within = interval.low <= level
    note = "" if within else f"  ABOVE {level:g}"
    print(f"{what}: {count} of {of}, {count / of:.4f}, 95 % interval [{interval.low:.4f}, {interval.high:.4f}]{note}")
    return bool(within)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
