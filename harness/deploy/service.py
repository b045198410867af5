"""The Service under test on the cluster: deployed until its pods serve, and given fresh pods."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from urllib.parse import urlsplit

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects, Ref, condition, conditions
from harness.adapters.progress import QUIET, Progress, work_of
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import CONTROL_PORT, CONTROL_PORT_ENV, TOKEN_ENV
from harness.deploy.direct import prove_routes
from harness.deploy.manifest import adopted, env_of, pods_wanted, render, scales_by_itself, user_port
from harness.deploy.pods import pods_at, pods_of
from harness.deploy.serving import none_left, served_by, without
from harness.errors import DeployError, WaitTimeout
from harness.knative.names import SERVICE_LABEL, SERVING_API
from harness.model import RUN_LABEL, USERS_ROUTE, ClusterHandle, Deployed, Hop, InstalledStack, Route, ServiceSpec

KIND = "knative-service"

USERS_HOPS = (Hop.INGRESS, Hop.ACTIVATOR, Hop.QUEUE_PROXY, Hop.USER_CONTAINER)


def deploy(
    handle: ClusterHandle,
    stack: InstalledStack,
    spec: ServiceSpec | Obj,
    *,
    namespace: str,
    app_image: str,
    run_id: str,
    progress: Progress = QUIET,
    within_s: float = 120.0,
) -> Deployed:
    """Apply the Service and wait until its pods serve; one whose initial scale is 0 stands when it is Ready and has no pod.

    spec: or a manifest as `from_yaml` gave it. namespace: made if it is not there. stack: proof that there is something to deploy
    to. Raises DeployError with the conditions and events last seen.
    """
    objects = Objects(Kube.of(handle))
    token = secrets.token_hex(16)
    if isinstance(spec, ServiceSpec):
        obj = render(spec, namespace=namespace, image=app_image, token=token, run_id=run_id)
    else:
        obj = adopted(spec, namespace=namespace, app_image=app_image, token=token, run_id=run_id)
    with progress.step(f"deploy {namespace}/{Ref.of(obj).name}", work=work_of("deploy", spec, app_image)):
        _space(objects, namespace, run_id)
        deployed = _stand(objects, handle, obj, within_s=within_s)
    host = deployed.route(USERS_ROUTE).host
    if stack.domain and not host.endswith(stack.domain):
        progress.say(f"{deployed.name} is served as {host}, outside of the domain {stack.domain}")
    return deployed


def fresh_pods(handle: ClusterHandle, deployed: Deployed, *, progress: Progress = QUIET, within_s: float = 120.0) -> Deployed:
    """Replace all pods, outside of what is measured, and wait until the new ones have served and none has restarted.

    A Service that scales by itself, or has another Revision than the one that was deployed, is made anew: its pods alone would
    not come back as they were. All but the pods stays. Raises DeployError.
    """
    objects = Objects(Kube.of(handle))
    (obj,) = json.loads(deployed.applied)
    ref = Ref.of(obj)
    with progress.step(f"fresh pods for {deployed.namespace}/{deployed.name}", work=None):
        try:
            if not deployed.pods or scales_by_itself(obj) or _revision(objects.get(ref)) != deployed.revision:
                _gone(objects, deployed, ref, within_s=within_s)
                pods = _stand(objects, handle, obj, within_s=within_s).pods
            else:
                old = {pod.uid for pod in pods_of(objects, deployed)}
                without(objects, deployed, old, within_s=within_s)
                pods = served_by(objects, handle, deployed, len(deployed.pods), within_s=within_s)
            fresh = replace(deployed, pods=pods)
            prove_routes(fresh, within_s=within_s)
        except WaitTimeout as timeout:
            raise _failed(objects, ref, timeout) from timeout
    return fresh


def _stand(objects: Objects, handle: ClusterHandle, obj: Obj, *, within_s: float) -> Deployed:
    """Apply the Service and wait until it stands with the pods it begins with."""
    ref, count = Ref.of(obj), pods_wanted(obj)
    _accepted(objects, obj, within_s=within_s)
    try:
        seen = _ready(objects, ref, within_s=within_s)
        host = urlsplit(str(seen["status"]["url"])).hostname or ""
        deployed = Deployed(
            kind=KIND,
            namespace=ref.namespace,
            name=ref.name,
            revision=_revision(seen),
            pods=(),
            routes=(Route(USERS_ROUTE, handle.address, handle.ports.ingress, host, USERS_HOPS),),
            user_port=user_port(obj),
            control_port=int(env_of(obj, CONTROL_PORT_ENV) or CONTROL_PORT),
            token=env_of(obj, TOKEN_ENV),
            selector=f"{SERVICE_LABEL}={ref.name}",
            applied=json.dumps([obj]),
        )
        if not count:
            none_left(objects, deployed, within_s=within_s)
            return deployed
        return replace(deployed, pods=served_by(objects, handle, deployed, count, within_s=within_s))
    except WaitTimeout as timeout:
        raise _failed(objects, ref, timeout) from timeout


def _revision(service: Obj | None) -> str:
    """The newest one that is ready."""
    return str(((service or {}).get("status") or {}).get("latestReadyRevisionName") or "")


def _gone(objects: Objects, deployed: Deployed, ref: Ref, *, within_s: float) -> None:
    """Delete the Service and wait until its Revisions and pods are gone: one of the same name would find theirs in its way."""
    objects.delete(ref)

    def once() -> Look[bool]:
        without(objects, deployed, {pod.uid for pod in pods_of(objects, deployed)}, within_s=within_s)
        revisions = objects.find(SERVING_API, "Revision", namespace=deployed.namespace, labels=deployed.selector)
        left = [ref.name for ref in map(Ref.of, revisions)] + ([] if objects.get(ref) is None else [str(ref)])
        return Look(None if left else True, ", ".join(left) or "gone")

    wait_for(f"{deployed.name} is gone", once, within_s=within_s)


def _space(objects: Objects, namespace: str, run_id: str) -> None:
    """The namespace, with the run's label if it is ours; one of somebody else is used and never labelled, so never deleted."""
    ref = Ref("v1", "Namespace", namespace)
    found = objects.get(ref)
    if found is None or RUN_LABEL in (found["metadata"].get("labels") or {}):
        objects.apply(
            {
                "apiVersion": ref.api_version,
                "kind": ref.kind,
                "metadata": {"name": namespace, "labels": {RUN_LABEL: run_id}},
            }
        )


