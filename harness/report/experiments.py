"""The verdicts of an experiment as text."""

from __future__ import annotations

from harness.model import ArmResult, Experiment
from harness.report import words


def experiment_lines(experiment: Experiment, *, where: str = "") -> list[str]:
    """The ruling, then each arm: its ruling, stack and claims, and why it was not decided. where: the directory, shown last."""
    lines = [f"{experiment.ruling.upper()}  {experiment.name}: {experiment.title}"]
    if experiment.interrupted:
        lines.append(f"ended early: {experiment.interrupted}")
    for arm in experiment.arms:
        lines += _arm(arm, experiment)
    return [words.plain(line) for line in [*lines, *([where] if where else [])]]


def _arm(arm: ArmResult, experiment: Experiment) -> list[str]:
    blocks = [block for block in experiment.blocks if block.arm == arm.label]
    runs = ", ".join(block.run for block in blocks if block.run) or "no run"
    lines = [f"{arm.label}: {arm.ruling}; Knative {arm.stack.knative}, stack {arm.stack.id}, arm {arm.id} ({runs})"]
    if arm.ruling == "inconclusive":
        lines += [f"  {reason}" for reason in arm.reasons]
    return [*lines, *(f"  {one.claim.id}: {one.observed}, expected {one.claim.expected}; {one.why}" for one in arm.claims)]
