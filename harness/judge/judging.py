"""Findings and claims -> Verdict."""

from __future__ import annotations

from harness.judge.algebra import rule
from harness.judge.claims import decide
from harness.model import Findings, RunSpec, Verdict


def judge(spec: RunSpec, findings: Findings) -> Verdict:
    """The verdict of a run. Only cycles that were not voided count. Raises nothing."""
    counted = [cycle for cycle in findings.cycles if not cycle.voided]
    return rule(findings.doubts, [decide(claim, counted) for claim in spec.claims])
