"""Whether cycles measured in slots are the same as cycles measured one after the other.

    python -m tests.bench.slots measure S2 --slots 3 --cycles 12 --out DIR [--cluster e2e]
    python -m tests.bench.slots judge DIR

`measure` needs a cluster; it measures both arms in the order 1 K K 1 and may be called again with the same DIR for more cycles or
another scenario. `judge` reads the run directories below DIR and prints, for each scenario, two one-sided tests (TOST): both of
Welch's t-test by scipy, the larger p-value counts. Exit code 0: everything that was measured is equivalent; 1: not, or not shown;
2: too few cycles. Margins and predictions: docs/slots.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
from scipy import stats

from harness.adapters.files import State
from harness.analyse import analyse
from harness.catalogue import SCENARIOS
from harness.cli.showing import progress_of
from harness.errors import HarnessError
from harness.history import read
from harness.model import CycleFindings, History, Outcome
from harness.run import Ask, measure, prepare

ALPHA = 0.05
ENOUGH = 12
"""Counted cycles of each arm."""

MORE_VOIDED = 0.10
"""So much higher may the share of voided cycles be with slots."""


def window_s(_history: History, cycle: CycleFindings) -> float:
    """From the first to the last refused request; 0 without one."""
    first_ns, last_ns = cycle.refused_window or (0, 0)
    return (last_ns - first_ns) / 1e9


def log_refused(_history: History, cycle: CycleFindings) -> float:
    """Logarithm of the number of refused requests, of which there must be one."""
    return math.log(max(cycle.by_cause.get("refused-dial", 0), 1))


def p99_ms(history: History, cycle: CycleFindings) -> float:
    """99th percentile of the latency of good answers, from the intended time."""
    good = history.requests.filter((pl.col("cycle") == cycle.index) & (pl.col("outcome") == Outcome.OK.value))
    return float(good.select(((pl.col("done_ns") - pl.col("intended_ns")) / 1e6).quantile(0.99)).item())


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared in one scenario. margin: of the difference of the means of `of`."""

    words: str
    of: Callable[[History, CycleFindings], float]
    margin: float


MEASURES: Mapping[str, Measure] = {
    "S2": Measure("refused window, s", window_s, 0.2),
    "S1": Measure("log of the refused requests", log_refused, math.log(1.05)),
    "N1": Measure("p99 latency, ms", p99_ms, 5.0),
}


@dataclass
class Sample:
    """The cycles of one arm. values: of those that count."""

    values: list[float] = field(default_factory=list)
    voided: list[str] = field(default_factory=list)

    @property
    def share_voided(self) -> float:
        """Of all its cycles."""
        return len(self.voided) / max(len(self.voided) + len(self.values), 1)


@dataclass(frozen=True, slots=True)
class Equivalence:
    """difference: K slots minus 1 slot, of the means, with its interval at 1 - 2 ALPHA. p: the larger one of the two tests."""

    difference: float
    interval: tuple[float, float]
    p: float

    @property
    def shown(self) -> bool:
        """Whether both tests reject that the difference is as large as the margin."""
        return self.p < ALPHA


def equivalence(alone: Sequence[float], slots: Sequence[float], margin: float) -> Equivalence:
    """TOST by Welch's t-test: the difference is shown to be above -margin, and to be below margin."""
    above = stats.ttest_ind([value + margin for value in slots], alone, equal_var=False, alternative="greater")
    below = stats.ttest_ind([value - margin for value in slots], alone, equal_var=False, alternative="less")
    lo, hi = stats.ttest_ind(slots, alone, equal_var=False).confidence_interval(1 - 2 * ALPHA)
    difference = float(stats.tmean(slots) - stats.tmean(alone))
    return Equivalence(difference, (float(lo), float(hi)), float(max(above.pvalue, below.pvalue)))


Samples = dict[tuple[str, int], Sample]
"""By scenario and number of slots."""


def samples_of(histories: Iterable[History]) -> Samples:
    """The cycles of these runs. A run that is not one of MEASURES is left out."""
    samples: Samples = defaultdict(Sample)
    for history in histories:
        scenario = history.meta.spec.scenario
        if scenario not in MEASURES:
            continue
        sample = samples[scenario, max(len(history.meta.slots), 1)]
        for cycle in analyse(history).cycles:
            if cycle.voided:
                sample.voided.append(str(cycle.voided))
            else:
                sample.values.append(MEASURES[scenario].of(history, cycle))
    return samples


def judged(samples: Samples) -> tuple[list[str], int]:
    """The lines to print, and the exit code."""
    lines, codes = [], []
    for scenario, slots in sorted(key for key in samples if key[1] > 1):
        alone, several, of = samples.get((scenario, 1), Sample()), samples[scenario, slots], MEASURES[scenario]
        counts = f"{len(alone.values)} cycles alone, {len(several.values)} in {slots} slots"
        head = f"{scenario}, {of.words}: {counts}; voided {alone.share_voided:.0%} and {several.share_voided:.0%}"
        if min(len(alone.values), len(several.values)) < ENOUGH:
            lines.append(f"{head}: TOO FEW, {ENOUGH} of each are needed")
            codes.append(2)
            continue
        found = equivalence(alone.values, several.values, of.margin)
        fine = found.shown and several.share_voided - alone.share_voided <= MORE_VOIDED
        lo, hi = found.interval
        means = f"means {stats.tmean(alone.values):.4g} and {stats.tmean(several.values):.4g}"
        tested = f"difference {found.difference:+.4g} [{lo:+.4g}, {hi:+.4g}], margin {of.margin:.4g}, p {found.p:.3g}"
        lines.append(f"{head}: {means}, {tested}: {'EQUIVALENT' if fine else 'NOT SHOWN'}")
        lines += [f"  voided: {why}" for why in (*alone.voided, *several.voided)]
        codes.append(0 if fine else 1)
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
