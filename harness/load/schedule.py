"""When each request is due and on which lane. Pure: no clock is read here.

Request k is due at t0 + floor(k * period). The period is a fraction, so a rate of 3 per second does not drift over hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd

from harness.model import LANES, Lane, LoadPlan

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Request k is due floor(k * num / den) ns after the start. Both are positive."""

    num: int
    den: int

    @staticmethod
    def of(rate_rps: float) -> Schedule:
        """The schedule of a rate above 0, exact to a millionth of a request per second."""
        period = Fraction(SECOND_NS) / Fraction(rate_rps).limit_denominator(1_000_000)
        return Schedule(period.numerator, period.denominator)

    def offset_ns(self, k: int) -> int:
        """When request k is due, in ns after the start."""
        return k * self.num // self.den

    def due(self, elapsed_ns: int) -> int:
        """How many requests are due `elapsed_ns` after the start: those k with offset_ns(k) <= elapsed_ns; 0 before the start."""
        if elapsed_ns < 0:
            return 0
        # floor(k*num/den) <= e  <=>  k*num/den < e+1  <=>  k < (e+1)*den/num; so many k >= 0 lie below that bound.
        return -(-(elapsed_ns + 1) * self.den // self.num)


def lane_cycle(weights: Sequence[tuple[Lane, int]]) -> tuple[int, ...]:
    """Lane codes in the order they take turns, one whole turn; request k goes to code k modulo the length.

    Smooth weighted round-robin: each lane gets its exact share of every turn and its requests lie as evenly as they can.
    Ties go to the lane named first. weights: at least one above 0.
    """
    shares = [(LANES.index(lane), weight) for lane, weight in weights if weight > 0]
    common = gcd(*(weight for _, weight in shares))
    shares = [(code, weight // common) for code, weight in shares]
    total = sum(weight for _, weight in shares)
    credit = [0] * len(shares)
    turn = []
    for _ in range(total):
        credit = [have + weight for have, (_, weight) in zip(credit, shares, strict=True)]
        chosen = credit.index(max(credit))
        credit[chosen] -= total
        turn.append(shares[chosen][0])
    return tuple(turn)


def in_flight_cap(plan: LoadPlan) -> int:
    """How many requests may be unanswered at once: what was asked, or all that can be sent within one deadline."""
    return plan.in_flight_cap or max(1, ceil(plan.rate_rps * plan.deadline_s))


def capacity(rate_rps: float, max_s: float) -> int:
    """How many requests can be planned within max_s: the first is due at 0, the last before max_s."""
    return max(1, Schedule.of(rate_rps).due(int(max_s * SECOND_NS) - 1))
