"""`summary.json`: the run in one small file that tools read.

Same history, findings and verdict: the same bytes. So nothing here asks the clock, the host or the directory it is written to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal, TypeVar, cast

from harness.errors import BadInput
from harness.model import (
    SCHEMA,
    Bracket,
    ClaimResult,
    CycleFindings,
    CycleMark,
    FaultEvent,
    Findings,
    Gap,
    History,
    HopPart,
    Hops,
    Landed,
    Phase,
    Verdict,
)
from harness.report.shape import (
    ChangeShape,
    ClaimShape,
    CycleRequestsShape,
    CycleShape,
    EdgeShape,
    FaultShape,
    GapShape,
    GeneratorShape,
    HopPartShape,
    HopsShape,
    LandedPartShape,
    LandedShape,
    LedgerShape,
    NotCountedShape,
    OfMethodShape,
    PhaseShape,
    RateShape,
    ReadingShape,
    RequestsShape,
    Summary,
    VersionsShape,
)

T = TypeVar("T")


def summary(history: History, findings: Findings, verdict: Verdict, *, artifacts: Mapping[str, str]) -> Summary:
    """The run as plain data, in the shape of `docs/summary.schema.json`.

    artifacts: name -> path relative to the run directory. Raises BadInput for a path that is absolute or leads out of it.
    """
    meta = history.meta
    marks = {mark.index: mark for mark in history.cycles}
    at = {mark.index: mark.fault_ns for mark in history.cycles}
    # Of several in one cycle, its mark tells of one: the others are of its other pods, or a second fault beside it.
    faults = {event.cycle: event for event in sorted(history.faults, key=lambda one: one.sent_ns == at.get(one.cycle))}
    return Summary(
        schema=SCHEMA,
        run_id=meta.run_id,
        scenario=meta.spec.scenario,
        title=meta.spec.title,
        started_utc=utc(meta.anchor_utc_ns),
        verdict=verdict.ruling,
        reasons=list(verdict.reasons),
        doubts=list(findings.doubts),
        notes=list(history.notes),
        interrupted=meta.interrupted,
        clock_step_s=None if meta.clock_step_ns is None else seconds(meta.clock_step_ns),
        claims=[_claim(result) for result in verdict.claims],
        versions=_of(VersionsShape, None, **{name: meta.versions.get(name) or None for name in VersionsShape.__annotations__}),
        source=meta.source,
        cluster=meta.cluster,
        host=dict(sorted(meta.host.items())),
        request_log=meta.spec.request_log,
        cycles=[
            _cycle(cycle, marks.get(cycle.index), faults.get(cycle.index))
            for cycle in sorted(findings.cycles, key=lambda cycle: cycle.index)
        ],
        requests=_of(RequestsShape, findings),
        not_counted=_of(NotCountedShape, findings.not_counted),
        arm={
            "label": meta.arm,
            "experiment": meta.experiment,
            "workload": meta.spec.workload,
            "stack": meta.stack.id if meta.stack else None,
        },
        ledger=_of(LedgerShape, findings.ledger),
        generator=_generator(findings),
        phases=[_phase(phase) for phase in history.phases],
        gaps=_gaps(history.gaps, findings.gaps),
        system_changes=[_of(ChangeShape, change) for change in meta.changes],
        artifacts={name: _relative(artifacts[name]) for name in sorted(artifacts)},
    )


def text(value: Summary) -> str:
    """What `summary.json` holds: sorted keys, two spaces, a newline at the end; fit for UTF-8 whatever a log contained."""
    shown = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    # A lone surrogate (a byte that was no UTF-8) becomes \udcXX, which is how JSON itself writes it.
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def origin_ns(mark: CycleMark | None, event: FaultEvent | None) -> tuple[int, Literal["fault", "load"]] | None:
    """Where the cycle's offsets count from, and its name: the fault, else the start of the load; None if neither is known."""
    times: tuple[tuple[int, Literal["fault", "load"]], ...] = (
        (mark.fault_ns if mark else 0, "fault"),
        (event.sent_ns if event else 0, "fault"),
        (mark.load_started_ns if mark else 0, "load"),
    )
    return next(((at_ns, name) for at_ns, name in times if at_ns > 0), None)


def seconds(ns: int) -> float:
    """Nanoseconds as seconds, to the microsecond; never minus zero."""
    return round(ns / 1e9, 6) + 0.0


def utc(ns: int) -> str | None:
    """A time as ISO 8601 to the microsecond, None for a time that never was."""
    if ns <= 0:
        return None
    whole, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def number(value: float) -> float | None:
    """A measured number to three places, None if it was never measured (NaN or infinite)."""
    return round(float(value), 3) + 0.0 if math.isfinite(value) else None


def _of(shape: type[T], noun: object, **given: object) -> T:
    """The keys of this shape: those that are given, and all others from the noun's fields of the same names."""
    keys = shape.__annotations__
    return cast("T", {key: given[key] if key in given else _plain(getattr(noun, key)) for key in keys})


def _plain(value: object) -> object:
    """A field as JSON values: mappings by key, measured numbers to three places."""
    if isinstance(value, Mapping):
        return {str(key): value[key] for key in sorted(value)}
    if isinstance(value, tuple):
        return list(value)
    return number(value) if isinstance(value, float) else value


