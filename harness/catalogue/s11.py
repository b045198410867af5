"""S11: a startup probe in a cold start: of periodSeconds 1 (S11) and 10 (S11B), and on an app that binds its port early (S11C)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, claim, holds_on, within
from harness.catalogue.s10 import S10
from harness.catalogue.s28 import EARLY, S28A
from harness.model import Probe

HELD = "the activator waits for the pod's Ready where a container has a startup probe"

S11 = replace(
    S28A,
    name="S11",
    title="From zero under load, with a startup probe of periodSeconds 1",
    service=replace(S10.service, app=replace(S10.service.app, logs_requests=True), min_scale=0, initial_scale=0),
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.15", HELD)),
        claim("no-restart", holds_on(">=1.15", "the app listens before the startup probe gives up")),
        within("slowest-answer", 5, 20, PREDICTED, versions=">=1.15"),
        within("slow-answers", 200, 1000, PREDICTED, versions=">=1.15"),
        within("activator-wait", 5, 20, PREDICTED, versions=">=1.15"),
    ),
    request_log=True,
)

S11B = replace(
    S11,
    name="S11B",
    title="From zero under load, with a startup probe of periodSeconds 10",
    service=S11.service.with_probes(startup=Probe(path="/healthz", period_s=10, failure_threshold=3)),
    # Did the activator not wait for the pod's Ready, the slowest answer would take 9 s at most.
    claims=(
        *(one for one in S11.claims if one.expected[0].bounds is None),
        within("slowest-answer", 10, 25, PREDICTED, versions=">=1.15"),
        within("slow-answers", 440, 1250, PREDICTED, versions=">=1.15"),
        within("activator-wait", 10, 25, PREDICTED, versions=">=1.15"),
    ),
)

S11C = replace(
    S11,
    name="S11C",
    title="From zero under load, with a startup probe of periodSeconds 1 on an app that binds its port early",
    service=replace(S11.service, app=EARLY, startup=Probe(path="/readyz", period_s=1, failure_threshold=30)),
)
