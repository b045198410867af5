"""Objects of refused workloads, in the shapes and words of Kubernetes 1.34, containerd 1.7 and Serving 1.23."""

from __future__ import annotations

import json
from typing import Any

Obj = dict[str, Any]

NAME = "shop-00001-deployment-6d5f8c9b7d-x2x9q"
LABELS = {"serving.knative.dev/service": "shop", "serving.knative.dev/revision": "shop-00001"}
IMAGE = "docker.io/library/no-such-image:1"


def pod(status: Obj | None = None, *, conditions: list[Obj] | None = None, deleting: bool = False) -> Obj:
    """A pod of the Service shop. status: of its user container, None before the kubelet has seen the pod."""
    metadata = {"name": NAME, "namespace": "ns", "uid": "6d6e6c3e-5f5b-4a0b-9d62-1c5bd0c7a3d1", "labels": LABELS}
    if deleting:
        metadata["deletionTimestamp"] = "2026-11-28T03:00:30Z"
    proxy = {"name": "queue-proxy", "ready": False, "restartCount": 0, "state": {"running": {"startedAt": "2026-11-28T03:00:01Z"}}}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": "2026-11-28T03:00:00Z"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "user-container", "image": IMAGE}, {"name": "queue-proxy"}]},
        "status": {
            "phase": "Pending",
            "conditions": conditions or [scheduled],
            "containerStatuses": [container(**status), proxy] if status is not None else [],
        },
    }


def container(**status: Any) -> Obj:
    """The status of its user container."""
    base = {"name": "user-container", "image": IMAGE, "imageID": "", "ready": False, "started": False, "restartCount": 0}
    return {**base, "lastState": {}, **status}


def waiting(reason: str, message: str = "", **more: Any) -> Obj:
    """A container that waits."""
    return {"state": {"waiting": {"reason": reason, **({"message": message} if message else {})}}, **more}


def ended(code: int, reason: str, message: str = "") -> Obj:
    """The state of a container that has ended."""
    times = {"startedAt": "2026-11-28T03:00:02Z", "finishedAt": "2026-11-28T03:00:02Z"}
    said = {"message": message} if message else {}
    return {"terminated": {"exitCode": code, "reason": reason, "containerID": "containerd://ab12", **said, **times}}


def event(reason: str, message: str, *, kind: str = "Pod", name: str = NAME, count: int = 1) -> Obj:
    """A Warning."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.18a3b", "namespace": "ns"},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": kind, "name": name, "namespace": "ns"},
        "count": count,
        "lastTimestamp": "2026-11-28T03:00:03Z",
    }


def deployment(message: str = "") -> Obj:
    """What Knative made; message: why no pod of it could be created."""
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    progress = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetCreated", "message": "Created new replica set"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop-00001-deployment", "namespace": "ns", "labels": LABELS},
        "status": {"conditions": [progress, *([failure] if message else [])]},
    }


def revision(reason: str, message: str = "", *, status: str = "False") -> Obj:
    """The Revision, with this on its condition ContainerHealthy."""
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Revision",
        "metadata": {"name": "shop-00001", "namespace": "ns", "labels": LABELS},
        "status": {
            "conditions": [
                {"type": "ContainerHealthy", "status": status, "reason": reason, "message": message},
                {"type": "Ready", "status": status, "reason": reason, "message": message},
                {"type": "ResourcesAvailable", "status": "Unknown", "reason": "Deploying"},
            ]
        },
    }


def logged(error: str, *, key: str = "ns/shop-00001") -> str:
    """A line of the controller's log."""
    return json.dumps(
        {
            "severity": "error",
            "timestamp": "2026-11-28T00:39:11.575Z",
            "logger": "controller",
            "caller": "revision/reconciler.go:303",
            "message": "Returned an error",
            "knative.dev/pod": "controller-7b5d79cd56-j6wk9",
            "knative.dev/controller": "knative.dev.serving.pkg.reconciler.revision.Reconciler",
            "knative.dev/kind": "serving.knative.dev.Revision",
            "knative.dev/traceid": "965d4c4d-ad57-44e9-ab8f-c8bb325d6ff7",
            "knative.dev/key": key,
            "targetMethod": "ReconcileKind",
            "error": error,
            "stacktrace": "...",
        },
        separators=(",", ":"),
    )


PULL = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": '
NOT_FOUND = f"rpc error: code = NotFound desc = {PULL}{IMAGE}: not found"
NO_ANSWER = (
    f'{PULL}failed to do request: Head "https://registry.example.com/v2/library/no-such-image/manifests/1": '
    "dial tcp 98.85.153.80:443: i/o timeout"
)
NO_HOST = f'{PULL}failed to do request: Head "https://dev.local/v2/shop/manifests/1": dial tcp: lookup dev.local: no such host'
BACK_OFF = f'Back-off pulling image "{IMAGE}"'
NO_KEY = "couldn't find key LEVEL in ConfigMap ns/settings"
NO_PROGRAM = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
    'container process: exec: "/serve": stat /serve: no such file or directory: unknown'
)
NO_PORT = (
    'failed to create deployment "shop-00001-deployment": Deployment.apps "shop-00001-deployment" is invalid: '
    "spec.template.spec.containers[0].startupProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"
)
NO_SIDECAR_PORT = (
    'failed to create deployment "shop-00001-deployment": failed to make deployment: failed to create PodSpec: failed to create '
    "queue-proxy container: sidecar readiness probe does not define probe port on container: sidecar"
)
CONFLICT = (
    'failed to update deployment "shop-00001-deployment": Operation cannot be fulfilled on deployments.apps '
    '"shop-00001-deployment": the object has been modified; please apply your changes to the latest version and try again'
)
DIGEST_404 = (
    'Unable to fetch image "docker.io/library/no-such-image:1": failed to resolve image to digest: HEAD '
    "https://registry.example.com/v2/library/no-such-image/manifests/1: unexpected status code 404 Not Found"
)
DIGEST_NO_ANSWER = (
    'Unable to fetch image "docker.io/library/no-such-image:1": failed to resolve image to digest: Get '
    '"https://registry.example.com/v2/": context deadline exceeded'
)
