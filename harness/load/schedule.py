"""When each request is due and on which lane. Pure: no clock is read here.

constant   request k is due at floor(k * period); the period is a fraction, so a rate of 3 per second does not drift over hours
step       constant at rate_rps for over_s, then constant at to_rate_rps
ramp       for over_s the rate grows (or falls) in a straight line from rate_rps to to_rate_rps, then it stays there. With N(t) for
           the requests due by t:  N(t) = r0*t + (r1 - r0)*t*t / (2*over),  and request k is due at the t with N(t) = k

                     requests/s   r1        ________
                                        .--'
                                  r0 --'
                                     0       over        t

poisson    intervals are drawn one after the other, exponential with mean 1 / rate_rps; the same seed gives the same times
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, log, sqrt
from random import Random
from typing import Protocol

from harness.model import LANES, Arrivals, Lane, LoadPlan

SECOND_NS = 1_000_000_000
CHANGING = frozenset({Arrivals.RAMP, Arrivals.STEP})
"""Arrivals with a second rate."""

_SIGMAS = 8
"""More than so many standard deviations above the mean is not drawn in the life of this program (one in 10^15)."""


class Schedule(Protocol):
    """The times of all requests, in ns after the start, in order; there is no last one.

    Both calls cost the same however long it has run, as long as they are asked in order.
    """

    def offset_ns(self, k: int) -> int:
        """When request k is due."""
        ...

    def due(self, elapsed_ns: int) -> int:
        """How many requests are due `elapsed_ns` after the start: those k with offset_ns(k) <= elapsed_ns; 0 before the start."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Request k is due floor(k * num / den) ns after the start. Both are positive."""

    num: int
    den: int

    @staticmethod
    def of(rate_rps: float) -> Constant:
        """The schedule of a rate above 0, exact to a millionth of a request per second."""
        period = Fraction(SECOND_NS) / _exact(rate_rps)
        return Constant(period.numerator, period.denominator)

    def offset_ns(self, k: int) -> int:
        """When request k is due."""
        return k * self.num // self.den

    def due(self, elapsed_ns: int) -> int:
        """How many requests are due."""
        if elapsed_ns < 0:
            return 0
        # floor(k*num/den) <= e  <=>  k*num/den < e+1  <=>  k < (e+1)*den/num; so many k >= 0 lie below that bound.
        return -(-(elapsed_ns + 1) * self.den // self.num)


@dataclass(frozen=True, slots=True)
class Changing:
    """One rate that leads to another over `over_ns`, and the other from there on.

    first, then: the schedules of the two rates by themselves. rates_rps: the same rates. ramp: from one to the other in a straight
    line; else at once, at the end. head_num / head_den: how many requests come within over_ns, exactly.
    """

    first: Constant
    then: Constant
    over_ns: int
    ramp: bool
    rates_rps: tuple[float, float]
    head_num: int
    head_den: int

    @staticmethod
    def of(plan: LoadPlan) -> Changing:
        """A ramp or a step."""
        rate, to, over_ns = _exact(plan.rate_rps), _exact(plan.to_rate_rps), round(plan.over_s * SECOND_NS)
        ramp = plan.arrivals is Arrivals.RAMP
        head = ((rate + to) / 2 if ramp else rate) * over_ns / SECOND_NS
        first, then = Constant.of(plan.rate_rps), Constant.of(plan.to_rate_rps)
        return Changing(first, then, over_ns, ramp, (float(rate), float(to)), head.numerator, head.denominator)

    def offset_ns(self, k: int) -> int:
        """When request k is due. Within a ramp to a few ns, for it has a root in it; everything else is exact."""
        behind = k * self.head_den - self.head_num
        if behind >= 0:
            return self.over_ns + behind * self.then.num // (self.head_den * self.then.den)
        if not self.ramp:
            return self.first.offset_ns(k)
        first, last = self.rates_rps
        over_s = self.over_ns / SECOND_NS
        # The root of N(t) = k in the form that does not subtract nearly equal numbers.
        at_s = 2 * k / (first + sqrt(max(0.0, first * first + 2 * (last - first) / over_s * k)))
        return min(int(at_s * SECOND_NS), self.over_ns)

    def due(self, elapsed_ns: int) -> int:
        """How many requests are due."""
        if elapsed_ns < 0:
            return 0
        # By the integral; it is right to one or two, and offset_ns has the last word.
        first, last = self.rates_rps
        over_s, at_s = self.over_ns / SECOND_NS, elapsed_ns / SECOND_NS
        grown = (last - first) * min(at_s, over_s) / (2 * over_s) if self.ramp else 0.0
        count = int((first + grown) * min(at_s, over_s) + last * max(0.0, at_s - over_s))
        while self.offset_ns(count) <= elapsed_ns:
            count += 1
        while count and self.offset_ns(count - 1) > elapsed_ns:
            count -= 1
        return count


class Poisson:
    """Requests that come independently of each other. It keeps its place: going back draws everything again from the start."""

    def __init__(self, rate_rps: float, seed: int) -> None:
        self._mean_ns = SECOND_NS / rate_rps
        self._seed = seed
        self._restart()

    def _restart(self) -> None:
        self._random = Random(self._seed).random  # noqa: S311 - arrivals, not secrets
        self._k = -1
        self._before = -1
        self._at = 0
        self._step()

    def _step(self) -> None:
        """Rounded, not cut: so many intervals would otherwise add up to a higher rate."""
        self._before = self._at
        self._at += round(-log(1.0 - self._random()) * self._mean_ns)
        self._k += 1

    def offset_ns(self, k: int) -> int:
        """When request k is due."""
        if k < self._k:
            self._restart()
        while self._k < k:
            self._step()
        return self._at

    def due(self, elapsed_ns: int) -> int:
        """How many requests are due."""
        if elapsed_ns < self._before:
            self._restart()
        while self._at <= elapsed_ns:
            self._step()
        return self._k


def schedule_of(plan: LoadPlan) -> Schedule:
    """The schedule a plan asks for. The plan's rates are above 0, and so is over_s where it counts."""
    if plan.arrivals is Arrivals.POISSON:
        return Poisson(plan.rate_rps, plan.seed)
    return Changing.of(plan) if plan.arrivals in CHANGING else Constant.of(plan.rate_rps)


def highest_rate(plan: LoadPlan) -> float:
    """Requests a second when they come fastest (of POISSON: on average)."""
    return max(plan.rate_rps, plan.to_rate_rps) if plan.arrivals in CHANGING else plan.rate_rps


def in_flight_cap(plan: LoadPlan) -> int:
    """How many requests may be unanswered at once: what was asked, or all that can be sent within one deadline."""
    return plan.in_flight_cap or max(1, _room(highest_rate(plan) * plan.deadline_s, plan))


def capacity(plan: LoadPlan, max_s: float) -> int:
    """How many requests can be planned within max_s: the first is due at 0, the last before max_s.

    POISSON: as many as chance can bring together; drawing them all beforehand would take as long as it is long.
    """
    if plan.arrivals is Arrivals.POISSON:
        return _room(plan.rate_rps * max_s, plan)
    return max(1, schedule_of(plan).due(int(max_s * SECOND_NS) - 1))


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


def _exact(rate_rps: float) -> Fraction:
    return Fraction(rate_rps).limit_denominator(1_000_000)


def _room(mean: float, plan: LoadPlan) -> int:
    """Room for a number of requests of this mean."""
    return ceil(mean + _SIGMAS * sqrt(mean) + _SIGMAS) if plan.arrivals is Arrivals.POISSON else ceil(mean)
