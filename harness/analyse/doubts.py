"""What keeps the evidence from deciding. Any doubt makes the verdict inconclusive, so each says what is missing and where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from harness.analyse.anatomy import doubts_of
from harness.analyse.course import off_course
from harness.analyse.cyclepods import CyclePods
from harness.analyse.evidence import LANES_OF_USERS
from harness.analyse.windows import Window
from harness.apps.toggle import BOOT_HEADER, POD_HEADER
from harness.model import CycleFindings, CycleMark, Gap, History, Ledger, Outcome, Reason, ReasonKind, Stream

NEEDED = (Stream.QUEUE_PROXY, Stream.APP, Stream.PODS, Stream.EVENTS)
"""The ledger and the proof of a fault rest on these: a gap in one is a doubt by itself.

ACTIVATOR explains only failures that nothing else explains, so its gap is a doubt where such are left. The endpoints and the
journals of kubelet and containerd sharpen the anatomy, and a gap can only take from that: none. A gap of CLOCK is a doubt too, for
every time in it may be another; but nothing is ever seen on it."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle as the doubts see it. served: the pods that named themselves in its answers. pods: those it had.

    requests, answers: its rows of the History.

    unlogged: requests answered by queue-proxy, or through it, that are not in its request log; 0 in a run without one.
    """

    mark: CycleMark
    window: Window
    findings: CycleFindings
    served: frozenset[str]
    pods: CyclePods
    requests: pl.DataFrame
    answers: pl.DataFrame
    unlogged: int = 0


def doubts(history: History, cycles: Sequence[Cycle], ledger: Ledger) -> tuple[str, ...]:
    """Every doubt, in words; none: the evidence decides.

    A cycle voided by its generator alone is none if another one stands in for it. One that was given up is: the service did not do
    what the cycle needed, and other cycles cannot make up for that. Late load, stolen CPU time and a
    set clock are Reasons of the machine.
    """
    counted = [cycle for cycle in cycles if not cycle.findings.voided]
    return (
        *_of_the_run(history),
        *(f"the history is incomplete: {note}" for note in history.notes),
        *_of_the_number(history, cycles, counted),
        *(f"cycle {cycle.mark.index}: given up: {cycle.mark.given_up}" for cycle in cycles if cycle.mark.given_up),
        *(text for cycle in cycles for text in _of_landing(cycle)),
        *(text for cycle in counted for text in doubts_of(cycle.mark.index, cycle.findings.disputes)),
        *(text for cycle in counted for text in _of_the_load(history, cycle)),
        *(text for cycle in counted for text in _of_gaps(history.gaps, cycle)),
        *_of_silence(history.observations, counted),
        *_of_the_ledger(ledger),
    )


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


def _of_the_number(history: History, cycles: Sequence[Cycle], counted: Sequence[Cycle]) -> Iterable[str]:
    spec = history.meta.spec
    if spec.cycles < 1:
        yield f"a run of {spec.cycles} cycles proves nothing, whatever else it holds"
    kind = _kind_of_voided(cycle.findings.voided for cycle in cycles)
    if len(counted) < max(spec.cycles, 1):
        reasons = "; ".join(f"cycle {cycle.mark.index}: {cycle.findings.voided}" for cycle in cycles if cycle.findings.voided)
        yield Reason(f"{len(counted)} of {spec.cycles} cycles count" + (f" ({reasons})" if reasons else ""), kind)
    voided = sum(bool(cycle.findings.voided) and not cycle.mark.given_up for cycle in cycles)
    if voided > spec.replacements:
        yield Reason(f"{voided} cycles are voided, {spec.replacements} may be replaced", kind)
    for pod, times in Counter(cycle.mark.pod for cycle in counted).items():
        if times > 1:
            yield f"{pod} was the pod of {times} counted cycles: it was not fresh"
    for cycle in cycles:
        if not cycle.mark.given_up and not (cycle.mark.recovered_ns and cycle.mark.ended_ns):
            yield f"cycle {cycle.mark.index}: neither finished nor given up"
    marked = {cycle.mark.index for cycle in cycles}
    for index in sorted(set(history.requests["cycle"].unique().to_list()) - marked):
        yield f"cycle {index} sent requests but was never marked: the run ended in it"


def _kind_of_voided(voided: Iterable[str]) -> ReasonKind:
    """MACHINE if there are voided cycles and the machine alone voided each of them. voided: one a cycle, "" of one that counts."""
    kinds = {Reason.kind_of(why) for why in voided if why}
    return ReasonKind.MACHINE if kinds == {ReasonKind.MACHINE} else ReasonKind.EVIDENCE


def _of_landing(cycle: Cycle) -> Iterable[str]:
    """Also of a cycle that was given up: that the fault does not take hold is then the thing to say. Not of a late generator's."""
    if (cycle.findings.voided and not cycle.mark.given_up) or cycle.findings.landed.proved:
        return
    missing = "; ".join(f"{name}: {evidence}" for name, was, evidence in cycle.findings.landed.parts if not was)
    yield f"cycle {cycle.mark.index}: the fault is not proved to have landed ({missing})"


