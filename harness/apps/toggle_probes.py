"""Which lines of the toggle app's log are answers to which probe of its Service."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.apps.toggle import OTHER_PROBE, PROBE_EVENTS, PROBE_PATHS, AppEvent, Event, log_events
from harness.knative.roles import asked_readiness
from harness.model import Handler, Observation, Probe, ServiceSpec

SPARE_NS = 1_000_000_000
"""A TCP probe closes its connection at once. A connection that stays open longer without data was a client's idle one."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One probe that reached the app. well: None if it was left hanging, which the prober counts as a failure."""

    t_ns: int
    well: bool | None
    boot: str
    status: object


def asks_liveness(service: ServiceSpec, told: Sequence[AppEvent]) -> bool:
    """Whether there is a liveness probe that the app's toggles reach. For a user's own manifest only the app's log shows it."""
    if service.liveness is not None:
        return service.liveness.handler is not Handler.TCP
    return any(one.event in PROBE_EVENTS and one.more.get("which") == "liveness" for one in told)


def hits(which: str, service: ServiceSpec, told: Sequence[AppEvent]) -> list[Hit]:
    """The probes of this name ("startup", "liveness", "readiness") in the app's log, by time.

    Two probes with the same request are distinguished by their sender: readiness comes from queue-proxy, unless it is an exec
    probe. Startup and liveness are distinguished by their order: there is no liveness probe before the startup probe succeeded, and
    no startup probe afterwards. A probe that still cannot be distinguished counts as both.
    """
    probe = {"startup": service.startup, "liveness": service.liveness, "readiness": service.readiness}[which]
    own = asked_readiness(service) if which == "readiness" else probe
    found = [hit for one in told if _is(which, probe, own, one) and (hit := _hit(one)) is not None]
    if which != "readiness" and service.startup and service.liveness and _asked(service.startup) == _asked(service.liveness):
        done = _first_good_of_each_boot(found)
        if which == "startup":
            return [hit for hit in found if hit.t_ns <= done.get(hit.boot, hit.t_ns)]
        return [hit for hit in found if hit.t_ns > done.get(hit.boot, hit.t_ns)]
    return found


def well_probed(which: str, service: ServiceSpec, seen: Iterable[Observation]) -> frozenset[str]:
    """The boots that reported a successful probe of this name. seen: of one container, its app's log so far.

    The run waits with this function and the analysis uses `hits`. Both apply the same rule, so that no run ends before its
    evidence is complete.
    """
    return frozenset(hit.boot for hit in hits(which, service, log_events(seen)) if hit.well)


def _asked(probe: Probe) -> tuple[Handler, str]:
    return probe.handler, "" if probe.handler is Handler.TCP else probe.path


def _is(which: str, probe: Probe | None, asked: Probe | None, one: AppEvent) -> bool:
    """Without this probe in the spec, only the app's log shows it (a user's own manifest), or it is Knative's own readiness.

    probe: of the spec. asked: that, or Knative's own.
    """
    if one.event not in PROBE_EVENTS:
        return False
    named, via = one.more.get("which"), one.more.get("via")
    if probe is None and named == which:
        return True
    if asked is None:
        return False
    if asked.handler is Handler.EXEC:
        return via == "exec" and named == asked.path
    is_path = named == PROBE_PATHS.get(asked.path, OTHER_PROBE)
    alike = via == "tcp" if asked.handler is Handler.TCP else via == "http" and is_path
    return alike and _from_proxy(one) in {which == "readiness", None}


def _from_proxy(one: AppEvent) -> bool | None:
    """Whether queue-proxy sent it, over the pod's loopback; None if the event does not show it."""
    peer = one.more.get("peer")
    try:
        return ipaddress.ip_address(peer).is_loopback if isinstance(peer, str) else None
    except ValueError:
        return None


def _hit(one: AppEvent) -> Hit | None:
    """A TCP probe happened when it was accepted, and is logged when it was closed."""
    accepted = one.more.get("accepted_ns")
    if isinstance(accepted, int):
        return Hit(accepted, well=True, boot=one.boot, status="") if one.t_ns - accepted <= SPARE_NS else None
    return Hit(one.t_ns, None if one.event == Event.HANG else one.more.get("ok") is True, one.boot, one.more.get("status", ""))


def _first_good_of_each_boot(found: Sequence[Hit]) -> dict[str, int]:
    first: dict[str, int] = {}
    for hit in found:
        if hit.well:
            first.setdefault(hit.boot, hit.t_ns)
    return first
