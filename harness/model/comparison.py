"""How two builds are compared: what was planned before the first block, and what the comparison found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BASE = "base"
HEAD = "head"
"""The two arms of a comparison. A difference is always head minus base."""


ALPHA = 0.005
ALPHA_SAME = 0.05
POWER = 0.9
"""The defaults of a Design."""


class Change(StrEnum):
    """What head is, compared with base. SAME: the difference lies within the margin. INCONCLUSIVE: none of the others is shown."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Planned:
    """One reading that is compared, stated before the first block.

    reading: the id of a claim, or a name of `harness.judge.numbers`. share: it is a claim, whose value in a cycle is 1 if it is
    broken and 0 if it holds; its mean is a share of cycles. margin: a difference smaller than this counts as none, in `unit`.
    only_if_same: this reading decides only where that one is the same; "": always.
    """

    scenario: str
    reading: str
    unit: str
    margin: float
    share: bool = False
    less_is_better: bool = True
    only_if_same: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """What a comparison of two builds was planned to be. base, head: the builds, in words (`Build.text`).

    cycles: of each arm and scenario up to the first look, and between a look and the next one. looks: how often the data are
    looked at, at most. alpha: the probability that any reading is called better or worse although it is not, over all readings and
    looks. alpha_same: the probability that a reading is called the same although its difference is as large as the margin, over
    all looks. power: the probability with which a difference of the size `Difference.detectable` is found.
    """

    base: str
    head: str
    scenarios: tuple[str, ...]
    cycles: int
    looks: int
    planned: tuple[Planned, ...]
    alpha: float = ALPHA
    alpha_same: float = ALPHA_SAME
    power: float = POWER


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval. lo, hi: None where the number of cycles gives no bound at this confidence."""

    confidence: float
    lo: float | None
    hi: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One planned reading in both arms. base, head: its value in each counted cycle, in the order of measuring.

    value: mean of head minus mean of base; None where a cycle has no value. interval: of that difference, for better and worse.
    within: the interval that must lie within the margin for SAME. p: of the test for better or worse, uncorrected; corrected: over
    all planned readings. detectable: the smallest true difference that a comparison with so many cycles and this spread finds with
    the design's power; None: none is found. decides: whether it counts for the comparison as a whole. not_worse: head is shown not
    to be worse by more than the margin. why: in words.
    """

    planned: Planned
    base: tuple[float | None, ...]
    head: tuple[float | None, ...]
    change: Change
    why: str
    value: float | None = None
    interval: Interval | None = None
    within: Interval | None = None
    p: float | None = None
    corrected: float | None = None
    detectable: float | None = None
    decides: bool = True
    not_worse: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """All planned readings at one look, from 1. alpha, alpha_same: those of this look. reasons: what the evidence lacks."""

    look: int
    alpha: float
    alpha_same: float
    change: Change
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedTrace:
    """When the requests of one counted cycle were refused, in seconds from the fault. arm: BASE or HEAD. run: its directory."""

    scenario: str
    arm: str
    run: str
    cycle: int
    offsets_s: tuple[float, ...]
