"""Did the fault take hold? A pure function of what was done and what was seen.

The scenario asks it again and again over the live feed and goes on once it says yes; analysis asks it once over the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from harness.analyse.sights import rows_to_observations
from harness.apps.toggle import AppEvent, app_events
from harness.knative.lines import parsed
from harness.knative.names import USER_CONTAINER
from harness.knative.pods import restarts_since, states
from harness.model import FaultEvent, FaultKind, FaultSpec, Handler, Landed, Observation, ServiceSpec, Stream

Part = tuple[str, bool, str]

_STREAMS = (Stream.PODS, Stream.EVENTS, Stream.APP, Stream.KUBELET)


def ends_in_restart(spec: FaultSpec, service: ServiceSpec) -> bool:
    """Whether the container is restarted for it: the app exits, or its liveness probe fails or is left hanging.

    A hanging app's port still accepts connections: a TCP probe does well.
    """
    probe = service.liveness
    hung = spec.kind is FaultKind.HANG and probe is not None and probe.handler is not Handler.TCP
    return hung or spec.kind in {FaultKind.LIVENESS, FaultKind.EXIT}


def takes_away_ready(spec: FaultSpec, service: ServiceSpec) -> bool:
    """Whether the pod is no longer Ready for it: its readiness probe fails, and the toggle reaches that probe."""
    probe = service.readiness
    return spec.kind is FaultKind.READINESS and probe is not None and probe.handler is not Handler.TCP


def landed(
    spec: FaultSpec,
    service: ServiceSpec,
    event: FaultEvent | None,
    observations: Sequence[Observation] | pl.DataFrame,
    after_ns: int,
) -> Landed:
    """Whether each piece of the proof was seen, and which were not.

    event: what was done to the service; None if nothing was (proof only of NONE). observations: of any streams and pods; only those
    of the fault's pod after `after_ns` are evidence. An event of the API is true to a second, so it counts if it may have been
    after. Without a part there is no proof: each kind of fault has at least the app's own answer.
    """
    if spec.kind is FaultKind.NONE:
        return Landed(proved=True, parts=(("no fault asked", True, "nothing was to be done"),))
    if event is None:
        return Landed(proved=False, parts=(("the app was told", False, "nothing was done"),))
    if isinstance(observations, pl.DataFrame):
        wanted = pl.col("stream").is_in([stream.value for stream in _STREAMS]) & (
            (pl.col("pod") == event.pod) | (pl.col("stream") == Stream.KUBELET.value)
        )
        observations = rows_to_observations(observations.filter(wanted))
    seen = [one for one in observations if one.stream in _STREAMS and (one.pod == event.pod or one.stream is Stream.KUBELET)]
    told = [one for one in app_events(seen) if one.t_ns >= after_ns]
    parts = (_answer(event, told), *_rest(spec, service, event, seen, told, after_ns))
    return Landed(proved=all(was for _, was, _ in parts), parts=parts)


def _rest(
    spec: FaultSpec,
    service: ServiceSpec,
    event: FaultEvent,
    seen: Sequence[Observation],
    told: Sequence[AppEvent],
    after_ns: int,
) -> tuple[Part, ...]:
    kind = spec.kind
    restarted = (_restart(event.pod, seen, after_ns), _new_boot(event.boot, told))
    if kind is FaultKind.LIVENESS:
        return (_failed_probe("liveness", event.boot, told), _killing(event.pod, seen, after_ns), *restarted)
    if kind is FaultKind.READINESS:
        return (_failed_probe("readiness", event.boot, told), _unready(event.pod, seen, after_ns))
    if kind is FaultKind.EXIT:
        return restarted
    if ends_in_restart(spec, service):
        return (_hung_probe(event.boot, told), _killing(event.pod, seen, after_ns), *restarted)
    return (_fault_line(event.boot, told),)


def _answer(event: FaultEvent, told: Sequence[AppEvent]) -> Part:
    name = "the app answered that it is done"
    if event.status != 200:
        return name, False, f"it answered {event.status}: {event.answer[:80]}"
    answer = parsed(event.answer.strip())
    boot = answer.get("boot") if answer is not None else None
    if boot is None and any(one.event == "fault" and one.boot == event.boot for one in told):
        boot = event.boot
    if boot != event.boot:
        return name, False, f"the answer is of boot {boot or 'unknown'}, not {event.boot}"
    return name, True, f"200 from boot {event.boot}"


def _failed_probe(which: str, boot: str, told: Iterable[AppEvent]) -> Part:
    name = f"a failed {which} probe in the app's log"
    for one in told:
        if one.event == "probe" and one.boot == boot and one.more.get("which") == which and one.more.get("ok") is False:
            return name, True, f"at {one.t_ns} by {one.more.get('via', 'unknown')}"
    return name, False, "none by this boot after the fault"


def _hung_probe(boot: str, told: Iterable[AppEvent]) -> Part:
    name = "a liveness probe left hanging in the app's log"
    for one in told:
        if one.event == "hang" and one.boot == boot and one.more.get("which") == "liveness":
            return name, True, f"at {one.t_ns} by {one.more.get('via', 'unknown')}"
    return name, False, "none by this boot after the fault"


def _fault_line(boot: str, told: Iterable[AppEvent]) -> Part:
    name = "the fault in the app's log"
    for one in told:
        if one.event == "fault" and one.boot == boot:
            return name, True, f"at {one.t_ns}"
    return name, False, "not there"


def _killing(pod: str, seen: Iterable[Observation], after_ns: int) -> Part:
    name = "the kubelet kills the container for its liveness"
    for one in seen:
        if one.at_ns + max(one.resolution_ns, 1) <= after_ns:
            continue
        if one.stream is Stream.EVENTS and "Killing" in one.payload:
            told = parsed(one.payload) or {}
            if told.get("reason") == "Killing" and told.get("container") in {USER_CONTAINER, "", None}:
                message = str(told.get("message", ""))
                # A pod that is being deleted is also killed ("Stopping container ..."): that is not the fault's doing.
                if "liveness" in message:
                    return name, True, f"Killing: {message}"
        if one.stream is Stream.KUBELET and all(words in one.payload for words in (pod, USER_CONTAINER, "failed liveness probe")):
            return name, True, "kubelet: failed liveness probe"
    return name, False, "no Killing event and nothing in the kubelet's journal"


def _unready(pod: str, seen: Iterable[Observation], after_ns: int) -> Part:
    name = "the pod was seen not Ready"
    for one in states(seen, pod):
        if one.ready is False and one.seen_ns >= after_ns:
            return name, True, f"at {one.seen_ns}"
    return name, False, "not since the fault"


def _restart(pod: str, seen: Iterable[Observation], after_ns: int) -> Part:
    name = "restartCount grew"
    grown = restarts_since(states(seen, pod), after_ns)
    if grown is None:
        return name, False, "the pod was not seen before the fault"
    return name, grown >= 1, f"by {grown}"


def _new_boot(boot: str, told: Iterable[AppEvent]) -> Part:
    name = "a new boot in the app's log"
    for one in told:
        if one.boot != boot and one.event in {"boot", "listening"}:
            return name, True, f"{one.boot} at {one.t_ns}"
    return name, False, f"only {boot}"
