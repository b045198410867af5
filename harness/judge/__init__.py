"""Findings and claims -> Verdict. Pure."""

from harness.judge.checks import CHECKS
from harness.judge.claims import require_checks
from harness.judge.judging import judge

__all__ = ["CHECKS", "judge", "require_checks"]
