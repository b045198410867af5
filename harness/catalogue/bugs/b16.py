"""B16: a startup probe without a port is accepted, and then the Deployment is refused."""

from __future__ import annotations

from harness.catalogue.bugs.bug import Bug, absent, inconclusive, not_applicable, present
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import answered, container, first_ready_ns, lacks_field, refused, says, template
from harness.knative.names import USER_CONTAINER
from harness.model import CONTROLLER_LOG, Claimed, Decided, Seen, Trial

STARTUP_WITHOUT_PORT = Trial(
    name="startup-without-port",
    documents=service("startup-no-port", "startupProbe: {httpGet: {path: /healthz}, periodSeconds: 1}"),
    within_s=60.0,
    logs=(CONTROLLER_LOG,),
)


def signature(seen: Seen) -> Decided:
    """The controller says that the Deployment's probe has no port; or the pod stands with a startup probe, and serves."""
    if why := refused(seen):
        if "startupProbe" not in why:
            return inconclusive(f"refused for another reason: {why}")
        if lacks_field(why):
            return not_applicable(f"startup probes are refused: {why}")
        return absent(f"the webhook refuses the probe at once: {why}")
    if said := says(seen, "startupProbe", "Invalid value: 0") or says(seen, "startupProbe", "Required value"):
        return present(said)
    probe = container(template(seen), USER_CONTAINER).get("startupProbe")
    ready_ns = first_ready_ns(seen)
    if probe and ready_ns and answered(seen, ready_ns):
        return absent(f"the pod with the startup probe {probe} is Ready and answers requests")
    if template(seen) and not probe and ready_ns and answered(seen, ready_ns):
        return not_applicable("the API server drops startup probes")
    return inconclusive("the Service is neither served nor is a reason known")


B16 = Bug(
    id="B16",
    title="A startup probe without a port is accepted and never deployed",
    source="found with this harness on 1.23; not known upstream",
    provoked_by=STARTUP_WITHOUT_PORT,
    signature=signature,
    claimed=Claimed(None, "not known upstream; expected on every version with startup probes"),
)