def _claim(result: ClaimResult) -> ClaimShape:
    claim, rate, share = result.claim, result.claim.rate, result.share
    readings = [_of(ReadingShape, one, cycle=index, value=one.value) for index, one in sorted(result.readings.items())]
    shown: RateShape | None = None
    if rate is not None:
        shown = {
            "of": rate.of,
            "claimed": [rate.lo, rate.hi],
            "share": None if share is None else round(share.value, 6),
            "interval": None if share is None else [round(share.lo, 6), round(share.hi, 6)],
        }
    seen = {"observed": result.observed, "why": result.why, "readings": readings, "rate": shown}
    made = _of(ClaimShape, claim, bounds=[claim.bounds.lo, claim.bounds.hi] if claim.bounds else [], **seen)
    if not claim.bounds:
        del made["bounds"]
    return made


def _cycle(cycle: CycleFindings, mark: CycleMark | None, event: FaultEvent | None) -> CycleShape:
    origin = origin_ns(mark, event)
    start = origin[0] if origin else None
    made = _of(
        CycleShape,
        cycle,
        given_up=mark.given_up if mark else "",
        replaces=mark.replaces if mark else -1,
        origin=origin[1] if origin else None,
        fault=_fault(event, cycle.container) if event else None,
        landed=_landed(cycle.landed),
        anatomy={name: _edge(cycle.anatomy[name], start) for name in sorted(cycle.anatomy)},
        refused_window_s=_span(cycle.refused_window, start),
        queue_proxy_window_s=_span(cycle.queue_proxy_window, start),
        requests=_of(CycleRequestsShape, cycle),
        by_method={name: _of(OfMethodShape, one) for name, one in sorted((cycle.by_method or {}).items())},
        hops=_hops(cycle.hops) if cycle.hops else None,
    )
    if cycle.by_method is None:
        del made["by_method"]
    if cycle.hops is None:
        del made["hops"]
    if cycle.probe_phase_s is None:
        del made["probe_phase_s"]
    return made


def _hops(hops: Hops) -> HopsShape:
    return {
        "latency": _hop_part(hops.latency) if hops.latency else None,
        "parts": [_hop_part(part) for part in hops.parts],
        "slowest": {name: round(hops.slowest[name], 6) + 0.0 for name in sorted(hops.slowest)},
        "not_split": {why: hops.not_split[why] for why in sorted(hops.not_split)},
    }


def _hop_part(part: HopPart) -> HopPartShape:
    """Seconds to the microsecond."""
    measured = {key: round(getattr(part, key), 6) + 0.0 for key in HopPartShape.__annotations__ if key.endswith("_s")}
    return _of(HopPartShape, part, **measured)


def _span(window: tuple[int, int] | None, start: int | None) -> list[float] | None:
    if window is None or start is None:
        return None
    return [seconds(window[0] - start), seconds(window[1] - start)]


def _fault(event: FaultEvent, sidecar: str | None) -> FaultShape:
    took_s = seconds(event.answered_ns - event.sent_ns) if event.answered_ns > 0 else None
    made = _of(FaultShape, event, answered_after_s=took_s)
    if sidecar is None:
        del made["container"]
    return made


def _landed(landed: Landed) -> LandedShape:
    parts: list[LandedPartShape] = [{"what": what, "seen": seen, "evidence": evidence} for what, seen, evidence in landed.parts]
    return {"proved": landed.proved, "parts": parts}


def _edge(bracket: Bracket, start: int | None) -> EdgeShape:
    return {
        "offset_s": _span((bracket.lo_ns, bracket.hi_ns), start),
        "evidence": bracket.evidence,
        "resolution_s": round(bracket.resolution_ns / 1e9, 9),
    }


def _generator(findings: Findings) -> GeneratorShape:
    stolen = [cycle.steal for cycle in findings.cycles if not cycle.voided and math.isfinite(cycle.steal)]
    waits = [cycle.cpu_wait_us for cycle in findings.cycles if not cycle.voided]
    waited = [one for one in waits if one is not None]
    return _of(
        GeneratorShape,
        findings,
        rate=number(findings.rate_rps),
        steal=number(max(stolen)) if stolen else None,
        cpu_wait_us=number(max(waited)) if waited and len(waited) == len(waits) else None,
    )


def _phase(phase: Phase) -> PhaseShape:
    ended = phase.ended_ns >= phase.started_ns > 0
    return {"name": phase.name, "seconds": round((phase.ended_ns - phase.started_ns) / 1e9, 3) if ended else None}


def _gaps(recorded: Iterable[Gap], found: Iterable[Gap]) -> list[GapShape]:
    every = sorted({*recorded, *found}, key=lambda gap: (gap.from_ns, gap.until_ns, gap.stream.value, gap.pod, gap.reason))
    return [_of(GapShape, gap, from_utc=utc(gap.from_ns), until_utc=utc(gap.until_ns)) for gap in every]


def _relative(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not path:
        raise BadInput(
            f"The artifact path {path!r} does not lie below the run directory.", fix="Give it relative to that directory."
        )
    return str(pure)
