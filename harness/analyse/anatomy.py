"""The anatomy of one cycle: each edge as a bracket [last good, first bad] with the clock that saw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from harness.analyse.lines import AppEvent, app_events, parsed
from harness.analyse.pods import USER_CONTAINER, PodState, states
from harness.model import Bracket, CycleMark, FaultEvent, Observation, Outcome, Stream

EDGES = (
    "fault",
    "first-failed-probe",
    "killing",
    "sigterm",
    "listener-closed",
    "container-started",
    "listening",
    "first-ok",
    "first-good-probe",
    "pod-unready",
    "pod-ready-again",
    "endpoint-unready",
    "endpoint-ready-again",
)
"""Every edge there may be, in the order a liveness restart has them. One that was not seen is missing from the anatomy."""

APP_CLOCK_NS = 1_000
"""The app stamps an event right after it; the harness's own clock is as good. A microsecond is what that is worth."""


def anatomy(
    mark: CycleMark,
    event: FaultEvent | None,
    observations: Sequence[Observation],
    requests: pl.DataFrame,
    answers: pl.DataFrame,
) -> dict[str, Bracket]:
    """The edges of this cycle that were seen.

    observations: of the cycle's pod (journals: of the node) until its end. requests, answers: the cycle's rows. Edges of probes,
    listener and container are looked for after the fault; those of the pod's and endpoints' readiness after it or, without one,
    after the load began.
    """
    from_ns = mark.fault_ns or mark.load_started_ns
    sights = states(observations, mark.pod)
    found: dict[str, Bracket | None] = {}
    if event is not None:
        told = app_events(observations)
        found["fault"] = Bracket(event.sent_ns, event.answered_ns, "the app's answer to the command", 1)
        found |= _app(told, mark.boot, event.sent_ns)
        found["killing"] = _killing(observations, mark.pod, event.sent_ns)
        found["container-started"] = _started(observations, sights, event.sent_ns)
        found["first-ok"] = _first_ok(requests, answers, _new_boot(told, mark.boot, event.sent_ns))
    ready = [(state.seen_ns, state.ready) for state in sights if state.ready is not None]
    found["pod-unready"], found["pod-ready-again"] = _flips(ready, from_ns, "the pod's Ready condition")
    found["endpoint-unready"], found["endpoint-ready-again"] = _flips(
        _endpoint(observations, mark.pod), from_ns, "the pod's endpoint"
    )
    return {edge: seen for edge in EDGES if (seen := found.get(edge)) is not None}


def _new_boot(told: Iterable[AppEvent], boot: str, after_ns: int) -> str:
    """The boot id that followed, "" if none did."""
    return next((one.boot for one in told if one.boot != boot and one.t_ns >= after_ns), "")


def _app(told: Sequence[AppEvent], boot: str, after_ns: int) -> dict[str, Bracket | None]:
    new = _new_boot(told, boot, after_ns)
    old_ones = [one for one in told if one.boot == boot]
    new_ones = [one for one in told if new and one.boot == new]

    def at(events: Iterable[AppEvent], name: str) -> Bracket | None:
        seen = next((one for one in events if one.event == name and one.t_ns >= after_ns), None)
        return None if seen is None else Bracket(seen.t_ns, seen.t_ns, f"the app's log: {name}", APP_CLOCK_NS)

    return {
        "first-failed-probe": _probe_edge(old_ones, after_ns, ok=False),
        "sigterm": at(old_ones, "signal"),
        "listener-closed": at(old_ones, "closed"),
        "listening": at(new_ones, "listening"),
        "first-good-probe": _probe_edge(new_ones, after_ns, ok=True),
    }


def _probe_edge(told: Sequence[AppEvent], after_ns: int, *, ok: bool) -> Bracket | None:
    """From the last liveness probe (or other event of that boot) before to the first one with this result."""
    hits = [one for one in told if one.event == "probe" and one.more.get("which") == "liveness"]
    first = next((one for one in hits if one.t_ns >= after_ns and one.more.get("ok") is ok), None)
    if first is None:
        return None
    lo_ns = max((one.t_ns for one in (hits or told) if one.t_ns < first.t_ns), default=first.t_ns)
    return Bracket(
        lo_ns, first.t_ns, f"the app's log: liveness probes, the first answered {first.more.get('status', '')}", APP_CLOCK_NS
    )


