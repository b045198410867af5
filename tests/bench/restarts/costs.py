"""What one restart cost its users, from the history of a run. Pure.

Refused requests and their window are those of the analysis. A request *waited* if it was answered well and took WAITED_S longer
than the median of the steady state before the fault; what it took longer is the latency that the restart added. Failures that are
no refusals (a timeout, a connection lost with the process) are counted apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from harness.analyse import analyse
from harness.knative.pods import PodState, pod_state
from harness.model import (
    USERS_ROUTE,
    Behaviour,
    Bracket,
    Cause,
    CycleFindings,
    CycleMark,
    Fact,
    Findings,
    History,
    Lane,
    Observation,
    Outcome,
    RunMeta,
    Stream,
)

WAITED_S = 0.1
"""More than twenty times the 99th percentile of S1's steady state (3 to 5 ms): no noise of the machine counts as a wait."""

SLOW_S = 1.0
"""As the claims about slow answers of the catalogue."""

METHODS = {Behaviour.POST_KEEPALIVE: "POST", Behaviour.GRPC: "GRPC"}
USERS = {lane.value: METHODS.get(lane.behaviour, "GET") for lane in Lane if lane.route == USERS_ROUTE}
"""The method of each lane of users."""

STEPS: Mapping[str, tuple[str, str]] = {
    "decided": ("first-failed-probe", "killing"),
    "pre_stop": ("killing", "listener-closed"),
    "restart": ("listener-closed", "container-started"),
    "booted": ("container-started", "listening"),
    "unready": ("listener-closed", "queue-proxy-unready"),
    "published": ("queue-proxy-unready", "endpoint-unready"),
    "back": ("listening", "first-ok"),
}
"""Steps of a restart, by the edges between which they lie (docs/anatomy.md). Each edge counts from when it had been seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One cycle that counts. name: of its configuration. run, cycle: where it was measured, stack: on what.

    refused_s: from the first to the last refused request; 0 without one. failed_otherwise: requests of users that failed of another
    cause. waited: requests that were answered later; waited_sum_s, waited_max_s: the latency added, of all and of the slowest.
    not_ready_s: for how long the pod that the fault hit was not Ready, from the fault to the end; None if that is not known.
    restarts: of its container. steps: seconds between edges (STEPS), those whose edges were both seen.

    Of all requests of users from the fault on, in a cycle without a fault of all: sent_by, failed_by: by method ("GET", "POST",
    "GRPC"); causes: those that failed, by `Cause` value; failed_max_s: how long the slowest of them took; slow: good answers that
    took longer than SLOW_S; most_in_flight: the most that were under way at one moment; repeated: attempts that the client followed
    by another one. edges: seconds from the fault until each edge of the restart had been seen (docs/anatomy.md). pods: that stood
    or came; None where the run makes no claim about it.
    """

    name: str
    run: str
    stack: str
    cycle: int
    sent: int
    refused: int
    refused_s: float
    failed_otherwise: int
    waited: int
    waited_sum_s: float
    waited_max_s: float
    not_ready_s: float | None
    restarts: int | None
    steps: Mapping[str, float]
    sent_by: Mapping[str, int] = field(default_factory=dict)
    failed_by: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[str, int] = field(default_factory=dict)
    slow: int = 0
    most_in_flight: int = 0
    repeated: int = 0
    failed_max_s: float = 0.0
    edges: Mapping[str, float] = field(default_factory=dict)
    pods: int | None = None

    @property
    def failed(self) -> int:
        """Requests that failed, of any cause."""
        return self.refused + self.failed_otherwise


_OF_CYCLES = re.compile(r"cycles? (\d+)(?: and (\d+))?: ")
"""How a doubt begins that is about these cycles alone (`harness.analyse.doubts`)."""

_FEWER_CYCLES = re.compile(r"the run was interrupted|\d+ of \d+ cycles count|\d+ cycles are voided|cycle \d+ sent requests but")
"""How a doubt begins that leaves the finished cycles as they are: the next start measures those that lack."""


def costs_of(history: History) -> list[Cost]:
    """Of the cycles that count."""
    pods = _pods(history)
    marks = {mark.index: mark for mark in history.cycles}
    found = analyse(history)
    return [
        _cost(history, cycle, marks[cycle.index], pods.get(cycle.pod, []))
        for cycle in found.cycles
        if not why_not_counted(found, cycle)
    ]


def why_not_counted(found: Findings, cycle: CycleFindings) -> str:
    """Why this cycle has no cost, "" if it has one.

    Voided or given up; a fault that is not proved to have landed; failed requests whose cause is not known, which may be refused
    ones; a doubt about the cycle, such as another slot's restart within its own, or about all cycles of the run.
    """
    if cycle.voided:
        return str(cycle.voided)
    if not cycle.landed.proved:
        return "the fault is not proved to have landed"
    if unknown := cycle.unknown.get(Fact.LEDGER.value):
        return unknown
    return next((str(doubt) for doubt in found.doubts if _is_about(doubt, cycle.index)), "")


def _is_about(doubt: str, index: int) -> bool:
    if of_cycles := _OF_CYCLES.match(doubt):
        return str(index) in of_cycles.groups()
    return not _FEWER_CYCLES.match(doubt)


