"""Whether an experiment is what was planned, and each of its runs the one that was measured as its block.

A run names in its head the experiment, its plan (`Experiment.plan`), its arm, the seed of its block and its cluster. That is
written when the run begins, so an experiment.json that was edited later, and a run in the place of another block, are noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness import history as history_room
from harness.errors import HistoryError
from harness.history.layout import RUN
from harness.model import ALPHA, ALPHA_SAME, BASE, HEAD, POWER, Block, Experiment, RunMeta
from harness.run.blocks import arm_label
from harness.run.bundling import seed_of

PLAN = "experiment_plan"
"""Of `RunMeta.host`: `Experiment.plan` when the block was begun. Records of earlier releases have none."""


def require_planned(experiment: Experiment, directory: Path) -> None:
    """Raise HistoryError for a comparison of builds whose design cannot have planned its blocks."""
    design = experiment.design
    if design is None:
        return
    labels = {arm_label(scenario, arm) for scenario in design.scenarios for arm in (BASE, HEAD)}
    foreign = [block.name for block in experiment.blocks if block.arm not in labels or not 1 <= block.look <= design.looks]
    if foreign:
        raise _damaged(f"the block {foreign[0]} is none of its design", directory)
    if design.cycles < 2:
        raise _damaged(f"its design has {design.cycles} cycles", directory)
    if (design.alpha, design.alpha_same, design.power) != (ALPHA, ALPHA_SAME, POWER):
        levels = f"alpha {design.alpha:g}, alpha_same {design.alpha_same:g} and power {design.power:g}"
        raise _damaged(f"its design has {levels}; comparisons are made at {ALPHA:g}, {ALPHA_SAME:g} and {POWER:g}", directory)


def require_of_block(place: Path, experiment: Experiment, block: Block, seen: dict[str, str]) -> None:
    """Raise HistoryError unless the run at this place was measured as this block of this experiment.

    seen: run id -> its block, of the blocks before.
    """
    meta = history_room.read_meta(place)
    plan = meta.host.get(PLAN)
    if (meta.experiment, meta.arm) == (experiment.id, block.arm) and plan not in {None, experiment.plan}:
        why = f"its seed or its design is not the one that the run of block {block.name} was measured for"
        raise _damaged(why, place.parent)
    why = next(_foreign(meta, experiment, block, seen), "")
    if why:
        fix = "Put the run back that was measured as this block, or remove the directory: its arm is then inconclusive."
        raise HistoryError(f"The run of block {block.name} was copied there: {why}.", where=str(place), fix=fix)


def require_stacks(experiment: Experiment, directory: Path) -> None:
    """Raise HistoryError for an arm that is said to be of a stack on which none of its runs was measured."""
    for arm in experiment.arms:
        runs = [block.run for block in experiment.blocks if block.arm == arm.label and block.run]
        metas = [history_room.read_meta(directory / run) for run in runs if (directory / run / RUN).is_file()]
        stacks = {meta.stack.id for meta in metas if meta.stack is not None}
        if stacks and arm.stack.id not in stacks:
            raise _damaged(f"its arm {arm.label} has stack {arm.stack.id}, its runs {', '.join(sorted(stacks))}", directory)


def _foreign(meta: RunMeta, experiment: Experiment, block: Block, seen: dict[str, str]) -> Iterator[str]:
    other, seed = seen.setdefault(meta.run_id, block.name), seed_of(meta)
    if (meta.experiment, meta.arm) != (experiment.id, block.arm):
        of = f"arm {meta.arm!r} of experiment {meta.experiment!r}" if meta.experiment else "no experiment"
        yield f"it is of {of}, not of arm {block.arm!r} of experiment {experiment.id!r}"
    if other != block.name:
        yield f"it is the same run as that of block {other}"
    if seed is not None and seed != block.seed:
        yield f"its seed is {seed}, that of the block {block.seed}"
    if block.cluster and meta.cluster != block.cluster:
        yield f"it was measured on the cluster {meta.cluster!r}, not on {block.cluster!r}"


def _damaged(why: str, directory: Path) -> HistoryError:
    return HistoryError(f"{history_room.EXPERIMENT} is damaged: {why}.", where=str(directory))
