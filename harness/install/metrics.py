"""Knative's metrics for Prometheus: since 1.19 nothing is served unless config-observability says so, so a test may switch it on.

It changes the system under test: queue-proxy and the activator count each request. The activator reads the setting only when it
starts, so it is replaced. `up` gives back what a killed test left; a run does not, for it may be one that a test watches.
"""

from __future__ import annotations

from dataclasses import replace

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.install.apply import rolled_out
from harness.install.scoped import Scoped
from harness.knative.metrics import CONFIG_MAP, SETTINGS, generation_of
from harness.knative.names import ACTIVATOR, ACTIVATOR_SELECTOR, SYSTEM_NAMESPACE
from harness.model import ClusterHandle, KnativeVersion, SystemChange

ANNOTATION = "knative-chaos.dev/metrics"
"""Of the ConfigMap as `Scoped` has it; of the activator's pod template the id of the run that had it replaced."""

SCOPED = Scoped(
    ref=Ref("v1", "ConfigMap", CONFIG_MAP, SYSTEM_NAMESPACE),
    annotation=ANNOTATION,
    wanted=SETTINGS,
    what="protocol of metrics",
    why="Prometheus reads the metrics of queue-proxy and the activator",
)

DEPLOYMENT = Ref("apps/v1", "Deployment", ACTIVATOR, SYSTEM_NAMESPACE)

FIX = "make down && make up"


def switch_on(
    handle: ClusterHandle, version: KnativeVersion, *, run_id: str, progress: Progress = QUIET, within_s: float = 180.0
) -> tuple[SystemChange, ...]:
    """Have queue-proxy and the activator serve Prometheus, and answer with what was changed; nothing where they do so anyway.

    Returns when no activator of before is left: it ends some 45 s after its successor is Ready. Raises like `Scoped.set_for`, and
    WaitTimeout.
    """
    wanted = generation_of(version).settings
    if not wanted:
        return ()
    objects = Objects(Kube.of(handle))
    changes = replace(SCOPED, wanted=wanted).set_for(objects, run_id, within_s=within_s)
    before = {_uid(pod) for pod in _activators(objects)}
    _replace_activator(objects, run_id, progress=progress, within_s=within_s)

    def look() -> Look[bool]:
        still = [pod["metadata"]["name"] for pod in _activators(objects) if _uid(pod) in before]
        return Look(None if still else True, ", ".join(still) or "none")

    wait_for("the activator of before is gone", look, within_s=within_s, every_s=0.5, fix=FIX)
    progress.say("queue-proxy and the activator serve metrics to Prometheus; the change is recorded")
    template = SystemChange(
        str(DEPLOYMENT), f"pod template annotation {ANNOTATION}", None, run_id, "it reads the protocol at its start"
    )
    return (*changes, template)


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 180.0) -> bool:
    """Put the settings back and have the activator replaced. True if there was something to give back. Raises like `switch_on`."""
    objects = Objects(Kube.of(handle))
    given = SCOPED.give_back(objects, within_s=within_s)
    deployment = objects.get(DEPLOYMENT)
    marked = deployment is not None and ANNOTATION in (deployment["spec"]["template"]["metadata"].get("annotations") or {})
    if marked:
        _replace_activator(objects, None, progress=progress, within_s=within_s)
    if given or marked:
        progress.say("Knative's metrics are as they were before")
    return given or marked


def _replace_activator(objects: Objects, mark: str | None, *, progress: Progress, within_s: float) -> None:
    """By a change of its pod template, as `kubectl rollout restart` does."""
    objects.merge(DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: mark}}}}})
    rolled_out(objects, [DEPLOYMENT], within_s=within_s, progress=progress, work="replace the activator")


def _activators(objects: Objects) -> list[Obj]:
    return objects.find("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=ACTIVATOR_SELECTOR)


def _uid(pod: Obj) -> str:
    return str(pod["metadata"]["uid"])
