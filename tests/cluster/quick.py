"""S1 and N1 with an app that is up soon: for what is planted in the harness, which does not hang on how long a restart takes.

The catalogue's own S1 waits 10 s for the first liveness probe, twice a cycle.
"""

from __future__ import annotations

from dataclasses import replace

from harness import catalogue
from harness.model import AppSpec, Probe

_SERVICE = replace(
    catalogue.S1.service,
    app=AppSpec(startup_delay_s=2.0, sigterm="exit"),
    liveness=Probe(path="/healthz", period_s=1, failure_threshold=3, timeout_s=1, initial_delay_s=5),
)
S1 = replace(catalogue.S1, service=_SERVICE)
N1 = replace(catalogue.N1, service=_SERVICE, after_s=5.0)
