"""The comparisons of an experiment, from the runs of its blocks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.compare import READINGS, ComparedCycle, compared
from harness.judge.numbers import NUMBERS
from harness.model import (
    BASE,
    HEAD,
    Block,
    Comparison,
    CycleFindings,
    Design,
    Experiment,
    Observed,
    Reading,
    RefusedTrace,
)
from harness.run.analysis import Run
from harness.run.blocks import arm_label

VALUES: Mapping[Observed, float | None] = {Observed.HOLDS: 0.0, Observed.BROKEN: 1.0, Observed.UNDECIDED: None}
"""Of a claim in one cycle: less is better, as for the numbers."""


def comparisons(
    experiment: Experiment, runs: Mapping[str, Sequence[Run]], confounders: Sequence[str] = ()
) -> tuple[Comparison, ...]:
    """One comparison for each look of which a block is planned; none if the experiment does not compare builds.

    runs: of each arm by its label. confounders: see `harness.run.confounding`. One of them, a doubt about any run, a block that was
    not measured, and an early end leave the comparison inconclusive.
    """
    design = experiment.design
    if design is None:
        return ()
    cycles = compared_cycles(experiment, runs)
    looks = sorted({block.look for block in experiment.blocks})
    return tuple(compared(design, cycles, look, (*confounders, *_lacking(experiment, runs, look))) for look in looks)


def compared_cycles(experiment: Experiment, runs: Mapping[str, Sequence[Run]]) -> tuple[ComparedCycle, ...]:
    """Every counted cycle of an experiment that compares builds, in the order of measuring; () of another one."""
    if experiment.design is None:
        return ()
    measured = [(block, run) for block in experiment.blocks if (run := run_of(block, runs)) is not None]
    return tuple(one for block, run in measured for one in _cycles(experiment.design, block, run))


def run_of(block: Block, runs: Mapping[str, Sequence[Run]]) -> Run | None:
    """The run that is this block; None: it was not measured."""
    return next((run for run in runs.get(block.arm, ()) if run.directory.name == block.run), None)


def traces(
    experiment: Experiment, runs: Mapping[str, Sequence[Run]], refused: Mapping[str, Mapping[int, tuple[float, ...]]]
) -> tuple[RefusedTrace, ...]:
    """When requests were refused, in the order of measuring. refused: by name of the run directory and by cycle."""
    design = experiment.design
    if design is None:
        return ()
    return tuple(
        RefusedTrace(*_side(design, block), run.directory.name, cycle, offsets)
        for block in experiment.blocks
        if (run := run_of(block, runs)) is not None
        for cycle, offsets in sorted(refused.get(run.directory.name, {}).items())
    )


def _side(design: Design, block: Block) -> tuple[str, str]:
    """(scenario, arm) of a block. Raises StopIteration for a label that the design has not."""
    return next((scenario, arm) for scenario in design.scenarios for arm in (BASE, HEAD) if arm_label(scenario, arm) == block.arm)


def _lacking(experiment: Experiment, runs: Mapping[str, Sequence[Run]], look: int) -> Iterator[str]:
    for block in experiment.blocks:
        if block.look > look:
            continue
        run = run_of(block, runs)
        if block.ended:
            yield f"{block.name} ended early: {block.ended}"
        elif run is None:
            yield f"{block.name} was not measured"
        if run is not None:
            yield from (f"{block.name}: {doubt}" for doubt in run.findings.doubts)
    if experiment.interrupted:
        yield f"the experiment ended early: {experiment.interrupted}"


def _cycles(design: Design, block: Block, run: Run) -> Iterator[ComparedCycle]:
    scenario, arm = _side(design, block)
    for cycle in run.findings.cycles:
        if cycle.voided:
            continue
        readings = dict(_readings(run, cycle))
        yield ComparedCycle(
            scenario=scenario,
            arm=arm,
            look=block.look,
            stratum=2 * block.look + block.placement,
            values={name: value for name, (value, _) in readings.items()},
            why={name: why for name, (value, why) in readings.items() if value is None},
            block=block.name,
        )


def _readings(run: Run, cycle: CycleFindings) -> Iterator[tuple[str, tuple[float | None, str]]]:
    """(reading, (its value, what it says)) of each claim and each number that is compared."""
    for result in run.verdict.claims:
        if result.claim.bounds is None:
            read = result.readings.get(cycle.index, Reading(Observed.UNDECIDED, result.why))
            yield result.claim.id, (VALUES[read.observed], read.why)
    for name in READINGS:
        number = NUMBERS[name].read(cycle)
        yield name, (number.value, number.why)
