"""The Service under test on the cluster: deployed until its one pod serves, given a fresh pod, removed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from harness.adapters.documents import Obj
from harness.adapters.ingress import ask
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects, Ref, condition, conditions
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import CONTROL_PORT, CONTROL_PORT_ENV, TOKEN_ENV
from harness.deploy.direct import prove_routes
from harness.deploy.manifest import adopted, env_of, render, user_port
from harness.deploy.pods import pods_of
from harness.errors import DeployError, WaitTimeout
from harness.knative.names import SERVING_API
from harness.model import RUN_LABEL, USERS_ROUTE, ClusterHandle, Deployed, Hop, InstalledStack, Pod, Route, ServiceSpec

GRACE_S = 1
"""Of a pod deleted outside of what is measured: its own grace is timeoutSeconds, 300 by default."""

KIND = "knative-service"

USERS_HOPS = (Hop.INGRESS, Hop.ACTIVATOR, Hop.QUEUE_PROXY, Hop.USER_CONTAINER)

CLEARED = "knative-chaos.dev/cleared"
"""Annotation of a namespace on its way out."""


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
    """Apply the Service and wait until a request through the ingress is answered by its one pod.

    spec: or a manifest as `from_yaml` gave it. namespace: made if it is not there. stack: proof that there is something to deploy
    to. Raises DeployError with the conditions and events last seen.
    """
    objects = Objects(Kube.of(handle))
    token = secrets.token_hex(16)
    if isinstance(spec, ServiceSpec):
        obj = render(spec, namespace=namespace, image=app_image, token=token, run_id=run_id)
    else:
        obj = adopted(spec, namespace=namespace, app_image=app_image, token=token, run_id=run_id)
    ref = Ref.of(obj)
    with progress.step(f"deploy {ref.namespace}/{ref.name}"):
        _space(objects, namespace, run_id)
        _accepted(objects, obj, within_s=within_s)
        try:
            seen = _ready(objects, ref, within_s=within_s)
            host = urlsplit(str(seen["status"]["url"])).hostname or ""
            deployed = Deployed(
                kind=KIND,
                namespace=namespace,
                name=ref.name,
                revision=str(seen["status"].get("latestReadyRevisionName") or ""),
                pods=(),
                routes=(Route(USERS_ROUTE, handle.address, handle.ports.ingress, host, USERS_HOPS),),
                user_port=user_port(obj),
                control_port=int(env_of(obj, CONTROL_PORT_ENV) or CONTROL_PORT),
                token=env_of(obj, TOKEN_ENV),
            )
            pod = _served_by_one(objects, deployed, within_s=within_s)
        except WaitTimeout as timeout:
            raise _failed(objects, ref, timeout) from timeout
    if stack.domain and not host.endswith(stack.domain):
        progress.say(f"{ref.name} is served as {host}, outside of the domain {stack.domain}")
    return replace(deployed, pods=(pod,))


def fresh_pods(handle: ClusterHandle, deployed: Deployed, *, progress: Progress = QUIET, within_s: float = 120.0) -> Deployed:
    """Replace the pod, outside of what is measured, and wait until the new one has served a request and never restarted.

    All but the pods stays. Raises DeployError.
    """
    objects = Objects(Kube.of(handle))
    ref = Ref(SERVING_API, "Service", deployed.name, deployed.namespace)
    with progress.step(f"fresh pods for {deployed.namespace}/{deployed.name}"):
        old = {pod.uid for pod in pods_of(objects, deployed.namespace, deployed.name)}
        try:
            _without(objects, deployed, old, within_s=within_s)
            fresh = replace(deployed, pods=(_served_by_one(objects, deployed, within_s=within_s),))
            prove_routes(fresh, within_s=within_s)
        except WaitTimeout as timeout:
            raise _failed(objects, ref, timeout) from timeout
    return fresh


def remove(handle: ClusterHandle, *, namespace: str, run_id: str, within_s: float = 120.0, progress: Progress = QUIET) -> None:
    """Delete what carries the run's label in the namespace, and the namespace too if it does; wait until it is gone.

    What is not there is fine: idempotent. Raises WaitTimeout with what is left, ApiRefused.
    """
    objects = Objects(Kube.of(handle))
    space = Ref("v1", "Namespace", namespace)
    found = objects.get(space)
    if found is None:
        return
    ours = (found["metadata"].get("labels") or {}).get(RUN_LABEL) == run_id
    selector = f"{RUN_LABEL}={run_id}"
    with progress.step(f"remove {namespace}" if ours else f"remove the run's Services from {namespace}"):
        for service in objects.find(SERVING_API, "Service", namespace=namespace, labels=selector):
            objects.delete(Ref.of(service))
        if ours:
            objects.delete(space)
        hurried = False

        def once() -> Look[bool]:
            nonlocal hurried
            pods = objects.find("v1", "Pod", namespace=namespace, labels=selector)
            for pod in pods:
                objects.delete(Ref.of(pod), grace_s=GRACE_S)
            if pods:
                return Look(None, f"{len(pods)} pods left, {pods[0]['metadata']['name']} among them")
            left = objects.get(space) if ours else None
            if left is not None and not hurried:
                _look_again(objects, space)
                hurried = True
            return Look(True if left is None else None, f"the namespace: {conditions(left)}")

        wait_for(f"{namespace} is cleared", once, within_s=within_s, every_s=0.5, fix="make down && make up")


def _look_again(objects: Objects, space: Ref) -> None:
    """Make Kubernetes look at a namespace on its way out; it does so 5 s after each change of it.

    Where it has seen a pod left it comes back after half of that pod's own grace, 150 s by default, however soon the pod ended.
    """
    try:
        objects.merge(space, {"metadata": {"annotations": {CLEARED: "no pods left"}}})
    except ApiRefused as refused:
        if refused.status != 404:  # gone already
            raise


def sweep(handle: ClusterHandle, *, alive: Callable[[str], bool], progress: Progress = QUIET) -> tuple[str, ...]:
    """Remove the namespaces of runs that are no longer alive, and say which. alive: asked with a run's id.

    A killed run leaves its Service running, and on two cores that is what the next run's pods then lack.
    """
    gone = []
    for space in Objects(Kube.of(handle)).find("v1", "Namespace", labels=RUN_LABEL):
        name, run_id = space["metadata"]["name"], space["metadata"]["labels"][RUN_LABEL]
        going = space["metadata"].get("deletionTimestamp")
        if not going and not alive(run_id):
            progress.say(f"{name} is left over from a run that ended without its clean-up")
            remove(handle, namespace=name, run_id=run_id, progress=progress)
            gone.append(name)
    return tuple(gone)


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
        pods = "; ".join(map(str, pods_of(objects, ref.namespace, ref.name)[:3])) or "no pods"
        return Look(None, f"{conditions(seen)}; {pods}")

    return wait_for(f"{ref} is Ready", once, within_s=within_s, every_s=0.3)


def _without(objects: Objects, deployed: Deployed, uids: set[str], *, within_s: float) -> None:
    """Delete these pods and wait until they are gone."""

    def once() -> Look[bool]:
        left = [pod for pod in pods_of(objects, deployed.namespace, deployed.name) if pod.uid in uids]
        for pod in left:
            if not pod.deleting:
                objects.delete(Ref("v1", "Pod", pod.name, deployed.namespace), grace_s=GRACE_S)
        return Look(None if left else True, "; ".join(map(str, left)) or "gone")

    wait_for(f"the pods of {deployed.name} before are gone", once, within_s=within_s)


def _served_by_one(objects: Objects, deployed: Deployed, *, within_s: float) -> Pod:
    """The one pod of the Service, once it is Ready, has not restarted, and a request through the ingress came back from it.

    An app without the toggle's headers (a user's own) is taken at its word: there is one pod, and the answer is 200.
    Raises WaitTimeout, DeployError when the pod restarts before it was ever measured.
    """
    users = deployed.route(USERS_ROUTE)

    def once() -> Look[Pod]:
        pods = pods_of(objects, deployed.namespace, deployed.name)
        staying = [pod for pod in pods if not pod.deleting and pod.phase not in {"Succeeded", "Failed"}]
        if len(pods) == 1 and len(staying) == 1 and staying[0].total_restarts:
            raise DeployError(
                f"The {staying[0]} before anything was measured.",
                where=f"{deployed.namespace}/{staying[0].name}",
                fix="Give its probes more time than its start-up takes, or look into the app's log.",
            )
        if len(pods) > 1 or (staying and not staying[0].ready):
            return Look(None, "; ".join(map(str, pods)))
        # without a pod the request is what wakes one up
        reply = ask(users.address, users.port, users.host)
        if not staying:
            return Look(None, f"no pod; {reply}")
        known = reply.pod == staying[0].name or (not reply.pod and not deployed.token)
        return Look(staying[0].known(reply.boot) if reply.status == 200 and known else None, f"{staying[0]}; {reply}")

    return wait_for(f"{deployed.name} is served by its one pod", once, within_s=within_s)


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
