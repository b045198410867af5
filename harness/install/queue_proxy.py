"""A queue-proxy of the user's own in place of the installed one, for one run, and the installed one back after it.

Knative's controller puts the image that config-deployment names into every Revision, so setting it and setting it back roll every
Revision there is. The caching Image names the same image and is set with it. All other parts stay as installed: two arms of one
cluster can differ in queue-proxy alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import NoSuchKind, Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.install.changes import QUEUE_PROXY_IMAGE
from harness.install.scoped import Scoped
from harness.knative.names import QUEUE_PROXY, REVISION_LABEL, SYSTEM_NAMESPACE
from harness.model import ClusterHandle, SystemChange

CONFIG = Scoped(
    ref=Ref("v1", "ConfigMap", "config-deployment", SYSTEM_NAMESPACE),
    annotation="knative-chaos.dev/queue-proxy",
    wanted={},
    what="image of queue-proxy",
    why="a queue-proxy of the user's own is measured",
)
"""Its key is the one that the installed version spells so, see QUEUE_PROXY_IMAGE."""

CACHED = replace(CONFIG, ref=Ref("caching.internal.knative.dev/v1alpha1", "Image", "queue-proxy", SYSTEM_NAMESPACE), section="spec")

FIX = "make down && make up"


def switch_on(
    handle: ClusterHandle, *, image: str, run_id: str, progress: Progress = QUIET, within_s: float = 60.0
) -> tuple[SystemChange, ...]:
    """Set queue-proxy's image, wait until every Revision that stands is made with it, and answer with what was changed.

    Raises like `Scoped.set_for`, and WaitTimeout when a Revision keeps another image.
    """
    objects = Objects(Kube.of(handle))
    changes: tuple[SystemChange, ...] = ()
    for scoped in (_config(objects, image), _cached(objects, image)):
        changes += scoped.set_for(objects, run_id, within_s=within_s) if scoped else ()
    progress.say(f"queue-proxy is {image} for this run; the change is recorded")

    def look() -> Look[bool]:
        others = [str(Ref.of(one)) for one in _revisions(objects) if image_of(one["spec"]["template"]) not in {"", image}]
        return Look(None if others else True, ", ".join(others[:3]) or "none")

    wait_for("no Revision is made with another queue-proxy", look, within_s=within_s, fix=FIX)
    return changes


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 60.0) -> bool:
    """Put the image back, and wait until no Revision that stands is made with the one before.

    True if there was something to give back. Raises like `Scoped.give_back`, and WaitTimeout when a Revision keeps the image.
    """
    objects = Objects(Kube.of(handle))
    ours = wanted_image(objects)
    given = False
    for scoped in (_config(objects, ""), _cached(objects, "")):
        given = (scoped.give_back(objects, within_s=within_s) if scoped else False) or given
    if not given:
        return False
    progress.say("queue-proxy is the installed one again")
    now = wanted_image(objects)

    def look() -> Look[bool]:
        still = [str(Ref.of(one)) for one in _revisions(objects) if image_of(one["spec"]["template"]) == ours != now]
        return Look(None if still else True, ", ".join(still[:3]) or "none")

    wait_for("no Revision is made with the queue-proxy of before", look, within_s=within_s, fix=FIX)
    return True


def settled(handle: ClusterHandle, *, namespace: str, revision: str, pods: Collection[str], within_s: float = 60.0) -> bool:
    """Wait until the Revision is made with the queue-proxy that config-deployment names: Knative's controller has read it then.

    True if all of `pods` run that image; False if one is of the making before: they must be replaced. Raises WaitTimeout.
    """
    objects = Objects(Kube.of(handle))
    image = wanted_image(objects)
    if not image:
        return True  # not a Serving whose configuration names it

    def look() -> Look[bool]:
        found = _revisions(objects, namespace=namespace, revision=revision)
        seen = sorted({image_of(one["spec"]["template"]) for one in found})
        return Look(True if seen == [image] else None, f"{len(found)} Deployments with {', '.join(seen) or 'no queue-proxy'}")

    wait_for(f"{revision} is made with the queue-proxy {image}", look, within_s=within_s, where=str(CONFIG.ref), fix=FIX)
    found = [objects.get(Ref("v1", "Pod", pod, namespace)) for pod in pods]
    return all(pod is not None and image_of(pod) == image for pod in found)


def wanted_image(objects: Objects) -> str:
    """The image of queue-proxy that config-deployment names, "" if it names none."""
    data = (objects.get(CONFIG.ref) or {}).get("data") or {}
    return next((str(data[key]) for key in QUEUE_PROXY_IMAGE if data.get(key)), "")


def image_of(made: Obj) -> str:
    """The image of queue-proxy in a pod or a pod template, "" if there is none."""
    containers = (made.get("spec") or {}).get("containers") or []
    return next((str(one.get("image") or "") for one in containers if one.get("name") == QUEUE_PROXY), "")


def _config(objects: Objects, image: str) -> Scoped:
    data = (objects.get(CONFIG.ref) or {}).get("data") or {}
    keys = [key for key in QUEUE_PROXY_IMAGE if key in data] or QUEUE_PROXY_IMAGE[:1]
    return replace(CONFIG, wanted=dict.fromkeys(keys, image))


def _cached(objects: Objects, image: str) -> Scoped | None:
    """None where there is no such Image: it only tells a cache of images what to hold."""
    try:
        found = objects.get(CACHED.ref)
    except NoSuchKind:
        return None
    return replace(CACHED, wanted={"image": image}) if found else None


def _revisions(objects: Objects, *, namespace: str = "", revision: str = "") -> list[Obj]:
    """The Deployments of Revisions."""
    labels = f"{REVISION_LABEL}={revision}" if revision else REVISION_LABEL
    return objects.find("apps/v1", "Deployment", namespace=namespace, labels=labels)
