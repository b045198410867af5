"""Probes of sidecars: Knative refuses them unless config-features permits them (since 1.14), so an examination may permit them."""

from __future__ import annotations

from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.progress import QUIET, Progress
from harness.install.scoped import Scoped
from harness.knative.names import FEATURES_CONFIG, MULTI_CONTAINER_PROBING, SYSTEM_NAMESPACE
from harness.model import ClusterHandle, SystemChange

SCOPED = Scoped(
    ref=Ref("v1", "ConfigMap", FEATURES_CONFIG, SYSTEM_NAMESPACE),
    annotation="knative-chaos.dev/sidecar-probes",
    wanted={MULTI_CONTAINER_PROBING: "enabled"},
    what="switch for probes of sidecars",
    why="a sidecar with a probe is examined",
)


def switch_on(
    handle: ClusterHandle, *, run_id: str, progress: Progress = QUIET, within_s: float = 60.0
) -> tuple[SystemChange, ...]:
    """Set the key and answer with what was changed. Raises like `Scoped.set_for`.

    It is not waited for: a version that does not know the key never shows that it has read it.
    """
    changes = SCOPED.set_for(Objects(Kube.of(handle)), run_id, within_s=within_s)
    progress.say("probes of sidecars are permitted for this examination; the change is recorded")
    return changes


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET, within_s: float = 60.0) -> bool:
    """Put the key back. True if there was something to give back. Raises like `Scoped.give_back`."""
    given = SCOPED.give_back(Objects(Kube.of(handle)), within_s=within_s)
    if given:
        progress.say("probes of sidecars are as they were before")
    return given
