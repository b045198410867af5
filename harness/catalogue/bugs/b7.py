"""B7: a sidecar with a probe is refused, also with multi-container-probing on."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import container, refused, stored_spec
from harness.model import Claimed, Decided, Seen, Trial, VersionRange

SAID = "must not set the field(s)"

SIDECAR_PROBE = Trial(
    name="sidecar-probe",
    documents=service("sidecar-probe", sidecar="readinessProbe: {tcpSocket: {port: 8090}}"),
    sidecar_probes=True,
    dry_run=True,
)


def signature(seen: Seen) -> Decided:
    """The webhook's answer to a dry run, up to 15 s after the flag was set."""
    if seen.answer is None:
        return inconclusive("the API server was not asked")
    why = refused(seen)
    if SAID in why:
        return present(why)
    if why:
        return inconclusive(f"refused for another reason: {why}")
    if "readinessProbe" in container(stored_spec(seen), "sidecar"):
        return absent("the webhook accepts the Service, and the sidecar keeps its probe")
    return inconclusive("accepted, but the sidecar's probe is not in the Service")


B7 = Bug(
    id="B7",
    title="Probes of sidecars are refused, also with multi-container-probing on",
    source="knative/serving, docs of multi-container-probing",
    provoked_by=SIDECAR_PROBE,
    signature=signature,
    claimed=Claimed(VersionRange.parse("<1.14"), "up to 1.13 always; from 1.14 on with the flag off"),
)
