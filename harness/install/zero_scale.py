"""Services that begin without a pod: Knative refuses initial-scale 0 unless its configuration allows it, so a run may allow it."""

from __future__ import annotations

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.errors import InstallError
from harness.install.apply import not_yet
from harness.install.scoped import Scoped
from harness.knative.names import ALLOW_ZERO_INITIAL_SCALE, AUTOSCALER_CONFIG, INITIAL_SCALE, SERVING_API, SYSTEM_NAMESPACE
from harness.model import ClusterHandle, SystemChange

SCOPED = Scoped(
    ref=Ref("v1", "ConfigMap", AUTOSCALER_CONFIG, SYSTEM_NAMESPACE),
    annotation="knative-chaos.dev/zero-initial-scale",
    wanted={ALLOW_ZERO_INITIAL_SCALE: "true"},
    what="switch for an initial scale of 0",
    why="a Service that is measured from zero must begin without a pod",
)

TRIED: Obj = {
    "apiVersion": SERVING_API,
    "kind": "Service",
    "metadata": {"name": "knative-chaos-from-zero", "namespace": "default"},
    "spec": {
        "template": {"metadata": {"annotations": {INITIAL_SCALE: "0"}}, "spec": {"containers": [{"image": "dev.local/none:none"}]}}
    },
}
"""Sent as a dry run: nothing of it is stored."""


def switch_on(
    handle: ClusterHandle, *, run_id: str, progress: Progress = QUIET, within_s: float = 60.0
) -> tuple[SystemChange, ...]:
    """Set the key, wait until Knative's webhook takes a Service with an initial scale of 0, and answer with what was changed.

    Raises like `Scoped.set_for`; WaitTimeout when the webhook does not read the change.
    """
    objects = Objects(Kube.of(handle))
    changes = SCOPED.set_for(objects, run_id, within_s=within_s)
    progress.say("an initial scale of 0 is allowed for this run; the change is recorded")

    def look() -> Look[bool]:
        try:
            objects.apply(TRIED, dry_run=True)
        except ApiRefused as refused:
            if refused.status == 400 or not_yet(refused) is not None:  # the webhook has not read it yet, or is away
                return Look(None, refused.said)
            raise InstallError(f"A Service with an initial scale of 0 is refused: {refused.what}") from refused
        return Look(value=True, seen="accepted")

    wait_for("a Service with an initial scale of 0 is accepted", look, within_s=within_s, every_s=0.5, fix="make down && make up")
    return changes


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 60.0) -> bool:
    """Put the key back; no Revision is rolled for it. True if there was something to give back. Raises like `Scoped.give_back`."""
    given = SCOPED.give_back(Objects(Kube.of(handle)), within_s=within_s)
    if given:
        progress.say("an initial scale of 0 is as it was before")
    return given
