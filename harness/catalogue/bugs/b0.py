"""B0: without a readiness probe, queue-proxy's readiness is asked every 10 s in place of every second (#12550)."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.reading import container, template
from harness.model import AppSpec, Claimed, Decided, Seen, ServiceSpec, Trial, VersionRange

DEFAULT_PERIOD_S = 10
"""Of Kubernetes; the API server writes it into what leaves it out."""

NO_PROBES = Trial(name="no-probes", service=ServiceSpec(app=AppSpec(startup_delay_s=0.0)), within_s=60.0)


def signature(seen: Seen) -> Decided:
    """The period of queue-proxy's own readiness probe in the Deployment that Knative made."""
    probe = container(template(seen), "queue-proxy").get("readinessProbe")
    if not isinstance(probe, dict):
        return inconclusive("Knative made no Deployment with a readiness probe of queue-proxy")
    period_s = int(probe.get("periodSeconds") or DEFAULT_PERIOD_S)
    said = f"the Deployment's queue-proxy has a readiness probe with periodSeconds {period_s}"
    return present(said) if period_s >= DEFAULT_PERIOD_S else absent(said)


B0 = Bug(
    id="B0",
    title="Default readiness is asked every 10 s",
    source="knative/serving #12550",
    provoked_by=NO_PROBES,
    signature=signature,
    claimed=Claimed(VersionRange.parse(">=1.2"), "1.2.0 and later, by design"),
)
