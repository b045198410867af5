"""Queue-proxy's request log: one line a request with the request's own id, on for one run and given back after it.

It changes the system under test: each request costs queue-proxy, and the activator where it goes that way, a line. `switch_on` and
`give_back` roll every Revision there is.
"""

from __future__ import annotations

from collections.abc import Collection

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.install.scoped import Scoped
from harness.knative.names import REVISION_LABEL, SYSTEM_NAMESPACE
from harness.knative.requestlog import CONFIG_MAP, WANTED, logs_requests
from harness.model import ClusterHandle, SystemChange

REF = Ref("v1", "ConfigMap", CONFIG_MAP, SYSTEM_NAMESPACE)

ANNOTATION = "knative-chaos.dev/request-log"

SCOPED = Scoped(
    ref=REF,
    annotation=ANNOTATION,
    wanted=WANTED,
    what="request log",
    why="each request that reaches queue-proxy leaves a line with its id, so that client and queue-proxy are joined one by one",
)


def switch_on(
    handle: ClusterHandle, *, run_id: str, progress: Progress = QUIET, within_s: float = 60.0
) -> tuple[SystemChange, ...]:
    """Set the three keys and answer with what was changed. Raises like `Scoped.set_for`.

    The Revisions that stand are rolled by Knative; a Service made afterwards is looked at by `settled`.
    """
    changes = SCOPED.set_for(Objects(Kube.of(handle)), run_id, within_s=within_s)
    progress.say("queue-proxy's request log is on for this run: it changes what is measured, and is recorded")
    return changes


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 60.0) -> bool:
    """Put the keys back, and wait until every Revision that stands is made without the log.

    True if there was something to give back. Raises like `Scoped.give_back`, and WaitTimeout when a Revision keeps the log.
    """
    objects = Objects(Kube.of(handle))
    if not SCOPED.give_back(objects, within_s=within_s):
        return False
    progress.say("queue-proxy's request log is as it was before")

    def look() -> Look[bool]:
        still = [str(Ref.of(one)) for one in _revisions(objects) if logs_requests(one["spec"]["template"])]
        return Look(None if still else True, ", ".join(still[:3]) or "none")

    wait_for("no Revision is made with the request log", look, within_s=within_s, fix="make down && make up")
    return True


def settled(
    handle: ClusterHandle, *, namespace: str, revision: str, pods: Collection[str], on: bool, within_s: float = 60.0
) -> bool:
    """Wait until the Revision is made with (or without) the log, which is once Knative's controller has read the change.

    True if all of `pods` are of that making; False if one is of the one before: they must be replaced. Raises WaitTimeout.
    """
    objects = Objects(Kube.of(handle))

    def look() -> Look[bool]:
        found = _revisions(objects, namespace=namespace, revision=revision)
        right = found and all(logs_requests(one["spec"]["template"]) is on for one in found)
        return Look(True if right else None, f"{len(found)} Deployments, not all of them {'with' if on else 'without'} it")

    what = f"{revision} is made {'with' if on else 'without'} the request log"
    wait_for(what, look, within_s=within_s, where=str(REF), fix="make down && make up")
    seen = [objects.get(Ref("v1", "Pod", pod, namespace)) for pod in pods]
    return all(pod is not None and logs_requests(pod) is on for pod in seen)


def _revisions(objects: Objects, *, namespace: str = "", revision: str = "") -> list[Obj]:
    """The Deployments of Revisions."""
    labels = f"{REVISION_LABEL}={revision}" if revision else REVISION_LABEL
    return objects.find("apps/v1", "Deployment", namespace=namespace, labels=labels)
