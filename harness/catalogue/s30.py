"""S30: pods go away under load: one is deleted (A), the autoscaler needs fewer of them (B), or the activator's is deleted (C)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, holds, within
from harness.catalogue.s1 import S1
from harness.model import AppSpec, Arrivals, FaultSpec, LoadPlan, Scenario, ServiceSpec

DRAINS = "queue-proxy and the user container are stopped when the requests have ended (preStop, drain)"

ALWAYS = (holds("requests-do-not-fail", DRAINS), holds("no-restart", "a deleted pod's containers are stopped, not restarted"))

S30A = replace(
    S1,
    name="S30A",
    title="One of three pods is deleted under load",
    service=replace(S1.service, min_scale=3, max_scale=3),
    fault=FaultSpec("pod-delete"),
    claims=(*ALWAYS, within("slowest-answer", 0, 2, PREDICTED)),
    cycles=3,
)

S30B = Scenario(
    name="S30B",
    title="From three pods to one under load that falls",
    # By rate, for the toggle app answers so fast that it never has several requests in flight. 60 rps call for 5 pods of 14 rps
    # each (70 % of the target), and get the 3 that there may be; 5 rps call for one.
    service=ServiceSpec(app=AppSpec(startup_delay_s=1.0), min_scale=1, max_scale=3, window_s=6, target_rps=20),
    fault=FaultSpec("scale-down"),
    course="scale-down",
    load=LoadPlan(rate_rps=60.0, arrivals=Arrivals.STEP, to_rate_rps=5.0, over_s=45.0),
    claims=ALWAYS,
    cycles=3,
)

S30C = replace(
    S1,
    name="S30C",
    title="The activator's pod is deleted under load",
    service=replace(S1.service, target_burst_capacity=-1),
    fault=FaultSpec("activator-delete"),
    claims=(
        holds("requests-do-not-fail", "the activator answers for 45 s after its SIGTERM, longer than its successor needs"),
        holds("no-restart", "no pod of the workload is hit"),
        holds("pod-stays-ready", "no pod of the workload is hit"),
        within("slowest-answer", 0, 2, PREDICTED),
    ),
    cycles=3,
)
