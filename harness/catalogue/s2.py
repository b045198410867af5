"""S2: S1 with an app that listens at once: the part of the outage that is not the app's start."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.s1 import S1
from harness.model import AppSpec, Probe

S2 = replace(
    S1,
    name="S2",
    title="Liveness probe only, failing under load; the app listens at once",
    service=replace(
        S1.service,
        app=AppSpec(startup_delay_s=0.0),
        liveness=Probe(path="/healthz", period_s=1, failure_threshold=3, timeout_s=1, initial_delay_s=1),
    ),
    cycles=3,
)
