"""Findings and claims -> Verdict. Pure."""

from harness.judge.checks import CHECKS
from harness.judge.judging import judge

__all__ = ["CHECKS", "judge"]
