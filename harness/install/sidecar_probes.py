"""Probes of sidecars: Knative refuses them unless config-features permits them (since 1.14), so an examination may permit them."""

from __future__ import annotations

from harness.adapters.documents import Obj
from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.adapters.wait import Look, wait_for
from harness.errors import WaitTimeout
from harness.install.scoped import Scoped
from harness.knative.names import FEATURES_CONFIG, MULTI_CONTAINER_PROBING, SERVING_API, SYSTEM_NAMESPACE
from harness.model import ClusterHandle, SystemChange

SCOPED = Scoped(
    ref=Ref("v1", "ConfigMap", FEATURES_CONFIG, SYSTEM_NAMESPACE),
    annotation="knative-chaos.dev/sidecar-probes",
    wanted={MULTI_CONTAINER_PROBING: "enabled"},
    what="switch for probes of sidecars",
    why="a sidecar with a probe is examined",
)

SETTLES_S = 15.0
"""The webhook reads a changed ConfigMap within 1 to 2 s."""

TRIED: Obj = {
    "apiVersion": SERVING_API,
    "kind": "Service",
    "metadata": {"name": "knative-chaos-sidecar", "namespace": "default"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "user", "image": "dev.local/none:none", "ports": [{"containerPort": 8080}]},
                    {"name": "sidecar", "image": "dev.local/none:none", "readinessProbe": {"tcpSocket": {"port": 8090}}},
                ]
            }
        }
    },
}
"""Sent as a dry run: nothing of it is stored."""


def switch_on(
    handle: ClusterHandle, *, run_id: str, progress: Progress = QUIET, within_s: float = 60.0
) -> tuple[SystemChange, ...]:
    """Set the key and answer with what was changed. Raises like `Scoped.set_for`.

    It is waited until Knative's webhook accepts a sidecar with a probe, but not for ever: a version that does not know the key
    refuses it always, and that is what an examination may be about.
    """
    objects = Objects(Kube.of(handle))
    changes = SCOPED.set_for(objects, run_id, within_s=within_s)
    progress.say("probes of sidecars are permitted for this examination; the change is recorded")

    def look() -> Look[bool]:
        try:
            objects.apply(TRIED, dry_run=True)
        except ApiRefused as refused:
            return Look(None, refused.said)
        return Look(value=True, seen="accepted")

    try:
        wait_for("a sidecar with a probe is accepted", look, within_s=SETTLES_S, every_s=0.5)
    except WaitTimeout as late:
        progress.say(f"a sidecar with a probe is refused: {late.last_seen}")
    return changes


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 60.0) -> bool:
    """Put the key back. True if there was something to give back. Raises like `Scoped.give_back`."""
    given = SCOPED.give_back(Objects(Kube.of(handle)), within_s=within_s)
    if given:
        progress.say("probes of sidecars are as they were before")
    return given
