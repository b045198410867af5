"""Everything the timeline of a run shows, as plain data: the requests of each cycle and, below them, what was seen of its pod.

    history, cycles -> Lanes: one CycleLanes a cycle that has requests and an origin

Pure: no geometry, no markup, no clock. `page_data` writes it for the page's script, `timeline` draws it without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from harness.knative.roles import service_of_role
from harness.model import CycleFindings, Gap, History, Stream
from harness.report import pod_lanes, traffic, words
from harness.report.summary import origin_ns
from harness.report.tracks import Frame, Hole, Track, cut
from harness.report.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a run is shown one by one; what exceeds it is counted. cycles: shown at all, those that count first."""

    cycles: int = 100
    singles: int = 110_000
    bins: int = 40_000
    marks: int = 6_000


@dataclass(frozen=True, slots=True)
class CycleLanes:
    """One cycle. lo_s, hi_s: from the first to the last intended request; cycles that count share them."""

    index: int
    pod: str
    origin: str
    counts: bool
    lo_s: float
    hi_s: float
    traffic: Traffic
    tracks: tuple[Track, ...]
    holes: tuple[Hole, ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """The run. labels, lanes: what the traffic's numbers stand for. left_out: cycles that are not shown."""

    labels: tuple[str, ...]
    lanes: tuple[str, ...]
    cycles: tuple[CycleLanes, ...]
    left_out: int = 0


def lanes(history: History, cycles: Iterable[CycleFindings], budget: Budget | None = None) -> Lanes:
    """The timelines of these cycles, by index. A cycle without any request or without an origin has none."""
    budget = budget or Budget()
    origins = _origins(history, cycles)
    having = set(history.requests.filter(pl.col("intended_ns") > 0)["cycle"].unique().to_list())
    usable = sorted((cycle for cycle in cycles if cycle.index in origins and cycle.index in having), key=lambda c: c.index)
    chosen = sorted(sorted(usable, key=lambda c: bool(c.voided))[: budget.cycles], key=lambda c: c.index)
    share = max(len(chosen), 1)
    requests = traffic.load(
        history,
        {cycle.index: origins[cycle.index][0] for cycle in chosen},
        bins=min(max(budget.bins // share, 120), 2_000),
        singles=budget.singles,
    )
    common = _common(requests, chosen)
    by_pod = {pod: rows for (pod,), rows in history.observations.partition_by("pod", as_dict=True).items()}
    # Rows that belong to no pod of ours.
    shared = {stream: pod_lanes.of_stream(history.observations, stream) for stream in (Stream.ENDPOINTS, Stream.ACTIVATOR)}
    nothing = history.observations.clear()
    out = []
    for cycle in chosen:
        one = requests.cycles[cycle.index]
        own_lo_us, own_hi_us = _shown(one)
        lo_us, hi_us = common if common and not cycle.voided else (own_lo_us, own_hi_us)
        start, origin = origins[cycle.index]
        # What was seen is shown for as long as the cycle's own load ran: after it the pod is deleted, and that is no finding.
        frame = Frame(cycle.index, cycle.pod, start, start + own_lo_us * 1000, start + own_hi_us * 1000, cycle.container)
        tracks = _tracks(history, by_pod.get(cycle.pod, nothing), shared, frame, one.bin_us, max(budget.marks // share, 40))
        out.append(
            CycleLanes(
                index=cycle.index,
                pod=words.plain(cycle.pod),
                origin=origin,
                counts=not cycle.voided,
                lo_s=lo_us / 1e6,
                hi_s=hi_us / 1e6,
                traffic=one,
                tracks=tracks,
                holes=tuple(_holes(history.gaps, frame, tracks)),
            )
        )
    return Lanes(requests.labels, requests.lanes, tuple(out), len(usable) - len(chosen))


def _origins(history: History, cycles: Iterable[CycleFindings]) -> dict[int, tuple[int, str]]:
    marks = {mark.index: mark for mark in history.cycles}
    events = {event.cycle: event for event in history.faults}
    found = ((cycle.index, origin_ns(marks.get(cycle.index), events.get(cycle.index))) for cycle in cycles)
    return {index: origin for index, origin in found if origin is not None}


def _shown(one: Traffic) -> tuple[int, int]:
    """The stretch of one cycle in us: from its first request, or from the fault if that was before, to its last one."""
    # The load decides what is shown: an edge outside it (a state last seen long before, a wrong clock) is drawn at the margin.
    lo = 0 if 0 < one.lo_us <= one.hi_us - one.lo_us else one.lo_us
    return lo, max(one.hi_us, lo + 100_000)


def _common(requests: traffic.Load, cycles: Sequence[CycleFindings]) -> tuple[int, int] | None:
    spans = [_shown(requests.cycles[cycle.index]) for cycle in cycles if not cycle.voided]
    return (min(lo for lo, _ in spans), max(hi for _, hi in spans)) if spans else None


def _tracks(
    history: History, rows: pl.DataFrame, shared: Mapping[Stream, pl.DataFrame], frame: Frame, bin_us: int, most: int
) -> tuple[Track, ...]:
    port = history.meta.user_port
    service = service_of_role(history.meta.spec.service, history.meta.spec.fault.role)
    asked = {"liveness": service.liveness, "readiness": service.readiness, "startup": service.startup}
    named = pod_lanes.probe_names(rows, frame)
    # A configured probe has its lane even if no probe was seen: its absence is worth seeing.
    probes = [name for name, probe in asked.items() if probe is not None or name in named]
    probes += [name for name in named if name not in probes]
    always = [
        *(pod_lanes.probes(rows, frame, which, most=most) for which in probes),
        pod_lanes.listener(rows, frame),
        pod_lanes.container(rows, frame),
        pod_lanes.pod_ready(rows, frame),
        pod_lanes.endpoint(shared[Stream.ENDPOINTS], frame),
        pod_lanes.queue_proxy(rows, frame, most=most),
        pod_lanes.refused_lines(rows, frame, port=port, bin_us=bin_us),
    ]
    logs = (Stream.APP, Stream.SIDECAR, Stream.QUEUE_PROXY, Stream.EVENTS, Stream.KUBELET, Stream.CONTAINERD)
    optional = [
        *(pod_lanes.lines(rows, frame, stream, port=port, most=most) for stream in logs),
        pod_lanes.lines(shared[Stream.ACTIVATOR], frame, Stream.ACTIVATOR, port=port, most=most),
    ]
    return (*always, *(track for track in optional if track.marks))


def _holes(gaps: Iterable[Gap], frame: Frame, tracks: Sequence[Track]) -> Iterable[Hole]:
    for gap in gaps:
        until_ns = gap.until_ns or frame.hi_ns
        covered = tuple(track.key for track in tracks if gap.stream in track.streams)
        if gap.pod not in {"", frame.pod} or not covered or not frame.shows(gap.from_ns, until_ns):
            continue
        lo, hi = frame.seconds(max(gap.from_ns, frame.lo_ns)), frame.seconds(min(until_ns, frame.hi_ns))
        text = f"gap in {gap.stream.value}, {lo:+.3f} to {hi:+.3f} s: {gap.reason}. Observations in it may be missing."
        yield Hole(lo, max(hi, lo), cut(text), covered)
