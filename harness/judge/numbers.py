"""The numbers of a cycle that a claim can predict, and the one check for all of them: the number lies within the claim's bounds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from harness.judge.checks import REQUESTS, RESTARTS, why_unknown
from harness.model import Bounds, Cause, CycleFindings, Fact, Observed, Reading

SECONDS, PODS = "s", "pods"

_NONE = dict.fromkeys((SECONDS, REQUESTS), "no request was answered well after the fault")
_NONE[RESTARTS] = "the container's restart count was not seen"
"""Why a cycle has no such number, by its unit."""


@dataclass(frozen=True, slots=True)
class Number:
    """facts: what it rests on. unit: requests, restarts or seconds. of: reads it, None if the cycle has none; causes: those of the
    bounds. none: why a cycle may have none, if not for its unit's reason.
    """

    facts: frozenset[Fact]
    unit: str
    of: Callable[[CycleFindings, Collection[str]], float | None]
    none: str = ""

    def within(self, bounds: Bounds, cycle: CycleFindings) -> Reading:
        """HOLDS if the number lies within the bounds, BROKEN if it does not. UNDECIDED if it is not known, or nothing was sent."""
        read = self.read(cycle, bounds.causes)
        if read.value is None:
            return read
        observed = Observed.HOLDS if bounds.lo <= read.value <= bounds.hi else Observed.BROKEN
        return replace(read, observed=observed, why=f"{read.why}, predicted {bounds.lo:g} to {bounds.hi:g}")

    def read(self, cycle: CycleFindings, causes: Collection[str] = ()) -> Reading:
        """The number without bounds: always UNDECIDED, with its value, or why there is none."""
        if unknown := why_unknown(self.facts, cycle):
            return Reading(Observed.UNDECIDED, unknown)
        if not cycle.sent:
            return Reading(Observed.UNDECIDED, "nothing was sent")
        if not cycle.landed.proved:
            return Reading(Observed.UNDECIDED, "the fault is not proved to have landed")
        value = self.of(cycle, causes)
        if value is None:
            return Reading(Observed.UNDECIDED, self.none or _NONE[self.unit])
        value = round(value, 3)
        return Reading(Observed.UNDECIDED, f"{value:g} {self.unit}", value, self.unit)


def _failed(cycle: CycleFindings, causes: Collection[str]) -> int:
    """Failures of these causes, of all without any. One before the fault is no effect of it."""
    after = {cause: count - cycle.before_fault.get(cause, 0) for cause, count in cycle.by_cause.items()}
    return sum(count for cause, count in after.items() if not causes or cause in causes)


def _otherwise(cycle: CycleFindings, causes: Collection[str]) -> int:
    return _failed(cycle, ()) - (_failed(cycle, causes) if causes else 0)


def _refused_s(cycle: CycleFindings, causes: Collection[str]) -> float | None:  # noqa: ARG001 - a window has no cause
    """None if the port may have refused other requests, too: queue-proxy failed some with an error of no known kind, or logged only
    refused dials of requests that timed out.
    """
    if _failed(cycle, (Cause.QUEUE_PROXY.value,)) or (cycle.overtaken and cycle.refused_window is None):
        return None
    from_ns, until_ns = cycle.refused_window or (0, 0)
    return (until_ns - from_ns) / 1e9


def _failed_or_slow(cycle: CycleFindings, causes: Collection[str]) -> int | None:
    """A request that was held until it could be answered, and one that was refused, are both late for whoever waited."""
    return None if cycle.latency is None else _failed(cycle, causes) + cycle.latency.slow


def _restarts(cycle: CycleFindings, causes: Collection[str]) -> int | None:  # noqa: ARG001 - a restart has no such cause
    """Of every pod of the cycle."""
    return None if cycle.restarts is None else sum(cycle.restarted.values())


def _stopping_s(cycle: CycleFindings, causes: Collection[str]) -> float | None:  # noqa: ARG001 - a stop has no such cause
    """Between the middles of two brackets, each up to a second wide."""
    ends = [cycle.anatomy[name] for name in ("killing", "process-gone") if name in cycle.anatomy]
    if len(ends) < 2:
        return None
    killing, gone = (one.lo_ns + (one.hi_ns - one.lo_ns) / 2 for one in ends)
    return max(0.0, (gone - killing) / 1e9)


MOST_NOT_SPLIT = 0.01
"""Share of the requests without which the longest wait is not known: it may have been that of one of them."""


def _activator_wait_s(cycle: CycleFindings, causes: Collection[str]) -> float | None:  # noqa: ARG001 - a wait has no cause
    if cycle.hops is None or sum(cycle.hops.not_split.values()) > MOST_NOT_SPLIT * cycle.sent:
        return None
    part = cycle.hops.part("activator")
    return part.most_s if part else None


_OF_FAILURES = frozenset({Fact.REQUESTS, Fact.LEDGER})
_OF_ANSWERS = frozenset({Fact.REQUESTS, Fact.LATENCY})

NUMBERS: Mapping[str, Number] = MappingProxyType(
    {
        "failed-requests": Number(_OF_FAILURES, REQUESTS, _failed),
        "other-failures": Number(_OF_FAILURES, REQUESTS, _otherwise),
        "refused-window": Number(
            _OF_FAILURES,
            SECONDS,
            _refused_s,
            "whether requests were refused is not known: queue-proxy gave an error of no known kind, or requests timed out first",
        ),
        "slowest-answer": Number(_OF_ANSWERS, SECONDS, lambda cycle, _: cycle.latency.slowest_s if cycle.latency else None),
        "median-answer": Number(_OF_ANSWERS, SECONDS, lambda cycle, _: cycle.latency.median_s if cycle.latency else None),
        "p99-answer": Number(_OF_ANSWERS, SECONDS, lambda cycle, _: cycle.latency.p99_s if cycle.latency else None),
        "failed-or-slow": Number(_OF_FAILURES | _OF_ANSWERS, REQUESTS, _failed_or_slow),
        "restarts": Number(frozenset({Fact.REQUESTS, Fact.RESTARTS}), RESTARTS, _restarts),
        "stopping": Number(
            frozenset({Fact.LISTENER}), SECONDS, _stopping_s, "the kubelet's kill, or the end of the old process, was not seen"
        ),
        "pods": Number(frozenset({Fact.READINESS}), PODS, lambda cycle, _: cycle.pods, "how many pods there were is not known"),
        "probe-phase": Number(
            frozenset({Fact.PROBES}),
            SECONDS,
            lambda cycle, _: cycle.probe_phase_s,
            "the app saw no liveness probe or no readiness probe",
        ),
        "activator-wait": Number(
            frozenset({Fact.REQUESTS, Fact.HOPS}),
            SECONDS,
            _activator_wait_s,
            "the run has no request log, or too few of its requests have a line of the activator and of queue-proxy",
        ),
        "slow-answers": Number(_OF_ANSWERS, REQUESTS, lambda cycle, _: cycle.latency.slow if cycle.latency else None),
    }
)
"""Every number that a claim with bounds may name."""
