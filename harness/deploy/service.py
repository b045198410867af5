"""The Knative Service as a kind of workload."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from harness.adapters.documents import Obj
from harness.adapters.objects import Objects, Ref, condition, conditions
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import CONTROL_PORT, CONTROL_PORT_ENV, TOKEN_ENV
from harness.deploy.manifest import env_of, pods_wanted, scales_by_itself, user_port
from harness.deploy.pods import pods_at
from harness.knative.names import REVISION_LABEL, SERVICE_LABEL, SERVING_API
from harness.model import USERS_ROUTE, ClusterHandle, Deployed, Hop, Route, WorkloadKind

USERS_HOPS = (Hop.INGRESS, Hop.ACTIVATOR, Hop.QUEUE_PROXY, Hop.USER_CONTAINER)


class KnativeService:
    """The Service, and behind it what its pods need of a user's file; Knative makes everything else."""

    def pods_wanted(self, docs: Sequence[Obj]) -> int:
        """See Kind."""
        return pods_wanted(docs[0])

    def scales_by_itself(self, docs: Sequence[Obj]) -> bool:
        """See Kind."""
        return scales_by_itself(docs[0])

    def found(self, objects: Objects, handle: ClusterHandle, docs: Sequence[Obj], *, within_s: float) -> Deployed:
        """See Kind."""
        obj = docs[0]
        ref = Ref.of(obj)
        seen = _ready(objects, ref, within_s=within_s)
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
            token=env_of(obj, TOKEN_ENV),
            selector=f"{SERVICE_LABEL}={ref.name}",
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


def _revision(service: Obj | None) -> str:
    """The newest one that is ready."""
    return str(((service or {}).get("status") or {}).get("latestReadyRevisionName") or "")


def _ready(objects: Objects, ref: Ref, *, within_s: float) -> Obj:
    def once() -> Look[Obj]:
        seen = objects.get(ref)
        if seen is not None and condition(seen, "Ready") and (seen.get("status") or {}).get("url"):
            return Look(seen, "Ready")
        pods = "; ".join(map(str, pods_at(objects, ref.namespace, f"{SERVICE_LABEL}={ref.name}")[:3])) or "no pods"
        return Look(None, f"{conditions(seen)}; {pods}")

    return wait_for(f"{ref} is Ready", once, within_s=within_s, every_s=0.3)
