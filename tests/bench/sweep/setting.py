"""One configuration of the sweep: the values of its factors, and the scenario that measures it. Pure.

The factors are those by which the reference predicts the window of a restart (docs/sweep.md). Each scenario is S1 with other
probes, another start-up time (`AppSpec.startup_delay_s`), another answer to SIGTERM (as S17) or three pods (as S12).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

from harness.catalogue.s1 import S1
from harness.catalogue.s12 import S12
from harness.catalogue.s17 import S17A
from harness.deploy.manifest import render
from harness.knative.manifest.judged import judged
from harness.knative.manifest.settings import NEWEST, Settings
from harness.model import Probe, Scenario, ServiceSpec

PATHS = {"same": "/healthz", "other": "/readyz"}
"""What the readiness probe asks of the toggle app: what the liveness probe asks, which fails, or what goes on answering well."""

SPARE_S = 5
"""Between the start of the app and its first liveness probe, as in S1."""

DRAIN_S, RESTART_S = 1.0, 0.7
"""Of queue-proxy's preStop hook, and of the new container's start, for the expected time of a cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The values of all factors. Periods and start-up time in seconds.

    readiness: "none" (Knative's own: TCP, every 10 s, threshold 3), "same" or "other" (PATHS). Its period and threshold are 0 where
    none is written. sigterm: "exit"; "ignore" keeps the listener until SIGKILL, "ignore-close" closes it and lives on.
    startup: a startup probe with the same check, every second. pods: 3 are measured past the activator, as in S12.
    """

    liveness_period_s: int
    liveness_threshold: int
    readiness: str
    readiness_period_s: int
    readiness_threshold: int
    boot_s: float
    sigterm: str
    startup: bool
    pods: int

    @property
    def service(self) -> ServiceSpec:
        """S1's Service with these values."""
        base = S12.service if self.pods > 1 else S1.service
        delay_s = 0 if self.startup else math.ceil(self.boot_s) + SPARE_S
        liveness = Probe(
            period_s=self.liveness_period_s, failure_threshold=self.liveness_threshold, timeout_s=1, initial_delay_s=delay_s
        )
        readiness = None
        if self.readiness in PATHS:
            asked = PATHS[self.readiness]
            readiness = Probe(path=asked, period_s=self.readiness_period_s, failure_threshold=self.readiness_threshold)
        return replace(
            base,
            app=replace(base.app, startup_delay_s=self.boot_s, sigterm=self.sigterm),
            timeout_s=S17A.service.timeout_s if self.ignores_sigterm else base.timeout_s,
        ).with_probes(
            liveness=liveness,
            readiness=readiness,
            startup=Probe(period_s=1, failure_threshold=30) if self.startup else None,
        )

    @property
    def ignores_sigterm(self) -> bool:
        """Whether the process ends by SIGKILL alone."""
        return self.sigterm != "exit"

    @property
    def grace_s(self) -> int:
        """From the kubelet's decision to SIGKILL; 0 for an app that ends on SIGTERM."""
        return self.service.timeout_s if self.ignores_sigterm else 0

    @property
    def restart_s(self) -> float:
        """About how long a slot is taken: from the fault until the new container answers."""
        detected = self.liveness_period_s * self.liveness_threshold
        return detected + (self.grace_s or DRAIN_S) + RESTART_S + self.boot_s

    @property
    def words(self) -> str:
        """In one line."""
        ready = "none" if self.readiness == "none" else f"{self.readiness} {self.readiness_period_s}/{self.readiness_threshold}"
        startup = ", startup probe" if self.startup else ""
        liveness = f"{self.liveness_period_s}/{self.liveness_threshold}"
        return f"liveness {liveness}, readiness {ready}, D {self.boot_s:g} s, SIGTERM {self.sigterm}{startup}, pods {self.pods}"


def pod_of(setting: Setting) -> tuple[str, str]:
    """(why Knative refuses the Service, "" if it does not; the pod that it makes of it, as text). Of the newest version known."""
    answer = judged(render(setting.service), Settings(NEWEST))
    if answer.rendered is None:
        return answer.problems[0].what, ""
    return "", json.dumps([answer.rendered.pod, answer.rendered.asked, answer.rendered.replicas], sort_keys=True)


def scenario_of(name: str, setting: Setting, cycles: int) -> Scenario:
    """That measures this configuration. It claims only that the fault did what the fault is there for: one restart."""
    return replace(
        S1,
        name=name,
        title=setting.words,
        service=setting.service,
        claims=tuple(claim for claim in S1.claims if claim.id == "container-restarts-once"),
        cycles=cycles,
    )
