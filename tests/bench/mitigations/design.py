"""What is measured: mitigations (arms) in situations. Each pair of the two is a cell that is measured, or is left out for a reason.

A cell is one run: its fault, course and load are those of the situation's scenario in the catalogue; its probes, client or
queue-proxy are those of the arm. `stock` is that scenario as it stands. The order of the cells of a situation is drawn with a fixed
seed, but stock and `holding` of S1 come first: they are the trial.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.catalogue import S1, S6, S10, S16A, S16B, S31, scenario
from harness.model import LoadPlan, Probe, Scenario, ServiceSpec

STOCK, HOLDING = "stock", "holding"
HOLDING_QUEUE_PROXY = f"path:{Path(__file__).parents[3] / 'testapps' / 'queue-proxies' / 'holding'}"

ARMS: Mapping[str, str] = {
    STOCK: "only a liveness probe, every second, 3 failures",
    "startup": "a startup probe with the same check, every second",
    "matching-fast": "the same check as readiness probe, and both every second with 1 failure",
    "matching-slow": "the same check as readiness probe, every 10 s, 3 failures",
    "readiness-first": "the same check as readiness probe, every second, 1 failure: it gives up 2 s before liveness does",
    "drain-alone": "a readiness probe of another path that goes on answering well, every second, 1 failure",
    "exec": "an exec readiness probe, every second, 1 failure",
    "retries": "clients that try a failed GET again, 7 times in 12.7 s",
    "short-retries": "clients that try a failed GET again, 3 times in 0.7 s",
    "pods": "three pods past the activator, one of which the fault hits",
    HOLDING: "the queue-proxy of `testapps/queue-proxies/holding`, which holds a request while the app refuses the connection",
}
"""What each arm has that stock has not. Where a probe is named, the liveness probe is stock's unless said otherwise."""

SITUATIONS: Mapping[str, tuple[str, str]] = {
    "S1": ("S1", "The liveness probe fails under load; the app listens 5 s after its start"),
    "S12": ("S12", "The same in one of three pods, past the activator"),
    "cold": ("S28B", "From zero under load, with the Service of S1"),
    "S3": ("S3", "As S1 in an app that listens 60 s after its start, at 20 requests a second"),
    "free": ("S33A", "As S1 without a max-scale: the autoscaler may make pods"),
}
"""By name: the scenario it is made of, and its title. In the order of measuring."""

SAME_CELL: Mapping[tuple[str, str], tuple[str, str]] = {("S1", "pods"): ("S12", STOCK)}
"""Cells of the table that another one shows: more pods than in S1 are S12."""

_NOTHING_FAILS = "without a fault no request fails (S28B), so there is nothing to try again"
_AS_READINESS_FIRST = "as readiness-first: until the first answer the activator asks queue-proxy every 200 ms, whatever the period"
_AS_IN_S1 = "the pod leaves its endpoints at the same moment as in S1, and a third of the requests is concerned"
_D_LATER = "what it does happens before the app starts, so it is S1's, and requests wait for the app 55 s longer"
_NO_LOAD = "nothing of it is held anywhere, so it adds no load that the autoscaler could see"

LEFT_OUT: Mapping[tuple[str, str], str] = {
    ("S1", "short-retries"): "nobody listens for 5.2 s: only requests of the last 0.7 s can be saved, which S16B measures",
    ("S12", "startup"): _AS_IN_S1,
    ("S12", "matching-fast"): _AS_IN_S1,
    ("S12", "matching-slow"): _AS_IN_S1,
    ("S12", "drain-alone"): _AS_IN_S1,
    ("S12", "exec"): _AS_IN_S1,
    ("S12", "retries"): "the short retries show whether another pod answers; longer ones can only be better",
    ("S12", "pods"): "three pods are the situation itself",
    ("S3", "matching-fast"): _D_LATER,
    ("S3", "matching-slow"): "stock's own readiness probe has this timing, and while the port is closed both checks fail",
    ("S3", "readiness-first"): _D_LATER,
    ("S3", "drain-alone"): _D_LATER,
    ("S3", "exec"): _D_LATER,
    ("S3", "retries"): "12.7 s end before the app listens after 60 s",
    ("S3", "short-retries"): "0.7 s end before the app listens after 60 s",
    ("S3", "pods"): "more pods shorten no window; S12 shows what they do",
    ("cold", "matching-fast"): _AS_READINESS_FIRST,
    ("cold", "matching-slow"): _AS_READINESS_FIRST,
    ("cold", "drain-alone"): _AS_READINESS_FIRST,
    ("cold", "retries"): _NOTHING_FAILS,
    ("cold", "short-retries"): _NOTHING_FAILS,
    ("cold", "pods"): "from zero one pod is enough for this load",
    ("free", "startup"): "requests wait as with readiness-first, from the restart on instead of the first failed probe",
    ("free", "matching-fast"): "requests wait as with readiness-first",
    ("free", "matching-slow"): _NO_LOAD,
    ("free", "drain-alone"): "requests wait as with readiness-first",
    ("free", "exec"): "requests wait as with readiness-first",
    ("free", "retries"): "a refused attempt is answered at once, in the pause before the next one nothing is under way",
    ("free", "short-retries"): _NO_LOAD,
    ("free", "pods"): "the number of pods is what the autoscaler decides here",
}
"""Why a cell is not measured."""