def _accepted(objects: Objects, obj: Obj, *, within_s: float) -> None:
    """Apply; a webhook that is away for a moment is asked again, a refusal is final. Raises DeployError."""
    ref = Ref.of(obj)

    def once() -> Look[bool]:
        try:
            objects.apply(obj)
        except ApiRefused as refused:
            if refused.status in {0, 429, 503} or "failed calling webhook" in refused.said:
                return Look(None, refused.said)
            raise DeployError(
                f"{ref} was refused: {refused.said}", fix="Correct the Service, or ask for a Knative version that takes it."
            ) from refused
        return Look(value=True, seen="accepted")

    try:
        wait_for(f"{ref} is accepted", once, within_s=within_s, every_s=0.5)
    except WaitTimeout as timeout:
        raise _failed(objects, ref, timeout) from timeout


def _ready(objects: Objects, ref: Ref, *, within_s: float) -> Obj:
    def once() -> Look[Obj]:
        seen = objects.get(ref)
        if seen is not None and condition(seen, "Ready") and (seen.get("status") or {}).get("url"):
            return Look(seen, "Ready")
        pods = "; ".join(map(str, pods_at(objects, ref.namespace, f"{SERVICE_LABEL}={ref.name}")[:3])) or "no pods"
        return Look(None, f"{conditions(seen)}; {pods}")

    return wait_for(f"{ref} is Ready", once, within_s=within_s, every_s=0.3)


def _failed(objects: Objects, ref: Ref, timeout: WaitTimeout) -> DeployError:
    """The timeout with the namespace's last warnings, and what usually mends what was seen."""
    said = "; ".join(_warnings(objects, ref)) or "none"
    everything = f"{timeout.last_seen} {said}"
    fix = "Look at the conditions and events; a longer start-up needs probes that wait for it."
    if "Insufficient cpu" in everything:
        fix = "Lower the Service's CPU request, remove other pods, or give the machine more cores."
    elif "ImagePull" in everything or "ErrImage" in everything or "ErrImageNeverPull" in everything:
        fix = "Check the image's name; where no registry answers, it must be loaded into the cluster first."
    return DeployError(f"{timeout.what} Warnings: {said}.", where=f"{ref.kind} {ref.namespace}/{ref.name}", fix=fix)


def _warnings(objects: Objects, ref: Ref) -> list[str]:
    """The last warnings about the Service and what was made for it; the names of all those begin with its own."""
    try:
        events = objects.find("v1", "Event", namespace=ref.namespace)
    except ApiRefused:
        return []
    about = [
        one
        for one in events
        if one.get("type") == "Warning" and str((one.get("involvedObject") or {}).get("name")).startswith(ref.name)
    ]
    about.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or one["metadata"].get("creationTimestamp")))
    said = [f"{one.get('reason')}: {' '.join(str(one.get('message')).split())[:300]}" for one in about]
    return list(dict.fromkeys(said))[-4:]
