"""The plain Deployment as a kind of workload: a control arm without Knative on the same cluster.

Its users come by the node's port that kind maps to this host, straight to the pods. As in front of any Service, Kubernetes leaves
out a pod that is not ready, and refuses by itself where none is.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.adapters.documents import Obj
from harness.adapters.objects import Objects, Ref
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import CONTROL_PORT, CONTROL_PORT_ENV, TOKEN_ENV
from harness.deploy.kind import Refused, never
from harness.deploy.manifest import env_of, sidecar_control_ports, user_port
from harness.errors import BadInput
from harness.knative.refusals import Evidence
from harness.model import CONTROL_NODE_PORT, USERS_ROUTE, ClusterHandle, Deployed, Hop, Route, WorkloadKind

REVISION = "deployment.kubernetes.io/revision"
"""Annotation of a Deployment: a number that grows with each change of its template."""


class PlainDeployment:
    """Two documents: the Deployment, and the NodePort Service in front of it."""

    def pods_wanted(self, docs: Sequence[Obj]) -> int:
        """See Kind."""
        return int(docs[0]["spec"]["replicas"])

    def scales_by_itself(self, docs: Sequence[Obj]) -> bool:
        """See Kind."""
        del docs
        return False

    def found(
        self, objects: Objects, handle: ClusterHandle, docs: Sequence[Obj], *, within_s: float, refused: Refused = never
    ) -> Deployed:
        """See Kind."""
        del refused  # its controller looks at every Deployment; what becomes of its pods is not waited for here
        obj = docs[0]
        ref = Ref.of(obj)
        if not handle.ports.control:
            raise BadInput(
                f"No port of this host leads to node port {CONTROL_NODE_PORT} of the cluster {handle.name}; the requests to a "
                "plain Deployment need it.",
                fix="Use a cluster made by knative-chaos up.",
            )
        seen = _seen(objects, ref, within_s=within_s)
        host = f"{ref.name}.{ref.namespace}"
        return Deployed(
            kind=WorkloadKind.DEPLOYMENT,
            namespace=ref.namespace,
            name=ref.name,
            revision=_revision(seen),
            pods=(),
            routes=(Route(USERS_ROUTE, handle.address, handle.ports.control, host, (Hop.USER_CONTAINER,)),),
            user_port=user_port(obj),
            control_port=int(env_of(obj, CONTROL_PORT_ENV) or CONTROL_PORT),
            sidecar_control_ports=sidecar_control_ports(obj),
            token=env_of(obj, TOKEN_ENV),
            selector=_selector(obj),
        )

    def unchanged(self, objects: Objects, deployed: Deployed, docs: Sequence[Obj]) -> bool:
        """See Kind. After a rollout or a scale-down its pods would be others, or fewer."""
        seen = objects.get(Ref.of(docs[0]))
        same = seen is not None and seen["spec"].get("replicas") == docs[0]["spec"]["replicas"]
        return same and _revision(seen) == deployed.revision

    def remains(self, objects: Objects, deployed: Deployed) -> list[str]:
        """See Kind. ReplicaSets of before would be taken over, and their pods with them."""
        return [
            str(Ref.of(one))
            for one in objects.find("apps/v1", "ReplicaSet", namespace=deployed.namespace, labels=deployed.selector)
        ]

    def made(self, objects: Objects, deployed: Deployed) -> Obj | None:
        """See Kind."""
        return objects.get(Ref("apps/v1", "Deployment", deployed.name, deployed.namespace))

    def evidence(self, objects: Objects, docs: Sequence[Obj]) -> Evidence:
        """See Kind."""
        ref = Ref.of(docs[0])
        made = objects.get(ref)
        return Evidence(
            pods=tuple(objects.find("v1", "Pod", namespace=ref.namespace, labels=_selector(docs[0]))),
            events=tuple(objects.find("v1", "Event", namespace=ref.namespace)),
            deployments=(made,) if made else (),
        )


def _selector(deployment: Obj) -> str:
    return ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())


def _seen(objects: Objects, ref: Ref, *, within_s: float) -> Obj:
    """The Deployment once its controller has looked at it as it is."""

    def once() -> Look[Obj]:
        seen = objects.get(ref)
        status, metadata = (seen or {}).get("status") or {}, (seen or {}).get("metadata") or {}
        looked = seen is not None and status.get("observedGeneration") == metadata.get("generation")
        return Look(seen if looked else None, f"generation {status.get('observedGeneration')} of {metadata.get('generation')}")

    return wait_for(f"{ref} is seen by its controller", once, within_s=within_s, every_s=0.3)


def _revision(deployment: Obj | None) -> str:
    return str((((deployment or {}).get("metadata") or {}).get("annotations") or {}).get(REVISION) or "")
