"""B17: from zero, a request reaches a pod whose sidecar's exec readiness has not succeeded yet."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, not_applicable, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import first_ready_ns, lacks_field, refused, s_between
from harness.model import BugState, Claimed, Decided, Seen, Stream, Trial

EARLY_S = 7.0
"""More than there may be between two looks (LOOKS_APART_S), and less than the DELAY_S of the sidecar, which is Ready after it."""

DELAY_S = 12.0
"""From zero the sidecar starts after the request was sent: an answer that waited for its probe took as long at least."""

FROM_ZERO_SIDECAR = Trial(
    name="from-zero-sidecar-exec",
    documents=service(
        "from-zero-exec",
        sidecar="""\
readinessProbe:
  exec: {command: [python3, /app/toggle.py, probe, readiness]}
  periodSeconds: 1
  timeoutSeconds: 5
""",
        sidecar_env=f"- {{name: TOGGLE_STARTUP_DELAY, value: '{DELAY_S:g}'}}",
        from_zero=True,
    ),
    sidecar_probes=True,
    from_zero=True,
    within_s=120.0,
)


def signature(seen: Seen) -> Decided:
    """The first request from zero was answered long before the pod was Ready; or when it was."""
    if why := refused(seen):
        if not lacks_field(why):
            return inconclusive(f"refused for another reason: {why}")
        return not_applicable(f"the webhook refuses probes of sidecars, also with the flag on: {why}")
    ready_ns = first_ready_ns(seen)
    first = next((one for one in seen.requests if one.status and one.pod), None)
    if first is None or not ready_ns:
        return inconclusive("the first request is not answered, or the pod is not Ready yet")
    early_s = s_between(first.done_ns, ready_ns)
    if early_s >= EARLY_S:
        return present(f"the first request was answered {early_s:.1f} s before the pod was Ready")
    waited_s = s_between(first.sent_ns, first.done_ns)
    if waited_s >= DELAY_S:
        return absent(f"the first request waited {waited_s:.1f} s, until the pod was Ready")
    return inconclusive(f"the first request waited {waited_s:.1f} s, and the sidecar listens {DELAY_S:g} s after its start")


B17 = Bug(
    id="B17",
    title="From zero, a sidecar's exec readiness holds back no request",
    source="found with this harness on 1.23; not known upstream",
    provoked_by=FROM_ZERO_SIDECAR,
    signature=signature,
    claimed=Claimed(None, "not known upstream; queue-proxy skips the probe from 1.18 on"),
    maskers=("B7", "B8"),
    needs={BugState.PRESENT: (Stream.PODS,)},
)
