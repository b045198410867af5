"""The Knative Service as a kind of workload."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from harness.adapters.documents import Obj
from harness.adapters.objects import Objects, Ref, condition, conditions
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import CONTROL_PORT, CONTROL_PORT_ENV, TOKEN_ENV
from harness.deploy.kind import Refused, never
from harness.deploy.manifest import env_of, pods_wanted, scales_by_itself, sidecar_control_ports, user_port
from harness.deploy.pods import pods_at
from harness.knative.names import CONTROLLER, CONTROLLER_SELECTOR, REVISION_LABEL, SERVICE_LABEL, SERVING_API, SYSTEM_NAMESPACE
from harness.knative.refusals import Evidence
from harness.model import USERS_ROUTE, ClusterHandle, Deployed, Hop, Route, WorkloadKind

LOGGED_S = 60
"""How far back the controller's log is read; it repeats a refusal with every try."""

USERS_HOPS = (Hop.INGRESS, Hop.ACTIVATOR, Hop.QUEUE_PROXY, Hop.USER_CONTAINER)


class KnativeService:
    """The Service, and behind it what its pods need of a user's file; Knative makes everything else."""

    def pods_wanted(self, docs: Sequence[Obj]) -> int:
        """See Kind."""
        return pods_wanted(docs[0])

    def scales_by_itself(self, docs: Sequence[Obj]) -> bool:
        """See Kind."""
        return scales_by_itself(docs[0])

    def found(
        self, objects: Objects, handle: ClusterHandle, docs: Sequence[Obj], *, within_s: float, refused: Refused = never
    ) -> Deployed:
        """See Kind."""
        obj = docs[0]
        ref = Ref.of(obj)
        seen = _ready(objects, ref, within_s=within_s, refused=refused)
        host = urlsplit(str(seen["status"]["url"])).hostname or ""
        return Deployed(
            kind=WorkloadKind.KNATIVE_SERVICE,
            namespace=ref.namespace,
            name=ref.name,
            revision=_revision(seen),
            pods=(),
            routes=(Route(USERS_ROUTE, handle.address, handle.ports.ingress, host, USERS_HOPS),),
            user_port=user_port(obj),
            control_port=int(env_of(obj, CONTROL_PORT_ENV) or CONTROL_PORT),
            sidecar_control_ports=sidecar_control_ports(obj),
            token=env_of(obj, TOKEN_ENV),
            selector=_selector(ref),
        )

    def unchanged(self, objects: Objects, deployed: Deployed, docs: Sequence[Obj]) -> bool:
        """See Kind. After a rollout its pods are of another Revision."""
        return _revision(objects.get(Ref.of(docs[0]))) == deployed.revision

    def remains(self, objects: Objects, deployed: Deployed) -> list[str]:
        """See Kind. A new Service of the same name would find the old one's Revisions in its way."""
        return [
            str(Ref.of(one))
            for one in objects.find(SERVING_API, "Revision", namespace=deployed.namespace, labels=deployed.selector)
        ]

    def made(self, objects: Objects, deployed: Deployed) -> Obj | None:
        """See Kind."""
        labels = f"{REVISION_LABEL}={deployed.revision}"
        return next(iter(objects.find("apps/v1", "Deployment", namespace=deployed.namespace, labels=labels)), None)

    def evidence(self, objects: Objects, docs: Sequence[Obj]) -> Evidence:
        """See Kind."""
        ref = Ref.of(docs[0])
        where = {"namespace": ref.namespace, "labels": _selector(ref)}
        made = objects.find("apps/v1", "Deployment", **where)
        return Evidence(
            pods=tuple(objects.find("v1", "Pod", **where)),
            events=tuple(objects.find("v1", "Event", namespace=ref.namespace)),
            deployments=tuple(made),
            revisions=tuple(objects.find(SERVING_API, "Revision", **where)),
            controller_log="" if made else _controller_log(objects),
        )


def _selector(service: Ref) -> str:
    """Of everything that Knative makes of it."""
    return f"{SERVICE_LABEL}={service.name}"


def _controller_log(objects: Objects) -> str:
    """What Knative's controller has just logged: nobody else says why it made no Deployment."""
    pods = objects.find("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=CONTROLLER_SELECTOR)
    logs = [objects.log(SYSTEM_NAMESPACE, Ref.of(pod).name, CONTROLLER, since_s=LOGGED_S) for pod in pods]
    return "\n".join(logs)


def _revision(service: Obj | None) -> str:
    """The newest one that is ready."""
    return str(((service or {}).get("status") or {}).get("latestReadyRevisionName") or "")


def _ready(objects: Objects, ref: Ref, *, within_s: float, refused: Refused) -> Obj:
    def once() -> Look[Obj]:
        seen = objects.get(ref)
        if seen is not None and condition(seen, "Ready") and (seen.get("status") or {}).get("url"):
            return Look(seen, "Ready")
        refused()
        pods = "; ".join(map(str, pods_at(objects, ref.namespace, _selector(ref))[:3])) or "no pods"
        return Look(None, f"{conditions(seen)}; {pods}")

    return wait_for(f"{ref} is Ready", once, within_s=within_s, every_s=0.3)
