"""Taking away what runs deployed: their Services, and the namespaces that are theirs."""

from __future__ import annotations

from collections.abc import Callable

from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects, Ref, conditions
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.deploy.pods import end_pods
from harness.knative.names import SERVING_API
from harness.model import RUN_LABEL, ClusterHandle

DEPLOYED = ((SERVING_API, "Service"), ("apps/v1", "Deployment"), ("v1", "Service"))
"""What runs make, and what must be deleted one by one in a namespace that is not the run's."""

CLEARED = "knative-chaos.dev/cleared"
"""Annotation of a namespace on its way out."""


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
    what = "the run's namespace" if ours else "the run's Services"
    with progress.step(f"remove {what} ({namespace})", work=f"remove {what}"):
        end_pods(objects, namespace, selector)
        for api_version, kind in DEPLOYED:
            for one in objects.find(api_version, kind, namespace=namespace, labels=selector):
                if not one["metadata"].get("ownerReferences"):  # what Knative made goes with what it was made for
                    objects.delete(Ref.of(one))
        if ours:
            objects.delete(space)
        hurried = False

        def once() -> Look[bool]:
            nonlocal hurried
            if pods := end_pods(objects, namespace, selector):
                return Look(None, f"{len(pods)} pods left, {pods[0]} among them")
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
