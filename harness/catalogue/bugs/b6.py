"""B6: the port of a liveness probe is overwritten with the user port, also with multi-container-probing on."""

from __future__ import annotations

from harness.apps.toggle import CONTROL_PORT
from harness.catalogue.bugs.bug import Bug, absent, inconclusive, not_applicable, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import answered, container, first_ready_ns, refused, template
from harness.knative.names import USER_CONTAINER
from harness.model import Claimed, Decided, Seen, Trial, VersionRange

WRITTEN_PORT = CONTROL_PORT
"""The toggle app's control port, whose /probe/liveness answers without a token."""

OTHER_LIVENESS_PORT = Trial(
    name="liveness-on-another-port",
    documents=service(
        "other-port", f"livenessProbe: {{httpGet: {{path: /probe/liveness, port: {WRITTEN_PORT}}}, periodSeconds: 5}}"
    ),
    sidecar_probes=True,
    within_s=60.0,
)


def signature(seen: Seen) -> Decided:
    """The port in the Deployment that Knative made, beside the one that was written."""
    if why := refused(seen):
        if "livenessProbe" not in why:
            return inconclusive(f"refused for another reason: {why}")
        return not_applicable(f"the webhook refuses the port: {why}")
    handler = (container(template(seen), USER_CONTAINER).get("livenessProbe") or {}).get("httpGet")
    if not isinstance(handler, dict):
        return inconclusive("Knative made no Deployment with the liveness probe")
    ready_ns = first_ready_ns(seen)
    if not (ready_ns and answered(seen, ready_ns)):  # until then the controller may not have read the flag
        return inconclusive("the pod is not Ready, or has not answered")
    port = handler.get("port")
    said = f"written: port {WRITTEN_PORT}; in the Deployment: port {port}"
    return absent(said) if port == WRITTEN_PORT else present(said)


B6 = Bug(
    id="B6",
    title="Port of a liveness probe is overwritten, also with multi-container-probing on",
    source="pkg/reconciler/revision/resources/deploy.go of knative/serving",
    provoked_by=OTHER_LIVENESS_PORT,
    signature=signature,
    claimed=Claimed(VersionRange.parse("<1.22"), "honoured from 1.22.0 on, only with the flag on"),
)