CYCLES: Mapping[str, tuple[int, int]] = {"S1": (4, 4), "S12": (4, 2), "S3": (2, 2), "cold": (3, 1), "free": (2, 1)}
"""By situation: the cycles of a cell, and at most so many at the same time (docs/slots.md says what slots refuse)."""

FIRST = (("S1", STOCK), ("S1", HOLDING))
"""The trial."""

SEED = 14980


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm in one situation. cycles: that shall count. slots: at most so many at the same time."""

    situation: str
    arm: str

    @property
    def name(self) -> str:
        """Of its scenario: "MITIGATION-S1-stock"."""
        return f"MITIGATION-{self.situation}-{self.arm}"

    @property
    def cycles(self) -> int:
        """That shall count."""
        return CYCLES[self.situation][0]

    @property
    def slots(self) -> int:
        """At most so many cycles at the same time."""
        return CYCLES[self.situation][1]

    @property
    def queue_proxy(self) -> str:
        """As `--queue-proxy` takes it; "": the installed one."""
        return HOLDING_QUEUE_PROXY if self.arm == HOLDING else ""

    @property
    def words(self) -> str:
        """In one line."""
        return f"{SITUATIONS[self.situation][1]}; {ARMS[self.arm]}"

    @property
    def boot_s(self) -> float:
        """From the start of the app to its first good answer."""
        return self._base.service.app.startup_delay_s

    @property
    def restart_s(self) -> float:
        """About how long a slot is taken; from zero and without slots the whole cycle after its steady state."""
        return 5.0 + self.boot_s + (8.0 if self.slots == 1 else 0.0)

    @property
    def _base(self) -> Scenario:
        return scenario(SITUATIONS[self.situation][0])

    def scenario(self, cycles: int) -> Scenario:
        """That measures so many cycles of it. It claims only what the situation must show for a cycle to be one of it."""
        base = self._base
        kept = {"container-restarts-once", "no-restart"}
        return replace(
            base,
            name=self.name,
            title=self.words,
            service=_service(self.arm, self.situation),
            load=_load(self.arm, base.load),
            claims=tuple(one for one in base.claims if one.id in kept or one.check == "pods"),
            cycles=cycles,
        )


def _load(arm: str, load: LoadPlan) -> LoadPlan:
    """The situation's load; of the retrying clients their lanes and attempts."""
    clients = {"retries": S16A, "short-retries": S16B}.get(arm)
    if clients is None:
        return load
    return replace(load, lanes=clients.load.lanes, retries=clients.load.retries, retry_after_s=clients.load.retry_after_s)


def _service(arm: str, situation: str) -> ServiceSpec:
    """The situation's Service with the probes of the arm."""
    base = scenario(SITUATIONS[situation][0]).service
    if situation == "cold":
        base = replace(S1.service, min_scale=0, initial_scale=0)
    probes: Mapping[str, ServiceSpec] = {
        "startup": S10.service,
        "matching-slow": S1.service.with_probes(readiness=Probe(period_s=10, failure_threshold=3)),
        "matching-fast": S6.service.with_probes(liveness=replace(_liveness(S1), failure_threshold=1)),
        "readiness-first": S6.service,
        "drain-alone": S6.service.with_probes(readiness=Probe(path="/readyz", period_s=1, failure_threshold=1)),
        "exec": S31.service,
    }
    if arm not in probes:
        return base
    asked = probes[arm]
    liveness = asked.liveness
    if liveness is not None and base.liveness is not None:
        # The delay is the situation's: the app must listen before its first liveness probe.
        liveness = replace(liveness, initial_delay_s=base.liveness.initial_delay_s)
    startup = asked.startup
    if startup is not None:
        # Long enough for any start of the situation's app.
        startup = replace(startup, failure_threshold=max(startup.failure_threshold, round(2 * base.app.startup_delay_s)))
    return base.with_probes(liveness=liveness, readiness=asked.readiness, startup=startup)


def _liveness(of: Scenario) -> Probe:
    if of.service.liveness is None:
        raise ValueError(f"{of.name} has no liveness probe")
    return of.service.liveness


def designed() -> tuple[Cell, ...]:
    """All cells that are measured, in the order of measuring."""
    drawing = random.Random(SEED)  # noqa: S311 - the order of measuring, the same each time
    found: list[Cell] = []
    for situation in SITUATIONS:
        cells = [Cell(situation, arm) for arm in ARMS if (situation, arm) not in LEFT_OUT and (situation, arm) not in SAME_CELL]
        drawing.shuffle(cells)
        cells.sort(key=lambda one: FIRST.index((one.situation, one.arm)) if (one.situation, one.arm) in FIRST else len(FIRST))
        found += cells
    return tuple(found)
