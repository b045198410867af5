"""The probes as the app answered them: which of its events belong to which probe, the first bad and the first good one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analyse.anatomy.sources import Source
from harness.analyse.anatomy.told import CLOCK_NS, Boots
from harness.apps.toggle import AppEvent, app_events
from harness.faults import Fault
from harness.knative.probes import DEFAULT_READINESS
from harness.model import Handler, Observation, Probe, ServiceSpec

SPARE_NS = 1_000_000_000
"""A TCP probe closes its connection at once. A connection that stays open longer without data was a client's idle one."""

GOOD_EDGES = {"startup": "first-good-startup-probe", "liveness": "first-good-probe", "readiness": "first-good-readiness-probe"}


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
    return any(one.event in {"probe", "hang"} and one.more.get("which") == "liveness" for one in told)


def hits(which: str, service: ServiceSpec, told: Sequence[AppEvent]) -> list[Hit]:
    """The probes of this name ("startup", "liveness", "readiness") in the app's log, by time.

    Two probes with the same request are distinguished by their sender: readiness comes from queue-proxy, unless it is an exec
    probe. Startup and liveness are distinguished by their order: there is no liveness probe before the startup probe succeeded, and
    no startup probe afterwards. A probe that still cannot be distinguished counts as both.
    """
    probe = {"startup": service.startup, "liveness": service.liveness, "readiness": service.readiness}[which]
    found = [hit for one in told if _is(which, probe, one) and (hit := _hit(one)) is not None]
    if which != "readiness" and service.startup and service.liveness and _asked(service.startup) == _asked(service.liveness):
        done = _first_good_of_each_boot(found)
        if which == "startup":
            return [hit for hit in found if hit.t_ns <= done.get(hit.boot, hit.t_ns)]
        return [hit for hit in found if hit.t_ns > done.get(hit.boot, hit.t_ns)]
    return found


def well_probed(which: str, service: ServiceSpec, seen: Iterable[Observation]) -> frozenset[str]:
    """The boots that reported a successful probe of this name. seen: of one pod, its app's log so far.

    The run waits with this function and the anatomy uses `hits`. Both apply the same rule, so that no run ends before its evidence
    is complete.
    """
    return frozenset(hit.boot for hit in hits(which, service, app_events(seen)) if hit.well)


def sources(seen: Boots, service: ServiceSpec, fault: Fault) -> dict[str, Source]:
    """First failed probe, the last one before the end of the old process, and the first good one of each name."""
    found: dict[str, Source] = {}
    failing = next(iter(fault.fails_probes), "")
    of_old = next(filter(None, (hits(which, service, seen.old) for which in fault.fails_probes)), [])
    bad = [hit for hit in of_old if hit.well is not True and hit.t_ns >= seen.since_ns]
    if bad:
        found["first-failed-probe"] = _failed(bad[0], of_old, seen, failing)
    killed = next((one.t_ns for one in seen.old if one.event == "signal" and one.t_ns >= seen.since_ns), 0)
    if bad and fault.kills and killed > bad[0].t_ns:
        last_ns = max(hit.t_ns for hit in bad if hit.t_ns <= killed)
        # The kubelet sends no more probes once it has decided to kill.
        found["killing"] = Source(
            last_ns, killed, f"the app's log: the last failed {failing} probe", "the app's log: signal", CLOCK_NS
        )
    for which, edge in GOOD_EDGES.items():
        # A failure that ends without a restart is over with the next good probe of the same process.
        failed_ns = bad[0].t_ns if bad and not fault.kills and which == failing else 0
        bracket = _good(which, service, seen, failed_ns)
        if bracket is not None:
            found[edge] = bracket
    return found


def _failed(first: Hit, asked: Sequence[Hit], seen: Boots, which: str) -> Source:
    good = [hit.t_ns for hit in asked if hit.well and hit.t_ns < first.t_ns]
    how = f"the app's log: the first {which} probe " + ("left hanging" if first.well is None else f"answered {first.status}")
    if good:
        return Source(good[-1], first.t_ns, f"the app's log: the last good {which} probe", how, CLOCK_NS)
    lo_ns, last = _before(first, seen.old)
    return Source(lo_ns, first.t_ns, last, how, CLOCK_NS)


def _good(which: str, service: ServiceSpec, seen: Boots, failed_ns: int) -> Source | None:
    """The first good probe of a later boot or, where a failure at failed_ns needs no restart to be over, of any boot after it."""
    told = sorted((*seen.old, *seen.later), key=lambda one: one.t_ns) if failed_ns else seen.later
    asked = [hit for hit in hits(which, service, told) if hit.t_ns > failed_ns]
    first = next((hit for hit in asked if hit.well), None)
    if first is None:
        return None
    lo_ns, last = _before(first, told)
    failed = [failed_ns, *(hit.t_ns for hit in asked if hit.t_ns < first.t_ns)]
    if max(failed) >= lo_ns:
        lo_ns, last = max(failed), f"the app's log: the last failed {which} probe"
    return Source(lo_ns, first.t_ns, last, f"the app's log: the first good {which} probe", CLOCK_NS)


def _before(first: Hit, told: Sequence[AppEvent]) -> tuple[int, str]:
    """The last event of this boot before the probe, other than probes: no such probe came earlier. Without one, the probe
    itself.
    """
    others = [one for one in told if one.boot == first.boot and one.event not in {"probe", "hang"} and one.t_ns <= first.t_ns]
    return (others[-1].t_ns, f"the app's log: {others[-1].event}") if others else (first.t_ns, "the app's log: the probe itself")


def _asked(probe: Probe) -> tuple[Handler, str]:
    return probe.handler, "" if probe.handler is Handler.TCP else probe.path


def _is(which: str, probe: Probe | None, one: AppEvent) -> bool:
    """Without this probe in the spec, only the app's log shows it (a user's own manifest), or it is Knative's own readiness."""
    if one.event not in {"probe", "hang"}:
        return False
    named, via = one.more.get("which"), one.more.get("via")
    if probe is None and named == which:
        return True
    asked = probe or (DEFAULT_READINESS if which == "readiness" else None)
    if asked is None:
        return False
    if asked.handler is Handler.EXEC:
        return via == "exec" and named == asked.path
    if asked.handler is Handler.TCP:
        alike = via == "tcp"
    else:
        alike = via == "http" and named == {"/healthz": "liveness", "/readyz": "readiness"}.get(asked.path, "other")
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
    return Hit(one.t_ns, None if one.event == "hang" else one.more.get("ok") is True, one.boot, one.more.get("status", ""))


def _first_good_of_each_boot(found: Sequence[Hit]) -> dict[str, int]:
    first: dict[str, int] = {}
    for hit in found:
        if hit.well:
            first.setdefault(hit.boot, hit.t_ns)
    return first
