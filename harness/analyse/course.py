"""Whether a cycle matches its mark and its spec: its faults, the order of its milestones, its steady state, and users' requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from harness.analyse.evidence import LANES_OF_USERS
from harness.faults import FAULTS
from harness.knative.roles import container_of_role, is_sidecar
from harness.model import COURSES, USERS_ROUTE, Arrivals, CycleMark, FaultEvent, FaultSpec, LoadPlan, Outcome, RunSpec

SILENT_INTERVALS = 20
"""This many mean intervals without a request do not happen by chance: with POISSON arrivals the probability is e^-20."""

SILENT_S = 1.0
"""Added for a late generator; lateness has limits of its own."""

EDGE_NS = 100_000_000
"""The run tests for recovery on slightly older answers than the time in the mark, so this much at either end is not judged."""

_OF_USERS = pl.col("lane").is_in(LANES_OF_USERS)
_BAD = pl.col("outcome") != Outcome.OK.value


def off_course(
    spec: RunSpec, mark: CycleMark, faults: Sequence[FaultEvent], requests: pl.DataFrame, attempts: pl.DataFrame | None
) -> Iterable[str]:
    """Each way in which a counted cycle differs from its mark or its spec, in words.

    faults: of the run. requests: of the cycle. attempts: of the run, those that a further attempt followed; None: there are none.
    """
    yield from _of_the_fault(spec, mark, faults)
    yield from _of_the_order(spec, mark)
    yield from _of_the_steady_state(spec, mark, requests, attempts)
    yield from _of_the_recovery(spec, mark, requests)
    yield from _of_silent_users(spec.load, mark, requests)


def _of_the_fault(spec: RunSpec, mark: CycleMark, faults: Sequence[FaultEvent]) -> Iterable[str]:
    """One fault of the requested kind. The landing reports a missing fault."""
    asked = spec.fault
    done = [fault for fault in faults if fault.cycle == mark.index and FAULTS[fault.kind].injected]
    if spec.second is not None:
        second = [fault for fault in done if fault.kind == spec.second.kind]
        done = [fault for fault in done if fault.kind != spec.second.kind]
        if len(second) != 1 or (second[0].pod != mark.pod and FAULTS[spec.second.kind].elsewhere is None):
            yield f"the second fault {spec.second.kind} was put in {len(second)} times, not once into {mark.pod}"
        for fault in second:
            yield from _as_asked(spec, spec.second, mark, fault)
            yield from _when_marked(mark.when("second_fault"), fault)
    for fault in done:
        yield from _as_asked(spec, asked, mark, fault)
    first_ns = min((fault.sent_ns for fault in done), default=mark.fault_ns)
    for fault in done:
        if (not asked.hits_all or fault.sent_ns == first_ns) and fault.sent_ns != mark.fault_ns:
            yield from _when_marked(mark.fault_ns, fault)
    if not asked.hits_all:
        if len(done) > 1:
            yield f"{len(done)} faults were put in"
    elif done and (hit := sorted(fault.pod for fault in done)) != sorted(mark.began_with):
        yield f"the fault was put into {', '.join(hit)}, not into each of {', '.join(sorted(mark.began_with))} once"


def _as_asked(spec: RunSpec, asked: FaultSpec, mark: CycleMark, fault: FaultEvent) -> Iterable[str]:
    if fault.kind != asked.kind:
        yield f"the fault {fault.kind} was put in though {asked.kind} was asked"
    else:
        wanted, had = FAULTS[asked.kind].filled(asked.params), FAULTS[asked.kind].filled(fault.params)
        for name in sorted({*wanted, *had}):
            if had.get(name) != wanted.get(name):
                yield f"the fault {fault.kind} was put in with {name} {had.get(name)} though {wanted.get(name)} was asked"
    elsewhere = FAULTS[asked.kind].elsewhere is not None
    if is_sidecar(asked.role):  # whose program has a boot of its own
        container = container_of_role(spec.service, asked.role)
        pod = fault.pod if asked.hits_all else mark.pod
        if (fault.pod, fault.container) != (pod, container):
            yield f"the fault was put into {fault.pod}/{fault.container or 'no container'}, not into {pod}/{container}"
    elif not asked.hits_all and not elsewhere and (fault.pod, fault.boot) != (mark.pod, mark.boot):
        yield f"the fault was put into {fault.pod} of boot {fault.boot}, not into {mark.pod} of boot {mark.boot}"


def _when_marked(marked_ns: int, fault: FaultEvent) -> Iterable[str]:
    if fault.sent_ns != marked_ns:
        yield f"its mark has the fault {(marked_ns - fault.sent_ns) / 1e9:+.3f} s from where it was put in"


def _of_the_order(spec: RunSpec, mark: CycleMark) -> Iterable[str]:
    course = COURSES.get(spec.course_name)
    if course is None:
        yield f"its course is {spec.course_name!r}; this release knows {', '.join(COURSES)}"
        return
    injected = FAULTS[spec.fault.kind].injected
    moments = [(f"{name}_ns", mark.when(name)) for name in course.milestones]
    optional = frozenset() if spec.second else course.maybe
    absent = [name for name, ns in moments if not ns and name.removesuffix("_ns") not in optional]
    if absent:
        yield f"its mark does not say when: {', '.join(absent)}"
    if astray := sorted({"fault", "landed", *mark.at} - {*course.milestones}):
        for name in astray:
            if mark.when(name):
                yield f"its mark has {name}_ns, which is no milestone of the course {course.name}"
    reached = [(name, ns) for name, ns in moments if ns]
    for (earlier, first_ns), (later, then_ns) in pairwise(reached):
        if first_ns > then_ns:
            yield f"its mark has {earlier} {(first_ns - then_ns) / 1e9:.3f} s after {later}"
    measured_s = (mark.recovered_ns - mark.steady_ns) / 1e9
    # 1 % less is allowed: the clock of the marks may be slewed against the clock that the wait used.
    if not injected and measured_s < 0.99 * spec.after_s:
        yield f"{measured_s:.3f} s were measured, {spec.after_s:g} s were asked"


def _of_the_steady_state(spec: RunSpec, mark: CycleMark, requests: pl.DataFrame, attempts: pl.DataFrame | None) -> Iterable[str]:
    """All first attempts must succeed from steady_s before the proof of the steady state until the fault."""
    if not FAULTS[spec.fault.kind].injected or not mark.fault_ns:
        return
    from_ns = min(mark.steady_ns or mark.fault_ns, mark.fault_ns) - spec.steady_s * 1e9
    before = _OF_USERS & _BAD & pl.col("done_ns").is_between(from_ns, mark.fault_ns)
    bad = requests.filter(before).height
    if attempts is not None:
        bad += attempts.filter(before & (pl.col("cycle") == mark.index)).height
    if bad:
        yield f"{bad} requests failed in the steady state before the fault"


def _of_the_recovery(spec: RunSpec, mark: CycleMark, requests: pl.DataFrame) -> Iterable[str]:
    """After a fault, no request of a user may fail in the after_s before the recovery, except for EDGE_NS at either end."""
    until_ns, length_ns = mark.recovered_ns - EDGE_NS, spec.after_s * 1e9 - 2 * EDGE_NS
    if not FAULTS[spec.fault.kind].injected or not mark.recovered_ns or length_ns <= 0:
        return
    last = requests.filter(_OF_USERS & pl.col("done_ns").is_between(until_ns - length_ns, until_ns))
    if bad := last.filter(_BAD).height:
        yield f"{bad} requests failed in the {spec.after_s:g} s before the recovery in its mark"


def _of_silent_users(plan: LoadPlan, mark: CycleMark, requests: pl.DataFrame) -> Iterable[str]:
    """Without requests no failure can be seen: compares the longest silence until the recovery with the plan's mean interval."""
    if not 0 < mark.load_started_ns <= mark.recovered_ns:
        return
    lanes = [lane.value for lane, weight in plan.lanes if weight > 0 and lane.route == USERS_ROUTE]
    due = pl.col("intended_ns").is_between(mark.load_started_ns, mark.recovered_ns)
    asked = requests.filter(due & pl.col("lane").is_in(lanes) & (pl.col("sent_ns") > 0))["intended_ns"].sort()
    # The first planned time may lie before the recorded start of the load, so both ends count as silence too.
    longest_s = int(np.diff(asked.to_numpy(), prepend=mark.load_started_ns, append=mark.recovered_ns).max()) / 1e9
    if longest_s > _silence_s(plan):
        yield f"nobody asked the way of a user for {longest_s:.1f} s between the load's start and the recovery"


def _silence_s(plan: LoadPlan) -> float:
    """How long the users of this plan may send nothing; 0 for a plan without user lanes."""
    weights = sum(weight for _, weight in plan.lanes if weight > 0)
    share = sum(weight for lane, weight in plan.lanes if weight > 0 and lane.route == USERS_ROUTE) / max(weights, 1)
    rate = min(plan.rate_rps, plan.to_rate_rps) if plan.arrivals in {Arrivals.RAMP, Arrivals.STEP} else plan.rate_rps
    return SILENT_INTERVALS / (rate * share) + SILENT_S if rate * share > 0 else 0.0
