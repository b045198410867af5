"""B9: a startup probe is refused (#10037)."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import container, refused, stored_spec
from harness.knative.names import USER_CONTAINER
from harness.model import Claimed, Decided, Seen, Trial, VersionRange

STARTUP_PROBE = Trial(
    name="startup-probe",
    documents=service("startup-probe", "startupProbe: {httpGet: {path: /healthz, port: 8080}}"),
    dry_run=True,
)


def signature(seen: Seen) -> Decided:
    """The answer to a dry run: a refusal that names the field, or the Service with the probe in it."""
    if seen.answer is None:
        return inconclusive("the API server was not asked")
    why = refused(seen)
    if "startupProbe" in why:
        return present(why)
    if why:
        return inconclusive(f"refused for another reason: {why}")
    if "startupProbe" in container(stored_spec(seen), USER_CONTAINER):
        return absent("the webhook accepts the Service, and it keeps its startup probe")
    return present("accepted, but the API server dropped the startup probe")


B9 = Bug(
    id="B9",
    title="Startup probes are refused",
    source="knative/serving #10037",
    provoked_by=STARTUP_PROBE,
    signature=signature,
    claimed=Claimed(VersionRange.parse("<1.15"), "up to 1.14, fixed in 1.15.0"),
)
