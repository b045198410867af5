"""Which refusals of the cluster are final: no longer wait mends them. Pure; from the API's objects and the controller's log.

A refusal quotes the cluster. Some are final as soon as they are seen (`after_s` 0): the registry says that there is no such image,
a ConfigMap lacks the key, Kubernetes refuses the Deployment that Knative made. Others may pass, such as a registry that does not
answer, or a node without a free CPU: they are final once they have lasted for `after_s`. What is in neither list is waited for.

Source of the words: kubernetes 1.34.4 pkg/kubelet (images/types.go, kuberuntime/kuberuntime_container.go, kubelet_pods.go) and
pkg/controller/controller_utils.go; containerd 1.7; go-containerregistry; Knative Serving 1.23 pkg/reconciler/revision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.knative.lines import parsed
from harness.knative.names import QUEUE_PROXY
from harness.knative.objects import Object, name_of
from harness.knative.pods import container_statuses

UNANSWERED_S = 15.0
"""For a registry that does not answer, and a runtime that fails for another reason than its container: the kubelet tries again."""

FULL_S = 60.0
"""Of a node without room: the pods of the run before have left by then (queue-proxy drains for 30 s)."""

LONGEST = 600
"""Characters of the cluster's words."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal. about: the object ("pod x, container y"). reason, said: the cluster's own words. after_s: final once it has
    lasted so long, 0: at once.
    """

    about: str
    reason: str
    said: str
    fix: str
    after_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.about}: {self.reason}" + (f": {self.said}" if self.said else "")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a workload's refusals are read from, as the API answers it. events: of its namespace, whatever they are about.

    controller_log: of Knative's controller, about every namespace; needed only while there is no Deployment.
    """

    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    deployments: tuple[Object, ...] = ()
    revisions: tuple[Object, ...] = ()
    controller_log: str = ""


def refusals(seen: Evidence) -> tuple[Refusal, ...]:
    """Every refusal in this evidence, those that are final at once first. Empty: nothing says that waiting is in vain."""
    staying = [pod for pod in seen.pods if not (pod.get("metadata") or {}).get("deletionTimestamp")]
    found = [
        *(one for pod in staying for one in _of_pod(pod, seen.events)),
        *(one for deployment in seen.deployments for one in _of_deployment(deployment, alone=not seen.pods)),
        *(one for revision in seen.revisions for one in _of_revision(revision)),
        *(_of_reconciler(seen) if not seen.deployments else ()),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.after_s))


# --- images ---

_NO_IMAGE = re.compile(
    r"not found|manifest unknown|MANIFEST_UNKNOWN|NAME_UNKNOWN|no such host|pull access denied|insufficient_scope|"
    r"\b40[134]\b|UNAUTHORIZED|unauthorized|DENIED|does not exist|invalid reference|could not parse reference|no match for platform"
)
"""A definite answer: of the registry, or of the name service, which does not know the registry."""

IMAGE_FIX = (
    "Correct the image's name. An image that is in no registry the cluster can reach must be in the cluster first, under exactly "
    "this name and with imagePullPolicy IfNotPresent."
)


def _of_image(about: str, reason: str, said: str) -> Refusal:
    return Refusal(about, reason, said, IMAGE_FIX, 0.0 if _NO_IMAGE.search(said) else UNANSWERED_S)


# --- pods ---

_PULLS = frozenset({"ErrImagePull", "ImagePullBackOff"})
_NEVER_PULLED = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_NOT_YET = re.compile(r"failed to sync|not registered|timed out|deadline exceeded|is reserved for")
"""The kubelet has not read the object yet, or is slow."""

_CANNOT_RUN = re.compile(r"executable file not found|no such file or directory|permission denied|exec format error|is a directory")
_NO_NODE = re.compile(r"node selector|node affinity|persistentvolumeclaim .* not found|had volume node affinity conflict")
_NO_OBJECT = re.compile(r"not found|references non-existent")


