"""Whether cycles measured in slots are the same as cycles measured one after the other.

    python -m tests.bench.slots measure S2 --slots 3 --cycles 12 --out DIR [--cluster e2e]
    python -m tests.bench.slots judge DIR

`measure` needs a cluster; it measures both arms in the order 1 K K 1 and may be called again with the same DIR for more cycles or
another scenario. `judge` reads the run directories below DIR and prints, for each scenario, the two one-sided tests of
tests/bench/equivalence.py. Exit code 0: everything that was measured is equivalent; 1: not, or not shown;
2: too few cycles. Margins and predictions: docs/slots.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.adapters.files import State
from harness.catalogue import SCENARIOS
from harness.cli.showing import progress_of
from harness.errors import HarnessError
from harness.history import read
from harness.model import History
from harness.run import Ask, measure, prepare
from tests.bench.equivalence import ENOUGH, Measure, Sample, log_refused, p99_ms, verdict_lines, window_s

MEASURES: Mapping[str, Measure] = {
    "S2": Measure("refused window, s", window_s, 0.2),
    "S1": Measure("log of the refused requests", log_refused, math.log(1.05)),
    "N1": Measure("p99 latency, ms", p99_ms, 5.0),
}


Samples = dict[tuple[str, int], Sample]
"""By scenario and number of slots."""


def samples_of(histories: Iterable[History]) -> Samples:
    """The cycles of these runs. A run that is not one of MEASURES is left out."""
    samples: Samples = defaultdict(Sample)
    for history in histories:
        scenario = history.meta.spec.scenario
        if scenario not in MEASURES:
            continue
        samples[scenario, max(len(history.meta.slots), 1)].add(history, MEASURES[scenario].of)
    return samples


def judged(samples: Samples) -> tuple[list[str], int]:
    """The lines to print, and the exit code."""
    lines: list[str] = []
    codes: list[int] = []
    for scenario, slots in sorted(key for key in samples if key[1] > 1):
        head = f"{scenario} alone and in {slots} slots"
        found, code = verdict_lines(head, MEASURES[scenario], samples.get((scenario, 1), Sample()), samples[scenario, slots])
        lines += found
        codes.append(code)
    return lines or ["nothing was measured in slots"], max(codes, default=2)


def order(slots: int, cycles: int) -> list[tuple[int, int]]:
    """(slots, cycles) of the blocks: 1 K K 1, each with half of the cycles of its arm."""
    half = cycles - cycles // 2
    return [(1, half), (slots, half), (slots, cycles - half), (1, cycles - half)]


def measured(scenario: str, slots: int, cycles: int, out: Path, cluster: str) -> None:
    """Both arms on this cluster. A block that ends early is kept, and the next one begun."""
    state = State.default()
    world = prepare(Ask(cluster=cluster), state=state, progress=progress_of(state))
    for width, share in order(slots, cycles):
        if not share:
            continue
        try:
            measure(replace(SCENARIOS[scenario], cycles=share), world, artifacts=out / f"slots-{width}", slots=width)
        except HarnessError as error:
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise
            print(error, flush=True)


def runs_below(out: Path) -> list[Path]:
    """The run directories, in the order measured."""
    return sorted({place.parent.resolve() for place in out.glob("slots-*/*/*/run.json")}, key=lambda place: place.name)


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.slots")
    verbs = parser.add_subparsers(dest="verb", required=True)
    measuring, judging = verbs.add_parser("measure"), verbs.add_parser("judge")
    measuring.add_argument("scenario", choices=sorted(MEASURES))
    measuring.add_argument("--slots", type=int, default=3)
    measuring.add_argument("--cycles", type=int, default=ENOUGH)
    measuring.add_argument("--out", type=Path, required=True)
    measuring.add_argument("--cluster", default="e2e")
    judging.add_argument("out", type=Path)
    asked = parser.parse_args(argv)
    if asked.verb == "measure":
        measured(asked.scenario, asked.slots, asked.cycles, asked.out, asked.cluster)
    lines, code = judged(samples_of(map(read, runs_below(asked.out))))
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
