"""S28: the load meets no pod.

An app that binds its port when it can answer, with an HTTP readiness probe (A) and with the default TCP one (B). And an app that
binds its port at once and cannot answer for another 5 s, with the default TCP readiness probe (C), with one of HTTP (D), with a TCP
one that is delayed (E), and with one of HTTP that is delayed (F).
"""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, holds, within
from harness.model import AppSpec, FaultSpec, Handler, Probe, Scenario, ServiceSpec

HELD = "the activator holds requests until a pod is ready"

ALWAYS = (holds("requests-do-not-fail", HELD), holds("no-restart", "nothing fails the app"))

S28A = Scenario(
    name="S28A",
    title="From zero under load, with an HTTP readiness probe",
    service=ServiceSpec(
        app=AppSpec(startup_delay_s=5.0),
        readiness=Probe(path="/readyz", period_s=1, failure_threshold=3),
        min_scale=0,
        initial_scale=0,
    ),
    fault=FaultSpec(),
    course="from-zero",
    after_s=5.0,
    claims=(*ALWAYS, within("slowest-answer", 5, 20, PREDICTED), within("slow-answers", 200, 1000, PREDICTED)),
    cycles=3,
)

S28B = replace(
    S28A,
    name="S28B",
    title="From zero under load, with the default TCP readiness probe",
    service=replace(S28A.service, readiness=None),
)

EARLY = AppSpec(startup_delay_s=0.0, ready_delay_s=5.0, logs_requests=True)
"""Binds its port at once, and answers 503 for 5 s."""

HELD_FOR_THE_POD = within("activator-wait", 0.2, 7, PREDICTED)
"""The activator sends its requests as soon as the port is bound: it waits for the pod alone."""

HELD_FOR_THE_APP = within("activator-wait", 5, 20, PREDICTED)
"""The activator waits for the app's 5 s too."""

S28C = replace(
    S28A,
    name="S28C",
    title="From zero under load, with the default TCP readiness probe on an app that binds its port early",
    service=replace(S28A.service, app=EARLY, readiness=None),
    claims=(
        holds("no-restart", "nothing fails the app"),
        within("failed-requests", 240, 700, PREDICTED, "app"),
        within("other-failures", 0, 10, PREDICTED, "app"),
        HELD_FOR_THE_POD,
    ),
    request_log=True,
)

S28D = replace(
    S28A,
    name="S28D",
    title="From zero under load, with an HTTP readiness probe on an app that binds its port early",
    service=replace(S28A.service, app=EARLY),
    claims=(*S28A.claims, HELD_FOR_THE_APP),
    request_log=True,
)

S28E = replace(
    S28C,
    name="S28E",
    title="From zero under load, with a TCP readiness probe of initialDelaySeconds 15 on an app that binds its port early",
    service=replace(S28C.service, readiness=Probe(Handler.TCP, path="", period_s=1, failure_threshold=3, initial_delay_s=15)),
)

S28F = replace(
    S28D,
    name="S28F",
    title="From zero under load, with an HTTP readiness probe of initialDelaySeconds 15 on an app that binds its port early",
    service=replace(S28D.service, readiness=Probe(path="/readyz", period_s=1, failure_threshold=3, initial_delay_s=15)),
    # Did the activator wait for the pod's Ready, the slowest answer would take 15 s at least.
    claims=(
        *ALWAYS,
        within("slowest-answer", 5, 14.9, PREDICTED),
        within("slow-answers", 200, 740, PREDICTED),
        within("activator-wait", 5, 14.9, PREDICTED),
    ),
)
