"""S11: the startup probe of S10 in a cold start, with periodSeconds 1 (S11) and 10 (S11B)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, claim, holds_on, within
from harness.catalogue.s10 import S10
from harness.catalogue.s28 import S28A
from harness.model import Probe

HELD = "the activator asks queue-proxy, which asks the port; the startup probe only delays the pod's Ready"

S11 = replace(
    S28A,
    name="S11",
    title="From zero under load, with a startup probe of periodSeconds 1",
    service=replace(S10.service, min_scale=0, initial_scale=0),
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.15", HELD)),
        claim("no-restart", holds_on(">=1.15", "the app listens before the startup probe gives up")),
        within("slowest-answer", 5, 20, PREDICTED, versions=">=1.15"),
        within("slow-answers", 200, 1000, PREDICTED, versions=">=1.15"),
    ),
)

S11B = replace(
    S11,
    name="S11B",
    title="From zero under load, with a startup probe of periodSeconds 10",
    service=S11.service.with_probes(startup=Probe(path="/healthz", period_s=10, failure_threshold=3)),
    # Did the activator wait for the pod's Ready, the slowest answer would take 10 s at least.
    claims=(
        *(one for one in S11.claims if one.expected[0].bounds is None),
        within("slowest-answer", 5, 9.9, PREDICTED, versions=">=1.15"),
        within("slow-answers", 200, 500, PREDICTED, versions=">=1.15"),
    ),
)
