"""Whether the generator sent what the plan specifies: times, lanes, attempts. Each function returns the difference, or ""."""

from __future__ import annotations

import math
from dataclasses import fields
from fractions import Fraction
from math import gcd

import numpy as np
import numpy.typing as npt
import polars as pl

from harness.model import Arrivals, Behaviour, GeneratorReport, Lane, LoadPlan, RunSpec

GRACE_NS = 2_000
"""A due time may differ from the plan by this much. Rounding of float sums and of nanoseconds makes a smaller difference."""

EARLY_NS = 1_000
"""A request may be sent this much before it was due, because timers round."""

LOOSEST = {"match_tolerance_s": 0.05, "pacing_p99_limit_us": 50_000, "pacing_max_limit_us": 1_000_000}
"""The widest limits with which findings still count: ten times the defaults, four times for the pacing maximum."""

_RETRYING = tuple(lane.value for lane in Lane if lane.behaviour is Behaviour.RETRYING)

_SIGMAS = 8
"""Random arrivals are never this many standard deviations from their mean."""


def loose(spec: RunSpec) -> str:
    """The limit of this run that is too wide for useful findings."""
    for name, most in LOOSEST.items():
        if not getattr(spec, name) <= most:
            return f"{name} is {getattr(spec, name):g}: with more than {most:g} nothing measured is sharp enough to count"
    return ""


