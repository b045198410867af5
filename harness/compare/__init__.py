"""Findings of two builds -> Comparison. Pure: the same findings give the same comparison.

The unit of replication is the counted cycle. docs/diff.md explains the tests, the margins, the correction and the stopping rule.

    planned(spec)                    what will be compared, with its margins: before the first block
    require_feasible(design)         whether so few cycles can show anything at all
    compared(design, cycles, look)   the comparison at one look
"""

from harness.compare.comparing import compared
from harness.compare.cycles import ComparedCycle
from harness.compare.feasible import least_cycles, require_feasible
from harness.compare.readings import READINGS, planned
from harness.compare.relabelled import labellings, p_values
from harness.compare.traces import refused_traces

__all__ = [
    "READINGS",
    "ComparedCycle",
    "compared",
    "labellings",
    "least_cycles",
    "p_values",
    "planned",
    "refused_traces",
    "require_feasible",
]
