"""The probes as the app answered them: the first bad and the first good one."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.anatomy.sources import Source
from harness.analyse.anatomy.told import CLOCK_NS, Boots
from harness.apps.toggle import PROBE_EVENTS, AppEvent
from harness.apps.toggle_probes import Hit, hits
from harness.faults import Fault
from harness.model import ServiceSpec

GOOD_EDGES = {"startup": "first-good-startup-probe", "liveness": "first-good-probe", "readiness": "first-good-readiness-probe"}


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
    others = [one for one in told if one.boot == first.boot and one.event not in PROBE_EVENTS and one.t_ns <= first.t_ns]
    return (others[-1].t_ns, f"the app's log: {others[-1].event}") if others else (first.t_ns, "the app's log: the probe itself")
