"""Queue-proxy's request log: one line a request with the request's own id, on for one run and given back after it.

It changes the system under test (each request costs queue-proxy, and the activator where it goes that way, a line), so it is asked
for, recorded as changes, and undone. What it was before stands in an annotation of the ConfigMap itself: the next `up` or `run`
gives back what a killed run could not. `switch_on` and `give_back` are called under the measure lock: they roll every Revision.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.errors import ClusterError, InstallError
from harness.install.apply import not_yet
from harness.knative.names import REVISION_LABEL, SYSTEM_NAMESPACE
from harness.knative.requestlog import CONFIG_MAP, WANTED, logs_requests
from harness.model import ClusterHandle, SystemChange

REF = Ref("v1", "ConfigMap", CONFIG_MAP, SYSTEM_NAMESPACE)

ANNOTATION = "knative-chaos.dev/request-log"
"""Of the ConfigMap, while the log is on: {"run": id, "was": {key: value or null}}."""

WHY = "each request that reaches queue-proxy leaves a line with its id, so that client and queue-proxy are joined one by one"


def switch_on(
    handle: ClusterHandle, *, run_id: str, progress: Progress = QUIET, within_s: float = 60.0
) -> tuple[SystemChange, ...]:
    """Set the three keys, keep what they were in the annotation, and answer with what was changed.

    The Revisions that stand are rolled by Knative; a Service made afterwards is looked at by `settled`. What a dead run left must
    have been given back before. Raises ClusterError when there is no such ConfigMap, InstallError when the change is refused.
    """
    objects = Objects(Kube.of(handle))
    was: dict[str, str | None] = {}

    def change(found: Obj) -> Obj | None:
        text = _annotation(found)
        if text is not None:
            if was and text == _mark(run_id, was):
                return None  # it was stored although the answer was lost
            _kept(found)
            raise InstallError(f"{REF} carries the mark of another run's request log.", where=ANNOTATION, fix="knative-chaos up")
        data = found.get("data") or {}
        was.update({key: data.get(key) for key in WANTED})
        return _patch(WANTED, _mark(run_id, was))

    if not _changed(objects, change, within_s=within_s):
        raise ClusterError(f"There is no {REF}; Knative Serving is not installed as we know it.", fix="make down && make up")
    progress.say("queue-proxy's request log is on for this run: it changes what is measured, and is recorded")
    return tuple(SystemChange(str(REF), key, was[key], now, WHY) for key, now in WANTED.items() if was[key] != now)


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 60.0) -> bool:
    """Put the keys back to what the annotation says they were, and wait until every Revision that stands is made without the log.

    True if there was something to give back; without the annotation nothing is touched. Raises InstallError when the change is
    refused or the annotation cannot be read, WaitTimeout when a Revision keeps the log.
    """
    objects = Objects(Kube.of(handle))
    given = False

    def change(found: Obj) -> Obj | None:
        nonlocal given
        was = _kept(found)
        given = given or was is not None
        return None if was is None else _patch(was, None)

    _changed(objects, change, within_s=within_s)
    if not given:
        return False
    progress.say("queue-proxy's request log is as it was before")

    def look() -> Look[bool]:
        still = [str(Ref.of(one)) for one in _revisions(objects) if logs_requests(one["spec"]["template"])]
        return Look(None if still else True, ", ".join(still[:3]) or "none")

    wait_for("no Revision is made with the request log", look, within_s=within_s, fix="make down && make up")
    return True


def settled(handle: ClusterHandle, *, namespace: str, revision: str, pod: str, on: bool, within_s: float = 60.0) -> bool:
    """Wait until the Revision is made with (or without) the log, which is once Knative's controller has read the change.

    True if `pod` is of that making; False if it is of the one before, and must be replaced. Raises WaitTimeout.
    """
    objects = Objects(Kube.of(handle))

    def look() -> Look[bool]:
        found = _revisions(objects, namespace=namespace, revision=revision)
        right = found and all(logs_requests(one["spec"]["template"]) is on for one in found)
        return Look(True if right else None, f"{len(found)} Deployments, not all of them {'with' if on else 'without'} it")

    what = f"{revision} is made {'with' if on else 'without'} the request log"
    wait_for(what, look, within_s=within_s, where=str(REF), fix="make down && make up")
    seen = objects.get(Ref("v1", "Pod", pod, namespace))
    return seen is not None and logs_requests(seen) is on


def _revisions(objects: Objects, *, namespace: str = "", revision: str = "") -> list[Obj]:
    """The Deployments of Revisions."""
    labels = f"{REVISION_LABEL}={revision}" if revision else REVISION_LABEL
    return objects.find("apps/v1", "Deployment", namespace=namespace, labels=labels)


def _annotation(config: Obj) -> str | None:
    text = (config["metadata"].get("annotations") or {}).get(ANNOTATION)
    return None if text is None else str(text)


def _mark(run_id: str, was: Mapping[str, str | None]) -> str:
    return json.dumps({"run": run_id, "was": dict(was)}, sort_keys=True)


def _kept(config: Obj) -> dict[str, str | None] | None:
    """What the keys were before, None without our annotation. Raises InstallError when it is not what we wrote."""
    text = _annotation(config)
    if text is None:
        return None
    try:
        was = json.loads(text)["was"]
        return {key: None if was[key] is None else str(was[key]) for key in WANTED}
    except (ValueError, KeyError, TypeError) as error:
        raise InstallError(
            f"What the request log was before cannot be read from its annotation: {type(error).__name__}: {error}.",
            where=f"{REF}, annotation {ANNOTATION}",
            fix="Set the logging.* keys of that ConfigMap as you want them and remove the annotation, or make down && make up.",
        ) from error


def _patch(data: Mapping[str, str | None], annotation: str | None) -> Obj:
    return {"metadata": {"annotations": {ANNOTATION: annotation}}, "data": dict(data)}


def _changed(objects: Objects, change: Callable[[Obj], Obj | None], *, within_s: float) -> bool:
    """Change keys and annotation together, on what is there at that moment; False when there is no such ConfigMap.

    change: the patch for the ConfigMap as read, None when there is nothing to do. Somebody else's change in between, or a webhook
    that is away for a moment, makes it read again. Raises InstallError for any other refusal.
    """

    def once() -> Look[bool]:
        found = objects.get(REF)
        if found is None:
            return Look(value=False, seen="not there")
        patch = change(found)
        if patch is None:
            return Look(value=True, seen="as it should be")
        patch["metadata"]["resourceVersion"] = found["metadata"].get("resourceVersion")
        try:
            objects.merge(REF, patch)
        except ApiRefused as refused:
            reason = "somebody else changed it" if refused.status == 409 else not_yet(refused)
            if reason is None:
                raise InstallError(
                    f"The request log could not be switched: {refused.what}", where=str(REF), fix="knative-chaos up"
                ) from refused
            return Look(None, reason)
        return Look(value=True, seen="changed")

    return wait_for(f"{REF} is changed", once, within_s=within_s, every_s=0.5, fix="knative-chaos up")
