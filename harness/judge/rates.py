"""Claims about a rate, for results that depend on chance: the share of cycles in which the good behaviour is broken, or of requests
that fail.

The unit of replication is the cycle. The share of cycles is decided by the exact interval of Clopper and Pearson; the share of
requests by Student's interval over the shares of the cycles. Both are two-sided, at the confidence below. The claim holds if the
interval lies within the claimed one, is broken if the two do not touch, and is otherwise undecided: more cycles are needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.judge.checks import REQUESTS
from harness.model import CycleFindings, Observed, Rate, RateOf, Reading, Share

CONFIDENCE = 0.95
LEAST_CYCLES = 3
"""With fewer cycles no share is computed."""


def decide_rate(rate: Rate, readings: Mapping[int, Reading], cycles: Sequence[CycleFindings]) -> tuple[Observed, str, Share | None]:
    """(observed, why, the share with its interval) of a claim about a rate.

    readings: of the counted cycles, by cycle index. cycles: the counted cycles. Share None: there are too few cycles, one is
    undecided, or one has no number of requests.
    """
    undecided = [index for index, one in readings.items() if one.observed is Observed.UNDECIDED]
    if undecided:
        return Observed.UNDECIDED, f"undecided in {len(undecided)} of {len(readings)} cycles", None
    if len(readings) < LEAST_CYCLES:
        return Observed.UNDECIDED, f"{len(readings)} cycles are too few for a share; {LEAST_CYCLES} are the least", None
    share = _of_cycles(readings) if rate.of is RateOf.CYCLES else _of_requests(readings, cycles)
    if share is None:
        return Observed.UNDECIDED, "a cycle has no number of requests, or all have the same share", None
    what = f"{share.value:.3f} of the {rate.of}, {CONFIDENCE:.0%} interval [{share.lo:.3f}, {share.hi:.3f}]"
    wanted = f"[{rate.lo:g}, {rate.hi:g}]"
    if rate.lo <= share.lo and share.hi <= rate.hi:
        return Observed.HOLDS, f"{what}, within {wanted}", share
    if share.hi < rate.lo or share.lo > rate.hi:
        return Observed.BROKEN, f"{what}, outside of {wanted}", share
    return Observed.UNDECIDED, f"{what}, neither within nor outside of {wanted}: more cycles are needed", share


def _of_cycles(readings: Mapping[int, Reading]) -> Share:
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that only a claim about a rate pays for

    broken = sum(one.observed is Observed.BROKEN for one in readings.values())
    interval = binomtest(broken, len(readings)).proportion_ci(CONFIDENCE, method="exact")
    return Share(broken / len(readings), float(interval.low), float(interval.high))


def _of_requests(readings: Mapping[int, Reading], cycles: Sequence[CycleFindings]) -> Share | None:
    from scipy.stats import sem, t  # noqa: PLC0415 - the same

    numbers = [(readings[cycle.index], cycle.sent) for cycle in cycles]
    shares = [float(one.value) / sent for one, sent in numbers if one.value is not None and one.unit == REQUESTS and sent]
    # Student's interval has no width where nothing varies, which says that it was not seen to, and not that it cannot.
    if len(shares) < len(readings) or len(set(shares)) == 1:
        return None
    mean = sum(shares) / len(shares)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(shares) - 1) * sem(shares))
    return Share(mean, max(0.0, mean - half), min(1.0, mean + half))