def not_finite(report: GeneratorReport) -> str:
    """The number in the report that is not finite."""
    for field in fields(report):
        value = getattr(report, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            return f"the generator reports {field.name} as {value}"
    return ""


def off_the_plan(plan: LoadPlan, requests: pl.DataFrame, report: GeneratorReport) -> str:
    """How the load differs from the plan. requests: all of one cycle, with at least seq, lane and intended_ns."""
    if not math.isclose(report.rate_rps, plan.rate_rps, rel_tol=1e-6):
        return f"the generator's rate is {report.rate_rps:g} a second, the plan's {plan.rate_rps:g}"
    ordered = requests.select("seq", "lane", "intended_ns").sort("seq")
    return _at_other_times(plan, ordered["intended_ns"].to_numpy() - report.t0_ns) or _on_other_lanes(plan, ordered["lane"])


def _at_other_times(plan: LoadPlan, after_ns: npt.NDArray[np.int64]) -> str:
    """after_ns: when each request was due, from the start of the load, by number."""
    due = requests_by(plan, after_ns / 1e9)
    if plan.arrivals is Arrivals.POISSON:
        # Only the total follows from the rate; single arrivals are random.
        mean = max(0.0, float(due.max()))
        if abs(len(due) - 1 - mean) > _SIGMAS * math.sqrt(mean) + _SIGMAS:
            return f"{len(due)} requests were due where the plan has {mean:.0f}"
        return ""
    off = np.abs(due - np.arange(len(due)))
    # The allowed difference, in requests, is the grace at the fastest rate.
    wrong = np.flatnonzero(~(off <= max(plan.rate_rps, plan.to_rate_rps) * GRACE_NS / 1e9 + 1e-6))
    if len(wrong):
        first = wrong[0]
        return f"request {first} was due {after_ns[first] / 1e9:.6f} s after the start, where the plan has request {due[first]:.2f}"
    return ""


def requests_by(plan: LoadPlan, after_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How many requests are due by this time after the start (the mean for random arrivals): the integral of the rate."""
    first = _as_sent(plan.rate_rps)
    if plan.arrivals not in {Arrivals.RAMP, Arrivals.STEP}:
        return after_s * first
    last, over_s = _as_sent(plan.to_rate_rps), round(plan.over_s * 1e9) / 1e9
    within = np.minimum(after_s, over_s)
    grown = (last - first) * within * within / (2 * over_s) if plan.arrivals is Arrivals.RAMP and over_s > 0 else 0.0
    return first * within + grown + last * np.maximum(0.0, after_s - over_s)


def rate_at(plan: LoadPlan, after_s: float) -> float:
    """The rate at this time after the start, in requests per second."""
    if plan.arrivals not in {Arrivals.RAMP, Arrivals.STEP}:
        return plan.rate_rps
    if after_s >= plan.over_s:
        return plan.to_rate_rps
    grown = (plan.to_rate_rps - plan.rate_rps) * max(0.0, after_s) / plan.over_s if plan.arrivals is Arrivals.RAMP else 0.0
    return plan.rate_rps + grown


def _as_sent(rate_rps: float) -> float:
    """A rate, rounded to a fraction as the generator does it."""
    return float(Fraction(rate_rps).limit_denominator(1_000_000))


def _on_other_lanes(plan: LoadPlan, lanes: pl.Series) -> str:
    """Lanes take turns, and each has its exact share of every turn. lanes: by number of the request."""
    weights = {lane.value: weight for lane, weight in plan.lanes if weight > 0}
    if strange := sorted(set(lanes.unique()) - set(weights)):
        return f"requests went the way {strange[0]}, which the plan does not have"
    common = gcd(*weights.values())
    turn = sum(weights.values()) // common
    seen = dict(lanes.head(turn).value_counts().iter_rows())
    whole = len(lanes) >= turn
    for lane, weight in weights.items():
        share, count = weight // common, seen.get(lane, 0)
        if count > share or (whole and count < share):
            return f"{count} of the first {min(turn, len(lanes))} requests went the way {lane}, {share} of {turn} were planned"
    if not lanes.slice(turn).equals(lanes.head(max(0, len(lanes) - turn)), check_names=False):
        return "the lanes did not take turns as planned"
    return ""


def out_of_order(requests: pl.DataFrame) -> str:
    """A request that was sent before it was due, or answered before it was sent. A time of 0 means that it did not happen."""
    sent, first, done = pl.col("sent_ns"), pl.col("first_byte_ns"), pl.col("done_ns")
    wrong = requests.filter(
        ((sent > 0) & (sent < pl.col("intended_ns") - EARLY_NS))
        | ((sent > 0) & (first > 0) & (first < sent))
        | ((sent > 0) & (done > 0) & (done < sent))
        | ((first > 0) & (done > 0) & (done < first))
    )
    if wrong.is_empty():
        return ""
    return f"the times of {wrong.height} requests are out of order (first: request {wrong['seq'].sort()[0]})"


def attempts_astray(plan: LoadPlan, requests: pl.DataFrame, attempts: pl.DataFrame | None) -> str:
    """What is wrong with the attempts that further ones followed. Only the retrying lane has them, numbered, no more than planned.

    requests, attempts: of one cycle.
    """
    retrying = any(lane.behaviour is Behaviour.RETRYING and weight > 0 for lane, weight in plan.lanes)
    if attempts is None:
        return "the attempts of the retrying lane are missing" if retrying else ""
    if attempts.is_empty():
        return ""
    own = requests.filter(pl.col("lane").is_in(_RETRYING))["seq"]
    astray = attempts.filter(~pl.col("lane").is_in(_RETRYING) | ~pl.col("seq").is_in(own.implode())).height
    if astray:
        return f"{astray} attempts belong to no request of the retrying lane"
    number = pl.col("attempt")
    per_request = attempts.group_by("seq").agg(n=pl.len(), distinct=number.n_unique(), least=number.min(), most=number.max())
    gaps = per_request.filter((pl.col("distinct") != pl.col("n")) | (pl.col("least") != 0) | (pl.col("most") != pl.col("n") - 1))
    if gaps.height:
        return f"the attempts of {gaps.height} requests are not numbered one after the other (first: {gaps['seq'].sort()[0]})"
    if (per_request["n"] > plan.retries).any():
        return f"a request was tried again more often than {plan.retries} times"
    return out_of_order(attempts)