def _of_pod(pod: Object, events: Iterable[Object]) -> Iterator[Refusal]:
    name = name_of(pod)
    own = [event for event in events if _about(event) == ("Pod", name)]
    status = pod.get("status") or {}
    for one in (*(status.get("initContainerStatuses") or []), *container_statuses(pod)):
        if (refusal := _of_container(f"pod {name}, container {one.get('name')}", one, own)) is not None:
            yield refusal
    for one in status.get("conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("reason") == "Unschedulable":
            said = _short(one.get("message"))
            fix = "Lower the Service's resource requests, remove other pods, or give the machine more cores."
            if _NO_NODE.search(said):
                yield Refusal(f"pod {name}", "Unschedulable", said, "Leave out what the cluster's nodes do not have.")
            else:
                yield Refusal(f"pod {name}", "Unschedulable", said, fix, FULL_S)
    for event in own:
        said = _short(event.get("message"))
        if event.get("reason") == "FailedMount" and _NO_OBJECT.search(said) and not _NOT_YET.search(said):
            fix = "Add the object, with that key, to the file as a further document, or leave the volume out."
            yield Refusal(f"pod {name}", "FailedMount", said, fix)


def _of_container(about: str, status: Object, events: Iterable[Object]) -> Refusal | None:
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, said = str(waiting.get("reason") or ""), _short(waiting.get("message"))
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated")
    if reason in _PULLS:
        return _of_image(about, reason, _pull_error(status, said, events))
    if reason in _NEVER_PULLED:
        return Refusal(about, reason, said, IMAGE_FIX)
    if reason == "CreateContainerConfigError" and not _NOT_YET.search(said):
        return Refusal(about, reason, said, _config_fix(said))
    if ended and ended.get("reason") in {"StartError", "ContainerCannotRun"}:
        said = _short(ended.get("message"))
        fix = "Correct the container's command, or the image: the program must be in it, executable and for this processor."
        return Refusal(about, str(ended["reason"]), said, fix, 0.0 if _CANNOT_RUN.search(said) else UNANSWERED_S)
    if reason in {"CreateContainerError", "RunContainerError"} and not _NOT_YET.search(said):
        fix = "Correct what the runtime names; `kubectl describe pod` shows the container as it was asked for."
        return Refusal(about, reason, said, fix, 0.0 if _CANNOT_RUN.search(said) else UNANSWERED_S)
    if ended and status.get("name") != QUEUE_PROXY and int(status.get("restartCount") or 0) > 0 and not status.get("ready"):
        return _of_end(about, ended, events)
    return None


def _of_end(about: str, ended: Object, events: Iterable[Object]) -> Refusal:
    """A container that ended before it was ever ready: whatever comes next would begin with its back-off."""
    code, reason = ended.get("exitCode"), str(ended.get("reason") or "")
    killed = next(
        (_short(e.get("message")) for e in events if e.get("reason") == "Killing" and "probe" in str(e.get("message"))), ""
    )
    words = f"exit code {code}, {reason}" if reason else f"exit code {code}"
    said = " ".join(part for part in (f"({words})", killed, _short(ended.get("message"))[-LONGEST:]) if part)
    fix = "Look into the program's log; it must listen on the port in $PORT and go on running."
    if killed:
        fix = "Give its probes more time than its start-up takes."
    elif reason == "OOMKilled":
        fix = "Raise the container's memory limit."
    return Refusal(about, "it ended before it was ready", said, fix)


def _pull_error(status: Object, said: str, events: Iterable[Object]) -> str:
    """The registry's words. "Back-off pulling image" says none (before Kubernetes 1.32), the event of the failed pull does."""
    if "failed" in said or "rpc error" in said or "not found" in said:
        return said
    image = str(status.get("image") or "")
    told = [_short(event.get("message")) for event in events if event.get("reason") == "Failed"]
    return next((one for one in reversed(told) if one.startswith("Failed to pull image") and image in one), said)


def _config_fix(said: str) -> str:
    if "runAsNonRoot" in said or "non-root" in said:
        return "Set runAsUser to a user id other than 0, or build the image with a numeric USER."
    return "Add the object, with that key, to the file as a further document, or leave the reference out."


# --- what is made for the pods ---

_REFUSED = re.compile(r"is invalid:|is forbidden|denied the request|failed to make deployment")
_LATER = re.compile(r'failed calling webhook|etcdserver|timeout|serviceaccount "default" not found|being terminated|quota')

_RECONCILED = re.compile(r"failed to (?:create|update) (?:deployment|PA|image cache) ")


def _of_deployment(deployment: Object, *, alone: bool) -> Iterator[Refusal]:
    """alone: without a pod. While pods of before are on their way out, a quota may still be theirs."""
    for one in (deployment.get("status") or {}).get("conditions") or []:
        if one.get("type") != "ReplicaFailure" or one.get("status") != "True" or not alone:
            continue
        said = _short(one.get("message"))
        final = _REFUSED.search(said) or _NO_OBJECT.search(said)
        after_s = 0.0 if final and not _LATER.search(said) else UNANSWERED_S
        fix = "Correct what the API server names: a quota, a policy of the namespace, or an object that is not there."
        yield Refusal(f"deployment {name_of(deployment)}", str(one.get("reason") or "FailedCreate"), said, fix, after_s)


def _of_revision(revision: Object) -> Iterator[Refusal]:
    """The controller asks the registry for the image's digest before it makes a Deployment."""
    for one in (revision.get("status") or {}).get("conditions") or []:
        if one.get("reason") == "ContainerMissing" and one.get("status") == "False":
            yield _of_image(f"revision {name_of(revision)}", "ContainerMissing", _short(one.get("message")))
            return


def _of_reconciler(seen: Evidence) -> Iterator[Refusal]:
    """Why there is no Deployment. The Revision's status says only "Deploying"; its event may be dropped for being one of many."""
    own = {(str((one.get("metadata") or {}).get("namespace") or ""), name_of(one)) for one in seen.revisions}
    names = {name for _, name in own}
    for event in seen.events:
        kind, name = _about(event)
        if kind == "Revision" and name in names and event.get("reason") == "InternalError":
            yield from _made_nothing(name, _short(event.get("message")))
    for text in seen.controller_log.splitlines():
        line = parsed(text) if '"error"' in text else None
        space, _, name = str((line or {}).get("knative.dev/key") or "").partition("/")
        if line is not None and (space, name) in own:
            yield from _made_nothing(name, _short(line.get("error")))


def _made_nothing(revision: str, said: str) -> Iterator[Refusal]:
    if _RECONCILED.match(said) and _REFUSED.search(said) and not _LATER.search(said):
        fix = "Correct that field of the Service; the webhook accepts it, but no pod can be made from it."
        yield Refusal(f"revision {revision}", "InternalError", said, fix)


def _about(event: Object) -> tuple[str, str]:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return str(about.get("kind") or ""), str(about.get("name") or "")


def _short(text: object) -> str:
    return " ".join(str(text or "").split())[:LONGEST]
