"""S23: the app hangs and its port goes on accepting: nobody notices, for there is no liveness probe."""

from __future__ import annotations

from harness.catalogue.claims import PREDICTED, broken, holds, within
from harness.model import AppSpec, FaultSpec, LoadPlan, Scenario, ServiceSpec

S23 = Scenario(
    name="S23",
    title="The app hangs under load, without a liveness probe",
    # 20 rps for 10 s are 200 requests at once; with Knative's timeout of 300 s the hang would have to last for that.
    service=ServiceSpec(app=AppSpec(startup_delay_s=1.0), timeout_s=10),
    fault=FaultSpec("hang"),
    load=LoadPlan(rate_rps=20.0),
    hold_s=15.0,
    claims=(
        broken("requests-do-not-fail", "queue-proxy answers 504 after timeoutSeconds; the default readiness probe is TCP"),
        holds("ready-pod-is-not-refused", "the port accepts throughout"),
        holds("pod-stays-ready", "the default readiness probe is TCP"),
        holds("no-restart", "no liveness probe asks"),
        within("failed-requests", 60, 200, PREDICTED, "activator"),
        within("failed-requests", 100, 250, PREDICTED, "reset-in-flight"),
        within("other-failures", 0, 0, PREDICTED, "activator", "reset-in-flight"),
    ),
    cycles=3,
)