def _cost(history: History, cycle: CycleFindings, mark: CycleMark, states: Sequence[PodState]) -> Cost:
    first_ns, last_ns = cycle.refused_window or (0, 0)
    failed = {cause: number - cycle.before_fault.get(cause, 0) for cause, number in cycle.by_cause.items()}
    causes = {cause: number for cause, number in failed.items() if number}
    refused = failed.pop(Cause.REFUSED_DIAL.value, 0)
    asked = _asked(history, mark)
    sent, added_s = _added(asked, mark)
    after = asked.filter(pl.col("done_ns") >= mark.fault_ns)
    good, took_ns = pl.col("outcome") == Outcome.OK.value, pl.col("done_ns") - pl.col("intended_ns")
    return Cost(
        name=history.meta.spec.scenario,
        run=history.meta.run_id,
        stack=_stack(history.meta),
        cycle=cycle.index,
        sent=sent,
        refused=refused,
        refused_s=(last_ns - first_ns) / 1e9,
        failed_otherwise=sum(failed.values()),
        waited=len(added_s),
        waited_sum_s=float(added_s.sum()),
        waited_max_s=float(added_s.max(initial=0.0)),
        not_ready_s=not_ready_s(states, mark.fault_ns, mark.ended_ns),
        restarts=cycle.restarts,
        steps=steps_of(cycle.anatomy),
        sent_by=_by_method(asked.filter(pl.col("sent_ns") >= mark.fault_ns)),
        failed_by=_by_method(after.filter(~good)),
        causes=causes,
        slow=after.filter(good & (took_ns > SLOW_S * 1e9)).height,
        most_in_flight=_most_in_flight(after),
        repeated=_repeated(history, mark),
        failed_max_s=(after.filter(~good).select(took_ns.max()).item() or 0) / 1e9,
        edges={edge: round((seen.hi_ns - mark.fault_ns) / 1e9, 4) for edge, seen in cycle.anatomy.items()},
        pods=cycle.pods,
    )


def _stack(meta: RunMeta) -> str:
    known = meta.versions
    return f"Knative {known.get('knative', '?')}, Kubernetes {known.get('kubernetes', '?')}, {meta.host.get('cpus', '?')} cores"


def _asked(history: History, mark: CycleMark) -> pl.DataFrame:
    """The requests of users in this cycle that were sent."""
    return history.requests.filter((pl.col("cycle") == mark.index) & pl.col("lane").is_in(tuple(USERS)) & (pl.col("sent_ns") > 0))


def _by_method(requests: pl.DataFrame) -> dict[str, int]:
    return dict(Counter(USERS[lane] for lane in requests["lane"]))


def _most_in_flight(requests: pl.DataFrame) -> int:
    """At one moment. A request that ends when another one is sent is not under way with it."""
    sent, done = (requests[name].to_numpy() for name in ("sent_ns", "done_ns"))
    change = np.repeat([-1, 1], len(sent))
    order = np.lexsort((change, np.concatenate([done, sent])))
    return int(change[order].cumsum().max(initial=0))


def _repeated(history: History, mark: CycleMark) -> int:
    if history.attempts is None:
        return 0
    return history.attempts.filter((pl.col("cycle") == mark.index) & (pl.col("done_ns") >= mark.fault_ns)).height


def _added(asked: pl.DataFrame, mark: CycleMark) -> tuple[int, NDArray[np.float64]]:
    """(requests sent from the fault on; for each of the good answers from it on that waited, how much longer it took).

    In a cycle without a fault nothing was before it, and a wait is the whole time.
    """
    took_s = (pl.col("done_ns") - pl.col("intended_ns")) / 1e9
    good = asked.filter(pl.col("outcome") == Outcome.OK.value).select("done_ns", took_s.alias("took_s"))
    before = (good["done_ns"] < mark.fault_ns).to_numpy()
    every_s = good["took_s"].to_numpy()
    added_s = every_s[~before] - (np.median(every_s[before]) if before.any() else 0.0)
    return asked.filter(pl.col("sent_ns") >= mark.fault_ns).height, added_s[added_s > WAITED_S]


def _pods(history: History) -> dict[str, list[PodState]]:
    """What was seen of each pod, in the order seen."""
    found: dict[str, list[PodState]] = {}
    for row in history.observations.filter(pl.col("stream") == Stream.PODS.value).iter_rows(named=True):
        seen = Observation(**{**row, "stream": Stream(row["stream"])})
        if (state := pod_state(seen)) is not None:
            found.setdefault(seen.pod, []).append(state)
    return found


def not_ready_s(states: Iterable[PodState], from_ns: int, until_ns: int) -> float | None:
    """For how long the pod was seen not Ready between the two; None if it was not seen before."""
    ready: bool | None = None
    total_ns, since_ns = 0, from_ns
    for state in states:
        if state.ready is None or state.seen_ns > until_ns:
            continue
        if state.seen_ns > from_ns:
            total_ns += state.seen_ns - since_ns if ready is False else 0
            since_ns = state.seen_ns
            if ready is None:
                return None
        ready = state.ready
    total_ns += until_ns - since_ns if ready is False else 0
    return None if ready is None else total_ns / 1e9


def steps_of(anatomy: Mapping[str, Bracket]) -> dict[str, float]:
    """Seconds between the edges of each of STEPS that were both seen."""
    return {
        step: round((anatomy[late].hi_ns - anatomy[early].hi_ns) / 1e9, 4)
        for step, (early, late) in STEPS.items()
        if early in anatomy and late in anatomy
    }