def _killing(observations: Iterable[Observation], pod: str, after_ns: int) -> Bracket | None:
    """The kubelet's journal where it says so, else the Killing event, which is true to a second."""
    best: Bracket | None = None
    for seen in observations:
        end_ns = seen.at_ns + max(seen.resolution_ns - 1, 0)
        if end_ns < after_ns or not (
            (seen.stream is Stream.EVENTS and _is_killing(seen.payload))
            or (seen.stream is Stream.KUBELET and pod in seen.payload and "Killing container" in seen.payload)
        ):
            continue
        if best is None or (seen.resolution_ns, seen.at_ns) < (best.resolution_ns, best.lo_ns):
            best = Bracket(max(seen.at_ns, after_ns), end_ns, f"{seen.stream.value}: Killing", seen.resolution_ns)
    return best


def _is_killing(payload: str) -> bool:
    told = parsed(payload) or {}
    return told.get("reason") == "Killing" and told.get("container") in {USER_CONTAINER, "", None}


def _started(observations: Iterable[Observation], sights: Iterable[PodState], after_ns: int) -> Bracket | None:
    """What containerd says of the new container, else the start time in the pod's status, true to a second."""
    second = 1_000_000_000
    for state in sights:
        if state.seen_ns < after_ns or state.running_since_ns is None or state.running_since_ns + second <= after_ns:
            continue
        bare = state.container_id.rpartition("/")[2]
        for seen in observations:
            if seen.stream is Stream.CONTAINERD and bare and bare in seen.payload and "returns successfully" in seen.payload:
                return Bracket(seen.at_ns, seen.at_ns, "containerd: StartContainer returns", seen.resolution_ns)
        lo_ns = max(state.running_since_ns, after_ns)
        return Bracket(lo_ns, state.running_since_ns + second - 1, "the pod's status: startedAt", second)
    return None


def _first_ok(requests: pl.DataFrame, answers: pl.DataFrame, boot: str) -> Bracket | None:
    """From the last failure before to the first OK that carries the new boot."""
    if not boot:
        return None
    of_boot = answers.filter(pl.col("headers").str.contains(f'"{boot}"', literal=True))["index"]
    good = requests.filter((pl.col("outcome") == Outcome.OK.value) & pl.col("answer").is_in(of_boot.implode()))
    if good.is_empty():
        return None
    first = good.sort("done_ns").row(0, named=True)
    bad = requests.filter(
        (pl.col("outcome") != Outcome.OK.value) & (pl.col("done_ns") > 0) & (pl.col("done_ns") <= first["done_ns"])
    )
    lo_ns = first["sent_ns"] if bad.is_empty() else int(bad["done_ns"].to_numpy().max())
    return Bracket(lo_ns, first["done_ns"], f"requests: the first OK of boot {boot}", 1)


def _flips(sights: Sequence[tuple[int, bool]], from_ns: int, what: str) -> tuple[Bracket | None, Bracket | None]:
    """(lost, regained): the first change to not ready after from_ns, and the next one back."""
    lost: Bracket | None = None
    before: tuple[int, bool] | None = None
    for at_ns, ready in sights:
        if before is not None and at_ns > from_ns:
            if lost is None and before[1] and not ready:
                lost = Bracket(before[0], at_ns, f"{what}: seen ready, then not", 1)
            elif lost is not None and ready:
                return lost, Bracket(before[0], at_ns, f"{what}: seen not ready, then ready", 1)
        before = (at_ns, ready)
    return lost, None


def _endpoint(observations: Iterable[Observation], pod: str) -> list[tuple[int, bool]]:
    """Whether the pod's endpoint was ready, in the order seen, in the slices that list it by name.

    Of a Revision's two Services only the "-private" one follows its pods; the other one's slices may hold the activator instead.
    A slice that lists the pod no longer says not ready.
    """
    sights: list[tuple[int, str, str, bool | None]] = []
    listing: set[str] = set()
    for seen in observations:
        if seen.stream is not Stream.ENDPOINTS or (told := parsed(seen.payload)) is None:
            continue
        slice_name = str(told.get("slice"))
        listed = [one for one in told.get("endpoints") or [] if isinstance(one, Mapping) and one.get("pod") == pod]
        if listed:
            listing.add(slice_name)
        if slice_name in listing:
            sights.append((seen.seen_ns, slice_name, str(told.get("service")), any(bool(one.get("ready")) for one in listed)))
    private = [one for one in sights if one[2].endswith("-private")]
    chosen = private or sights
    # Slices are followed one at a time: the first that listed the pod speaks, or their turns would look like flips.
    return [(at_ns, bool(ready)) for at_ns, name, _, ready in chosen if name == chosen[0][1]]