def _of_the_load(history: History, cycle: Cycle) -> Iterable[str]:
    good = (pl.col("outcome") == Outcome.OK.value) & pl.col("lane").is_in(LANES_OF_USERS)
    if cycle.mark.fault_ns:
        good &= pl.col("done_ns") <= cycle.mark.fault_ns
    if not cycle.requests.select(good.any()).item():
        baseline = "before the fault" if cycle.mark.fault_ns else "at all"
        yield f"cycle {cycle.mark.index}: no request was answered well {baseline}, so a failure says nothing"
    strangers = sorted(cycle.served - {cycle.mark.pod} - cycle.pods.followed)
    if strangers:  # whatever max_scale: nothing is known of a pod whose logs were not followed
        yield f"cycle {cycle.mark.index}: another pod served it too: {', '.join(strangers)}"
    yield from _of_good_answers(cycle)
    if cycle.unlogged:
        yield f"cycle {cycle.mark.index}: {cycle.unlogged} requests that queue-proxy answered are not so in its request log"
    for text in off_course(history.meta.spec, cycle.mark, history.faults, cycle.requests, history.attempts):
        yield f"cycle {cycle.mark.index}: {text}"


def _of_good_answers(cycle: Cycle) -> Iterable[str]:
    """An answer without an error need not come from the app under test."""
    index = cycle.mark.index
    good = cycle.requests.filter(pl.col("outcome") == Outcome.OK.value)
    other = good.filter(~pl.col("status").is_between(200, 299))
    if other.height:
        yield f"cycle {index}: {other.height} answers are neither good nor errors: status {other['status'].sort()[0]}"
    named = [
        answer
        for answer, headers in cycle.answers.select("index", "headers").iter_rows()
        if {name for name, value in json.loads(headers).items() if value} >= {POD_HEADER, BOOT_HEADER}
    ]
    nameless = good.filter(~pl.col("answer").is_in(named)).height
    if nameless:
        yield f"cycle {index}: {nameless} good answers do not name the pod and boot of the app that gave them"


def _of_gaps(gaps: Sequence[Gap], cycle: Cycle) -> Iterable[str]:
    unexplained = any(cycle.findings.by_cause.get(cause, 0) for cause in ("unknown", "ambiguous"))
    for gap in gaps:
        concerns = gap.stream in {*NEEDED, Stream.CLOCK} or (gap.stream is Stream.ACTIVATOR and unexplained)
        of_its_pods = gap.stream is Stream.ACTIVATOR or gap.pod in {"", cycle.mark.pod, *cycle.served, *cycle.pods.there}
        if concerns and of_its_pods and cycle.window.overlaps(gap.from_ns, gap.until_ns):
            length_s = (gap.until_ns - gap.from_ns) / 1e9
            kind = ReasonKind.MACHINE if gap.stream is Stream.CLOCK else ReasonKind.EVIDENCE
            yield Reason(f"cycle {cycle.mark.index}: {gap.stream.value} has a gap of {length_s:.1f} s: {gap.reason}", kind)


def _of_silence(observations: pl.DataFrame, counted: Sequence[Cycle]) -> Iterable[str]:
    """A stream that never said anything may never have been listened to; each of these speaks of every fresh pod."""
    for stream in NEEDED:
        of_stream = observations.lazy().filter(pl.col("stream") == stream.value)
        heard = set(of_stream.select(pl.col("pod").unique()).collect()["pod"])
        if not heard:
            yield f"nothing was ever seen on {stream.value}"
            continue
        for cycle in counted:
            for pod in cycle.mark.began_with or ("",):
                if pod not in heard:
                    yield f"cycle {cycle.mark.index}: nothing was seen of {pod} on {stream.value}"


def _of_the_ledger(ledger: Ledger) -> Iterable[str]:
    if ledger.unattributed:
        yield f"{ledger.unattributed} failed requests are unattributed ({ledger.ambiguous} of them ambiguous)"
    if ledger.unmatched:
        yield f"{ledger.unmatched} refused lines of queue-proxy belong to no request of the generator"
    if ledger.strangers:
        yield f"{ledger.strangers} lines of queue-proxy's request log are of no request of the generator"
    if ledger.censored:
        yield f"{ledger.censored} refused lines are missing and queue-proxy's log sampling was not switched off"
