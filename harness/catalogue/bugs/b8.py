"""B8: a sidecar with an exec readiness probe is not deployed (#15484, #15770)."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, not_applicable, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import answered, first_ready_ns, lacks_field, refused, s_between, says, template
from harness.model import CONTROLLER_LOG, BugState, Claimed, Decided, Seen, Stream, Trial, VersionRange

SAID = "sidecar readiness probe does not define probe port"
STEADY_S = 5.0

SIDECAR_EXEC_READINESS = Trial(
    name="sidecar-exec-readiness",
    documents=service(
        "sidecar-exec",
        sidecar="""\
readinessProbe:
  exec: {command: [python3, /app/toggle.py, probe, readiness]}
  periodSeconds: 2
  timeoutSeconds: 5
""",
    ),
    sidecar_probes=True,
    within_s=90.0,
    logs=("queue-proxy", CONTROLLER_LOG),
)


def signature(seen: Seen) -> Decided:
    """Knative says that the probe has no port; or the pod stands with the sidecar's exec probe, and serves."""
    if said := says(seen, SAID):
        return present(said)
    if why := refused(seen):
        if not lacks_field(why):
            return inconclusive(f"refused for another reason: {why}")
        return not_applicable(f"the webhook refuses probes of sidecars, also with the flag on: {why}")
    listed = template(seen).get("containers") or []
    kept = any((one.get("readinessProbe") or {}).get("exec") for one in listed if one.get("name") == "sidecar")
    ready_ns = first_ready_ns(seen)
    if kept and ready_ns and answered(seen, ready_ns) and s_between(ready_ns, seen.until_ns) >= STEADY_S:
        return absent("the pod with the sidecar's exec readiness probe is Ready and answers requests")
    return inconclusive("the Service is neither served nor is a reason known")


B8 = Bug(
    id="B8",
    title="A sidecar with an exec readiness probe is not deployed",
    source="knative/serving #15484, #15770",
    provoked_by=SIDECAR_EXEC_READINESS,
    signature=signature,
    claimed=Claimed(VersionRange.parse("1.14-1.17"), "1.14 to 1.17, fixed in 1.18.0"),
    maskers=("B7",),
    needs={BugState.ABSENT: (Stream.PODS,)},
)
