"""The doubts about a run as a whole. Any doubt makes the run inconclusive, so each says what is missing and where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

import polars as pl

from harness.analyse.course import off_course
from harness.analyse.evidence import LANES_OF_USERS
from harness.analyse.view import CycleEvidence
from harness.apps.known import app_of
from harness.apps.toggle import BOOT_HEADER, POD_HEADER
from harness.faults import Sight
from harness.knative.proxyerrors import UPSTREAM_HEADER, is_of_the_activator
from harness.model import USERS_ROUTE, CycleFindings, Fact, Gap, History, Hop, Outcome, Reason, ReasonKind, Stream

Seen = tuple[CycleEvidence, CycleFindings]
"""One cycle: its evidence, and what was found in it."""


def doubts(history: History, cycles: Sequence[Seen]) -> tuple[str, ...]:
    """Every doubt about the run as a whole, in words: the course of its cycles and slots, the landing, the load, the clock.

    An unknown fact is no doubt: it only leaves the claims that rest on it undecided (`analyse.facts`). A cycle voided because of
    its load is no doubt if it was replaced. A cycle that was given up is a doubt: the service did not do what the cycle needed, and
    other cycles cannot compensate for that. Late load, stolen CPU time, a node without CPU and a clock step are Reasons of the
    machine.
    """
    counted = [one for one in cycles if not one[1].voided]
    return (
        *_of_the_run(history),
        *(f"the history is incomplete: {note}" for note in history.notes),
        *_of_the_number(history, cycles, counted),
        *_of_the_slots(history.meta.slots, cycles),
        *(_of_cycle(found, found.voided) for one, found in cycles if one.mark.given_up),
        *(text for one, found in cycles for text in _of_landing(one, found)),
        *(text for one, _ in counted for text in _of_the_pods(one)),
        *(text for one, _ in counted for text in _of_the_load(history, one)),
        *(text for one, _ in counted for text in _of_the_clock(history.gaps, one)),
    )


def _of_cycle(found: CycleFindings, why: str) -> Reason:
    return Reason(f"cycle {found.index}: {why}", Reason.kind_of(why))


def _of_the_run(history: History) -> Iterable[str]:
    meta = history.meta
    if meta.interrupted:
        yield f"the run was interrupted: {meta.interrupted}"
    tolerance_ns = int(meta.spec.match_tolerance_s * 1e9)
    if meta.clock_step_ns is None:
        yield "the run did not end by itself: its history was never closed"
    elif abs(meta.clock_step_ns) > tolerance_ns:
        text = f"the clock was stepped by {meta.clock_step_ns / 1e6:.1f} ms, more than the tolerance of {tolerance_ns / 1e6:g} ms"
        yield Reason(text, ReasonKind.MACHINE)
    if not (history.requests["sent_ns"] > 0).any():
        yield "no request was sent"


def _of_the_number(history: History, cycles: Sequence[Seen], counted: Sequence[Seen]) -> Iterable[str]:
    spec = history.meta.spec
    if spec.cycles < 1:
        yield f"a run of {spec.cycles} cycles proves nothing, whatever else it holds"
    kind = _kind_of_voided(found.voided for _, found in cycles)
    if len(counted) < max(spec.cycles, 1):
        reasons = "; ".join(f"cycle {found.index}: {found.voided}" for _, found in cycles if found.voided)
        yield Reason(f"{len(counted)} of {spec.cycles} cycles count" + (f" ({reasons})" if reasons else ""), kind)
    voided = sum(bool(found.voided) and not one.mark.given_up for one, found in cycles)
    if voided > spec.replacements:
        yield Reason(f"{voided} cycles are voided, {spec.replacements} may be replaced", kind)
    for pod, times in Counter(one.mark.pod for one, _ in counted).items():
        if times > 1:
            yield f"{pod} was the pod of {times} counted cycles: it was not fresh"
    beside = Counter(pod for one, _ in counted for pod in {*one.mark.began_with} - {one.mark.pod})
    for pod, times in sorted((beside + Counter({one.mark.pod for one, _ in counted})).items()):
        if times > 1 and pod in beside:
            yield f"{pod} was a pod of {times} counted cycles: it was not fresh"
    for cycle, _ in cycles:
        if not cycle.mark.given_up and not (cycle.mark.recovered_ns and cycle.mark.ended_ns):
            yield f"cycle {cycle.mark.index}: neither finished nor given up"
    marked = {one.mark.index for one, _ in cycles}
    for index in sorted(set(history.requests["cycle"].unique().to_list()) - marked):
        yield f"cycle {index} sent requests but was never marked: the run ended in it"


_BACK = ("container-started", "listening", "first-ok")
"""Edges before the new container of a slot serves. Only then may another slot inject its fault."""


def _of_the_slots(slots: Sequence[str], cycles: Sequence[Seen]) -> Iterable[str]:
    """Restarts of two slots that overlapped: both slots had less of the machine than a run without slots gives.

    A restart is known to last from the fault to the latest of the earliest times of _BACK.
    """
    hit = sorted(
        ((one.mark, found) for one, found in cycles if slots and one.mark.fault_ns), key=lambda one: (one[0].fault_ns, one[0].index)
    )
    for (mark, found), (other, of_other) in combinations(hit, 2):
        back_ns = max((found.anatomy[edge].lo_ns for edge in _BACK if edge in found.anatomy), default=0)
        if other.fault_ns < back_ns and not (found.voided and of_other.voided):
            early_s = (back_ns - other.fault_ns) / 1e9
            yield f"cycles {mark.index} and {other.index}: the second fault came {early_s:.3f} s before the first container served"


def _kind_of_voided(voided: Iterable[str]) -> ReasonKind:
    """MACHINE if there are voided cycles and the machine alone voided each of them. voided: the reason of each cycle, "" if it
    counts.
    """
    kinds = {Reason.kind_of(why) for why in voided if why}
    return ReasonKind.MACHINE if kinds == {ReasonKind.MACHINE} else ReasonKind.EVIDENCE


def _of_landing(cycle: CycleEvidence, found: CycleFindings) -> Iterable[str]:
    """Includes cycles that were given up, often because the fault did not land. Excludes cycles voided because of their load."""
    if (found.voided and not cycle.mark.given_up) or found.landed.proved:
        return
    follows = bool(found.voided) and Reason.kind_of(found.voided) is ReasonKind.MACHINE
    kind = ReasonKind.CONSEQUENCE if follows else ReasonKind.EVIDENCE
    yield Reason(f"cycle {cycle.mark.index}: {found.unknown[Fact.LANDING]}", kind)


def _of_the_pods(cycle: CycleEvidence) -> Iterable[str]:
    """The pods that stood when it began."""
    stood = sorted(cycle.pods.stood.union(cycle.mark.pods))
    if cycle.from_zero and stood:
        yield f"cycle {cycle.mark.index}: the load should have met no pod, and {', '.join(stood)} stood"
    if cycle.history.meta.spec.fault.hits_all and cycle.mark.fault_ns:
        hit = {event.pod for event in cycle.history.faults if event.cycle == cycle.mark.index}
        missed = sorted(Sight([*cycle.seen, *cycle.others]).ready_at(cycle.mark.fault_ns) - hit)
        if missed:
            yield f"cycle {cycle.mark.index}: {', '.join(missed)} was Ready at the fault and was not hit by it"


def _of_the_load(history: History, cycle: CycleEvidence) -> Iterable[str]:
    good = (pl.col("outcome") == Outcome.OK.value) & pl.col("lane").is_in(LANES_OF_USERS)
    if cycle.mark.fault_ns:
        good &= pl.col("done_ns") <= cycle.mark.fault_ns
    if not cycle.requests.select(good.any()).item():
        baseline = "before the fault" if cycle.mark.fault_ns else "at all"
        yield f"cycle {cycle.mark.index}: no request was answered well {baseline}, so a failure says nothing"
    strangers = sorted(cycle.served - {cycle.mark.pod} - cycle.pods.followed)
    if strangers:  # for any max_scale: nothing is known about a pod whose logs were not followed
        yield f"cycle {cycle.mark.index}: another pod served it too: {', '.join(strangers)}"
    yield from _of_good_answers(cycle)
    for text in off_course(history.meta.spec, cycle.mark, history.faults, cycle.requests, history.attempts):
        yield f"cycle {cycle.mark.index}: {text}"


def _of_good_answers(cycle: CycleEvidence) -> Iterable[str]:
    """Good answers that may not come from the app under test."""
    index = cycle.mark.index
    good = cycle.requests.select("outcome", "status", "answer", "lane").filter(pl.col("outcome") == Outcome.OK.value)
    spec = cycle.history.meta.spec
    other = good.filter(~pl.col("status").is_between(200, 299) & ~pl.col("status").is_in(spec.load.expect))
    if other.height:
        yield f"cycle {index}: {other.height} answers are neither good nor errors: status {other['status'].sort()[0]}"
    unserved = [
        at for at, status, text in cycle.answers.select("index", "status", "body").iter_rows() if is_of_the_activator(status, text)
    ]
    if missed := good.filter(pl.col("answer").is_in(unserved)).height:  # recorded before the generator counted them as failures
        yield f"cycle {index}: {missed} good answers are the activator's own, which did not find the revision"
    ours = app_of(spec.service.app.image).names_itself
    if not ours and Hop.INGRESS not in _hops_of_users(cycle.history):
        return  # straight to the pods: nobody else could have answered
    if not ours:
        good = good.filter(pl.col("lane").is_in(LANES_OF_USERS))
    wanted = {POD_HEADER, BOOT_HEADER} if ours else {UPSTREAM_HEADER}
    named = [
        answer
        for answer, headers in cycle.answers.select("index", "headers").iter_rows()
        if {name for name, value in json.loads(headers).items() if value} >= wanted
    ]
    nameless = good.filter(~pl.col("answer").is_in(named)).height
    if nameless and ours:
        yield f"cycle {index}: {nameless} good answers do not name the pod and boot of the app that gave them"
    elif nameless:
        yield f"cycle {index}: {nameless} good answers are the ingress's own, not those of a pod"


def _hops_of_users(history: History) -> tuple[Hop, ...]:
    return next((route.hops for route in history.meta.routes if route.name == USERS_ROUTE), (Hop.INGRESS,))


def _of_the_clock(gaps: Sequence[Gap], cycle: CycleEvidence) -> Iterable[str]:
    """Times within a clock step may be wrong, so no claim can rest on them."""
    for gap in gaps:
        if gap.stream is Stream.CLOCK and cycle.window.overlaps(gap.from_ns, gap.until_ns):
            length_s = (gap.until_ns - gap.from_ns) / 1e9
            text = f"cycle {cycle.mark.index}: {gap.stream.value} has a gap of {length_s:.1f} s: {gap.reason}"
            yield Reason(text, ReasonKind.MACHINE)
