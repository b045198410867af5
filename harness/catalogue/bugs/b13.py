"""B13: terminationGracePeriodSeconds of a probe is unknown to the CRD: dropped, or refused when asked strictly."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import refused
from harness.model import Claimed, Decided, Seen, Trial, VersionRange

FIELD = "terminationGracePeriodSeconds"

PROBE_GRACE = Trial(
    name="probe-grace",
    documents=service("probe-grace", f"livenessProbe: {{httpGet: {{path: /healthz}}, {FIELD}: 7}}"),
    dry_run=True,
    strict=True,
)


def signature(seen: Seen) -> Decided:
    """A refusal that names the field, or a Service without it; absent if the Service keeps it."""
    if seen.answer is None:
        return inconclusive("the API server was not asked")
    why = refused(seen)
    if FIELD in why:
        return present(why)
    if why:
        return inconclusive(f"refused for another reason: {why}")
    if f'"{FIELD}":7' in seen.stored:
        return absent("the Service keeps the field")
    return present("accepted, but the API server dropped the field")


B13 = Bug(
    id="B13",
    title="terminationGracePeriodSeconds of a probe is dropped",
    source="the CRDs of knative/serving",
    provoked_by=PROBE_GRACE,
    signature=signature,
    claimed=Claimed(VersionRange.parse("any"), "all versions, open"),
)
