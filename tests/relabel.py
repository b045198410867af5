"""How often the test of `diff` finds a difference between blocks whose labels were exchanged: docs/diff.md, "The method, checked".

    python -m tests.relabel DIR...        directories of experiments that `knative-chaos diff` measured

For each scenario and number, and each level: the share of the labellings with a p-value of at most that level. Of labellings that
mirror each other one is counted. The interval treats labellings as independent, which those of one experiment are not: it is too
narrow, so that a level within it is within the true one, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scipy.stats import binomtest

from harness.compare import READINGS, p_values
from harness.run import analyse_experiment
from harness.run.comparing import compared_cycles

LEVELS = (0.05, 0.01, 0.005)


def main(places: list[str]) -> None:
    """Print the table."""
    found: dict[tuple[str, str], list[float]] = {}
    for place in places:
        done = analyse_experiment(Path(place))
        cycles = compared_cycles(done.experiment, done.runs)
        for scenario in dict.fromkeys(one.scenario for one in cycles):
            own = [one for one in cycles if one.scenario == scenario]
            for reading in READINGS:
                if all(one.values.get(reading) is not None for one in own):
                    every = p_values(own, reading)
                    found.setdefault((scenario, reading), []).extend(every[: len(every) // 2])
    for (scenario, reading), values in found.items():
        print(f"{scenario} {reading}: {len(values)} labellings of {len(places)} experiments")
        for level in LEVELS:
            count = sum(value <= level for value in values)
            interval = binomtest(count, len(values)).proportion_ci(0.95, method="exact")
            print(f"    p <= {level:g}: {count / len(values):.4f}, 95 % interval [{interval.low:.4f}, {interval.high:.4f}]")


if __name__ == "__main__":
    main(sys.argv[1:])
