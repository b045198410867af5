"""Applies manifests and proves that a request is served -> InstalledStack. May touch adapters; knows no other stage.

`queue_proxy`, `request_log`, `sidecar_probes` and `zero_scale` are the changes of Knative that a single run makes and gives back,
`metrics` is that of a test that watches runs with Prometheus.
"""

from harness.adapters.progress import QUIET, Progress
from harness.install import metrics, queue_proxy, request_log, sidecar_probes, zero_scale
from harness.install.stack import install, is_whole, version_of
from harness.model import ClusterHandle

__all__ = [
    "give_back",
    "install",
    "is_whole",
    "metrics",
    "queue_proxy",
    "request_log",
    "sidecar_probes",
    "version_of",
    "zero_scale",
]


def give_back(handle: ClusterHandle, *, progress: Progress = QUIET) -> None:
    """Undo what a run that was killed could not give back. Raises InstallError, WaitTimeout."""
    queue_proxy.give_back(handle, progress=progress)
    request_log.give_back(handle, progress=progress)
    zero_scale.give_back(handle, progress=progress)
    sidecar_probes.give_back(handle, progress=progress)
