"""A Service of the user's own before and after a change, measured in turn on one cluster: what its users see of a restart.

The restart is that of the fault `liveness-blocked`, which every program meets the same way: the kubelet's liveness probes are
refused on the node, users' requests are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from harness.adapters.documents import dumped
from harness.advise.patching import Patch, patched
from harness.advise.shape import Restart
from harness.deploy import spec_of
from harness.deploy.workload import objects_of
from harness.judge.numbers import NUMBERS
from harness.model import CycleFindings, UserRequest, Workload
from harness.run.experiment import Compared, Side
from harness.run.own import asked_for, on_own

FAULT = "liveness-blocked"
BEFORE, AFTER = "before", "after"
EXPERIMENT_NAME = "advise"
"""Of the experiment, and of the directory it lies in."""


def changed(workload: Workload, patch: Patch) -> Workload:
    """The workload with a patch applied to its Service. Raises KeyError, see `patched`."""
    service, *beside = objects_of(workload)
    return replace(workload, documents=dumped([patched(service, patch), *beside]))


def sides_of(
    workload: Workload, patch: Patch, request: UserRequest | None = None, *, cycles: int, rate_rps: float
) -> tuple[Side, ...]:
    """The two arms. request: how the users ask, see `on_own`. Raises BadInput."""
    asked = asked_for(FAULT)
    sides = []
    for label, one in ((BEFORE, workload), (AFTER, changed(workload, patch))):
        scenario = on_own(asked, spec_of(one, base=asked.service), request)
        load = replace(scenario.load, rate_rps=rate_rps)
        sides.append(Side(label, replace(scenario, name=f"{FAULT}-own", cycles=cycles, load=load), workload=one))
    return tuple(sides)


def restarts_of(done: Compared, label: str) -> tuple[Restart, ...]:
    """Of each counted cycle of an arm, in the order of measuring."""
    return tuple(_restart(cycle) for run in done.runs.get(label, ()) for cycle in run.findings.cycles if not cycle.voided)


def _restart(cycle: CycleFindings) -> Restart:
    names = ("failed-requests", "refused-window", "slowest-answer")
    failed, refused, slowest = (NUMBERS[name].read(cycle).value for name in names)
    return Restart(None if failed is None else round(failed), refused, slowest, _boot_s(cycle))


def _boot_s(cycle: CycleFindings) -> float | None:
    """Between the middles of the brackets of both edges (docs/anatomy.md)."""
    started, listening = (cycle.anatomy.get(edge) for edge in ("container-started", "listening"))
    if started is None or listening is None:
        return None
    begin, end = ((one.lo_ns + one.hi_ns) / 2 for one in (started, listening))
    return round(max(0.0, end - begin) / 1e9, 3)


def median_boot_s(restarts: Iterable[Restart]) -> float | None:
    """None where no restart showed it."""
    known = [one.boot_s for one in restarts if one.boot_s is not None]
    return median(known) if known else None
