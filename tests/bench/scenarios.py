"""Whether two scenarios of one experiment of `compare` cost the same.

    knative-chaos compare S1 --with S1B --kn-cycles 12
    python -m tests.bench.scenarios S1 S1B artifacts/S1-compare/<experiment>

Compared are the refused window (margin 0.2 s) and the number of refused requests (margin 5 %), by the two one-sided tests of
tests/bench/equivalence.py. Exit code 0: both are equivalent; 1: not, or not shown; 2: too few cycles.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.history import read
from harness.model import History
from tests.bench.equivalence import Measure, Sample, log_refused, verdict_lines, window_s

MEASURES = (Measure("refused window, s", window_s, 0.2), Measure("log of the refused requests", log_refused, math.log(1.05)))


def compared(first: str, second: str, histories: Iterable[History]) -> tuple[list[str], int]:
    """The lines to print, and the exit code. first, second: names of scenarios. Runs of others are left out."""
    kept = [history for history in histories if history.meta.spec.scenario in (first, second)]
    lines: list[str] = []
    codes: list[int] = []
    for measure in MEASURES:
        samples = {first: Sample(), second: Sample()}
        for history in kept:
            samples[history.meta.spec.scenario].add(history, measure.of)
        found, code = verdict_lines(f"{first} and {second}", measure, samples[first], samples[second])
        lines += found
        codes.append(code)
    return lines, max(codes)


def main(argv: Sequence[str]) -> int:
    """See the module."""
    first, second, *experiments = argv
    runs = sorted(place.parent for experiment in experiments for place in Path(experiment).glob("*/run.json"))
    lines, code = compared(first, second, map(read, runs))
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
