"""The pods that the fault of a cycle hit, and how their findings combine into those of the cycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.analyse.facts import FactValue
from harness.faults import FAULTS
from harness.model import CycleFindings, CycleMark, Fact, FaultEvent, FaultSpec, HitPod, Landed


def events_of(
    faults: Iterable[FaultEvent], mark: CycleMark, asked: FaultSpec, second: FaultSpec | None = None
) -> tuple[FaultEvent, ...]:
    """The fault events of this cycle, that of the mark's pod first. For a fault that hits one pod, only the last event.

    second: the second fault of the spec. Its events are left out.
    """
    other = second.kind if second else ""
    done = [event for event in faults if event.cycle == mark.index and FAULTS[event.kind].injected and event.kind != other]
    if not asked.hits_all:
        return tuple(done[-1:])
    return tuple(sorted(done, key=lambda event: event.pod != mark.pod))


def mark_of(mark: CycleMark, event: FaultEvent) -> CycleMark:
    """The mark as if this event's pod were the only one that was hit."""
    return replace(mark, pod=event.pod, boot=event.boot)


def all_hit(
    first: CycleFindings,
    further: Sequence[tuple[HitPod, Mapping[Fact, FactValue]]],
    stayed: Sequence[bool | None],
    outside_window: int | None,
) -> CycleFindings:
    """The findings of the first pod that was hit with those of the others, and with what pods did that were not hit.

    The fault landed if every pod proves it. One pod that did not stay Ready, or whose restart count is unknown, decides for all.
    The restart count is the highest of all pods, or 0 if one pod did not restart. further: the other pods, each with its facts.
    stayed: of the pods that refused requests and were not hit, whether they stayed Ready. outside_window: of the cycle.
    """
    first = replace(first, ready_throughout=_all([first.ready_throughout, *stayed]), outside_window=outside_window)
    others = [shown for shown, _ in further]
    if not others:
        return first
    unknown = dict(first.unknown)
    for shown, facts in further:
        for fact, value in facts.items():
            if value.unknown:
                unknown[fact] = "; ".join(filter(None, (unknown.get(fact), f"{value.unknown} ({shown.pod})")))
    probed = [first.probed_again, *(facts[Fact.PROBES].value.again for _, facts in further)]
    parts = [(f"{pod}: {name}", seen, why) for pod, landed in _landings(first, others) for name, seen, why in landed.parts]
    ready = [first.ready_throughout, *(one.ready_throughout for one in others)]
    return replace(
        first,
        landed=Landed(all(landed.proved for _, landed in _landings(first, others)), tuple(parts)),
        ready_throughout=_all(ready),
        restarts=_restarts([first.restarts, *(one.restarts for one in others)]),
        disputes=(*first.disputes, *(f"{text} ({one.pod})" for one in others for text in one.disputes)),
        others_hit=tuple(others),
        unknown=unknown,
        probed_again=_all(probed),
    )


def _all(seen: Sequence[bool | None]) -> bool | None:
    return False if False in seen else None if None in seen else True


def _landings(first: CycleFindings, others: Sequence[HitPod]) -> list[tuple[str, Landed]]:
    return [(first.pod, first.landed), *((one.pod, one.landed) for one in others)]


def _restarts(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    if len(known) < len(counts):
        return None
    return 0 if 0 in known else max(known)
