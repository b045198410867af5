"""A workload on the cluster: deployed until its pods serve, and given fresh pods."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from harness.adapters.documents import Obj
from harness.adapters.ingress import ANY_REQUEST
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.progress import QUIET, Progress, work_of
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import TOGGLE, TOKEN_ENV
from harness.deploy.applying import accepted, failed, namespace_made
from harness.deploy.deployment import PlainDeployment
from harness.deploy.direct import prove_routes
from harness.deploy.kind import Kind
from harness.deploy.pods import GRACE_S, end_pods, pods_of
from harness.deploy.refused import RefusalWatch
from harness.deploy.service import KnativeService
from harness.deploy.serving import none_left, served_by, without
from harness.deploy.workload import applied, knative_service
from harness.errors import WaitTimeout
from harness.model import (
    USERS_ROUTE,
    ClusterHandle,
    Deployed,
    Hop,
    InstalledStack,
    ServiceSpec,
    UserRequest,
    Workload,
    WorkloadKind,
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {WorkloadKind.KNATIVE_SERVICE: KnativeService(), WorkloadKind.DEPLOYMENT: PlainDeployment()}
)
"""A new kind of workload is added here."""

REDACTED = "redacted"

NO_IMAGES: Mapping[str, str] = MappingProxyType({})


def deploy(
    handle: ClusterHandle,
    stack: InstalledStack,
    workload: Workload | ServiceSpec,
    *,
    namespace: str,
    app_image: str,
    run_id: str,
    images: Mapping[str, str] = NO_IMAGES,
    request: UserRequest = ANY_REQUEST,
    progress: Progress = QUIET,
    within_s: float = 120.0,
) -> Deployed:
    """Apply the workload and wait until its pods serve; one that begins without a pod stands when it is ready and has none.

    workload: a ServiceSpec stands for its Knative Service. images: by their names in the documents, under which names the cluster
    has them. request: by which it is proved to serve. namespace: made if it is not there. stack: proof that there is something
    to deploy to. Raises DeployError: at once with the cluster's words where it has refused the workload for good
    (`harness.knative.refusals`), else with the conditions and events last seen; BadInput where the cluster lacks what it needs.
    """
    if isinstance(workload, ServiceSpec):
        workload = knative_service(workload)
    (deployed,) = deploy_together(
        handle,
        stack,
        [workload],
        namespace=namespace,
        app_image=app_image,
        run_id=run_id,
        images=images,
        request=request,
        progress=progress,
        within_s=within_s,
    )
    return deployed


def deploy_together(
    handle: ClusterHandle,
    stack: InstalledStack,
    workloads: Sequence[Workload],
    *,
    namespace: str,
    app_image: str,
    run_id: str,
    images: Mapping[str, str] = NO_IMAGES,
    request: UserRequest = ANY_REQUEST,
    progress: Progress = QUIET,
    within_s: float = 120.0,
) -> tuple[Deployed, ...]:
    """The same for several workloads of one kind in one namespace: all are applied before the first is waited for."""
    objects, kind = Objects(Kube.of(handle)), KINDS[workloads[0].kind]
    own = {TOGGLE.image: app_image, **images}
    all_docs = [
        applied(workload, namespace=namespace, images=own, token=secrets.token_hex(16), run_id=run_id) for workload in workloads
    ]
    names = ", ".join(Ref.of(docs[0]).name for docs in all_docs)
    with progress.step(f"deploy {namespace}/{names}", work=work_of("deploy", *workloads, app_image)):
        namespace_made(objects, namespace, run_id)
        for docs in all_docs:
            _apply(objects, docs, within_s=within_s)
        several = tuple(_standing(objects, handle, kind, docs, request, within_s=within_s) for docs in all_docs)
    for deployed in several:
        users = deployed.route(USERS_ROUTE)
        if stack.domain and Hop.INGRESS in users.hops and not users.host.endswith(stack.domain):
            progress.say(f"{deployed.name} is served as {users.host}, outside of the domain {stack.domain}")
    return several


def fresh_pods(handle: ClusterHandle, deployed: Deployed, *, progress: Progress = QUIET, within_s: float = 120.0) -> Deployed:
    """Replace all pods, outside of what is measured, and wait until the new ones have served and none has restarted.

    A workload that scales by itself, or was changed since it was deployed, is made anew: its pods alone would not come back as they
    were. All but the pods stays. Raises DeployError.
    """
    return fresh_pods_together(handle, [deployed], progress=progress, within_s=within_s)[0]


def fresh_pods_together(
    handle: ClusterHandle, several: Sequence[Deployed], *, progress: Progress = QUIET, within_s: float = 120.0
) -> tuple[Deployed, ...]:
    """The same for several workloads: the pods of all are on their way out before the new ones of the first are waited for."""
    objects, old = Objects(Kube.of(handle)), {}
    for deployed in several:
        if _pods_come_back(objects, deployed):
            pods = pods_of(objects, deployed)
            old[deployed.name] = {pod.uid for pod in pods}
            for pod in pods if len(several) > 1 else ():
                objects.delete(Ref("v1", "Pod", pod.name, deployed.namespace), grace_s=GRACE_S)
    return tuple(_fresh(objects, handle, one, old.get(one.name), progress=progress, within_s=within_s) for one in several)


def _pods_come_back(objects: Objects, deployed: Deployed) -> bool:
    """Whether its pods, once deleted, come back as they were."""
    kind: Kind = KINDS[deployed.kind]
    docs: list[Obj] = json.loads(deployed.applied)
    return bool(deployed.pods) and not kind.scales_by_itself(docs) and kind.unchanged(objects, deployed, docs)


def _fresh(
    objects: Objects, handle: ClusterHandle, deployed: Deployed, old: Collection[str] | None, *, progress: Progress, within_s: float
) -> Deployed:
    """old: uids of the pods to be replaced; None: the workload is made anew."""
    kind, docs = KINDS[deployed.kind], json.loads(deployed.applied)
    with progress.step(f"fresh pods for {deployed.namespace}/{deployed.name}", work=None):
        try:
            if old is None:
                _gone(objects, kind, deployed, docs, within_s=within_s)
                pods = _stand(objects, handle, kind, docs, deployed.request, within_s=within_s).pods
            else:
                without(objects, deployed, old, within_s=within_s)
                refused = RefusalWatch(objects, kind, docs).require_none
                pods = served_by(objects, handle, deployed, len(deployed.pods), within_s=within_s, refused=refused)
            fresh = replace(deployed, pods=pods)
            prove_routes(fresh, within_s=within_s)
        except WaitTimeout as timeout:
            raise failed(objects, Ref.of(docs[0]), timeout) from timeout
    return fresh


def _stand(
    objects: Objects, handle: ClusterHandle, kind: Kind, docs: Sequence[Obj], request: UserRequest, *, within_s: float
) -> Deployed:
    """Apply the documents and wait until they stand with the pods they begin with."""
    _apply(objects, docs, within_s=within_s)
    return _standing(objects, handle, kind, docs, request, within_s=within_s)


def _apply(objects: Objects, docs: Sequence[Obj], *, within_s: float) -> None:
    for obj in sorted(docs, key=lambda one: "spec" in one):  # what the pods need, such as a ConfigMap, has no spec and comes first
        accepted(objects, obj, within_s=within_s)


def _standing(
    objects: Objects, handle: ClusterHandle, kind: Kind, docs: Sequence[Obj], request: UserRequest, *, within_s: float
) -> Deployed:
    """Wait until the applied documents stand with the pods they begin with."""
    try:
        refused = RefusalWatch(objects, kind, docs).require_none
        found = kind.found(objects, handle, docs, within_s=within_s, refused=refused)
        deployed = replace(found, applied=json.dumps(docs), request=request)
        count = kind.pods_wanted(docs)
        if not count:
            none_left(objects, deployed, within_s=within_s)
        pods = served_by(objects, handle, deployed, count, within_s=within_s, refused=refused) if count else ()
        return replace(deployed, pods=pods, pod_spec=_pod_spec(kind.made(objects, deployed)))
    except WaitTimeout as timeout:
        raise failed(objects, Ref.of(docs[0]), timeout) from timeout


def _gone(objects: Objects, kind: Kind, deployed: Deployed, docs: Sequence[Obj], *, within_s: float) -> None:
    """Delete the documents and wait until they, what was made of them, and the pods are gone."""
    end_pods(objects, deployed.namespace, deployed.selector)
    for obj in docs:
        objects.delete(Ref.of(obj))

    def once() -> Look[bool]:
        without(objects, deployed, {pod.uid for pod in pods_of(objects, deployed)}, within_s=within_s)
        there = [str(ref) for ref in map(Ref.of, docs) if objects.get(ref) is not None]
        left = [*there, *kind.remains(objects, deployed)]
        return Look(None if left else True, ", ".join(left) or "gone")

    wait_for(f"{deployed.name} is gone", once, within_s=within_s)


def _pod_spec(made: Obj | None) -> str:
    """The pod template's spec as one line of JSON, without the app's token; "" where it is not there."""
    if made is None:
        return ""
    return json.dumps(redacted(made["spec"]["template"]["spec"]), sort_keys=True, separators=(",", ":"))


def redacted(spec: Obj) -> Obj:
    """A pod's spec without the app's token."""
    spec = json.loads(json.dumps(spec))
    for container in spec.get("containers") or []:
        for variable in container.get("env") or []:
            if variable.get("name") == TOKEN_ENV:
                variable["value"] = REDACTED
    return spec
