"""A Pod: what of the API's object is kept in an Observation, and what such an Observation says.

`pod` and `states` belong together: the first writes the payload that `harness.model.Observation` describes, the second reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.knative.lines import parsed
from harness.knative.names import QUEUE_PROXY, REVISION_LABEL, TEMPLATE_HASH_LABEL, USER_CONTAINER, USER_ROLE
from harness.knative.objects import Object, state_seen
from harness.knative.times import maybe_ns
from harness.model import Observation, Stream


def container_statuses(obj: Object) -> list[Object]:
    """The status of each container of a pod, without init containers; empty before the kubelet has seen the pod."""
    return (obj.get("status") or {}).get("containerStatuses") or []


def ready_condition(obj: Object) -> Object:
    """The pod's Ready condition as the API has it ({status, lastTransitionTime, ...}), empty if it has none yet."""
    conditions: list[Object] = (obj.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == "Ready"), {})


def restarts_by_container(obj: Object) -> dict[str, int]:
    """The restart count of each container of a pod."""
    return {str(one.get("name")): int(one.get("restartCount") or 0) for one in container_statuses(obj)}


def roles_of(pod: Object) -> dict[str, str]:
    """Role to name of each container that the pod was made with; init containers have none.

    "queue-proxy": the one of this name. "user": the one that has a port, else the first. "sidecar-1", ...: the others, as listed.
    """
    listed = (pod.get("spec") or {}).get("containers") or []
    others = [one for one in listed if one.get("name") != QUEUE_PROXY]
    if not others:
        return {}
    user = next((one for one in others if one.get("ports")), others[0])
    sidecars = [str(one.get("name")) for one in others if one is not user]
    roles = {USER_ROLE: str(user.get("name")), **{f"sidecar-{number}": name for number, name in enumerate(sidecars, 1)}}
    return {**roles, QUEUE_PROXY: QUEUE_PROXY} if len(others) < len(listed) else roles


def bare_id(container_id: str | None) -> str:
    """A container's id without its runtime's scheme."""
    return (container_id or "").rpartition("://")[2]


def cgroup_pattern(uid: str) -> str:
    """A regular expression for the paths of the control groups of a pod's processes, on whatever cgroup driver.

    cgroupfs keeps the uid as it is, systemd writes "_" for its "-".
    """
    return uid.replace("-", ".")


@dataclass(frozen=True, slots=True)
class ContainerState:
    """What the API says of one container. instance: restart count of the newest one.

    started: it has (had) a process, so there is a log. ended: the newest one has ended. previous: the instance whose log
    a reading of the previous log gives, None if there is none.
    """

    instance: int
    started: bool
    ended: bool
    previous: int | None
    id: str = ""


def container_state(obj: Object, container: str) -> ContainerState:
    """Read off a pod object. While a dead container waits for its restart, it is itself what `previous` gives."""
    status: Object = next((one for one in container_statuses(obj) if one.get("name") == container), {})
    state, before = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    instance = int(status.get("restartCount") or 0)
    up = "running" in state or "terminated" in state
    return ContainerState(
        instance=instance,
        started=up or bool(before),
        ended="terminated" in state or (not up and bool(before)),
        previous=None if not before else instance - 1 if up else instance,
        id=bare_id(status.get("containerID")),
    )


def pod(obj: Object, *, deleted: bool, seen_ns: int, stream: Stream = Stream.PODS) -> Observation:
    """A pod. deleted: the API says it is gone; what is shown is its last state. stream: OTHER_PODS for one of no workload."""
    meta, status = obj.get("metadata") or {}, obj.get("status") or {}
    ready = ready_condition(obj).get("status")
    state = {
        "uid": meta.get("uid") or "",
        "phase": status.get("phase") or "",
        "ready": {"True": True, "False": False}.get(ready or ""),
        "ip": status.get("podIP") or "",
        "deleting": deleted or bool(meta.get("deletionTimestamp")),
        "revision": revision_of(meta.get("labels") or {}),
        "containers": {c["name"]: _container(c) for c in container_statuses(obj)},
    }
    return state_seen(stream, meta.get("name") or "", state, seen_ns)


def revision_of(labels: Mapping[str, Any]) -> str:
    """The Knative Revision that a pod with these labels belongs to; of a plain Deployment's pod the hash of its template."""
    return str(labels.get(REVISION_LABEL) or labels.get(TEMPLATE_HASH_LABEL) or "")


def _container(status: Object) -> dict[str, Any]:
    state = status.get("state") or {}
    running, waiting = state.get("running") or {}, state.get("waiting") or {}
    return {
        "restarts": status.get("restartCount") or 0,
        "ready": bool(status.get("ready")),
        "id": bare_id(status.get("containerID")),
        "running_since_ns": maybe_ns(running.get("startedAt")),
        "waiting": (waiting.get("reason") or "") if "waiting" in state else None,
        "terminated": _terminated(state.get("terminated")),
        "last_terminated": _terminated((status.get("lastState") or {}).get("terminated")),
    }


def _terminated(state: Object | None) -> dict[str, Any] | None:
    if not state:
        return None
    return {
        "exit_code": state.get("exitCode") or 0,
        "signal": state.get("signal") or 0,
        "reason": state.get("reason") or "",
        "started_ns": maybe_ns(state.get("startedAt")),
        "finished_ns": maybe_ns(state.get("finishedAt")),
    }


@dataclass(frozen=True, slots=True)
class PodState:
    """One sight of a pod. ready, restarts: None where the API said nothing. ready is False for a pod that is being deleted.

    restarts, container_id, running_since_ns, finished_ns, last_finished_ns: of the user container, unless `about` was asked.
    finished_ns: when it ended, if it is terminated now; last_finished_ns: when the one before it did. Both, and running_since_ns,
    are true to a second. queue_proxy_ready: of the queue-proxy container, None where there is none.
    deleting: the pod is being deleted, or is gone. revision: see `revision_of`. containers: each container's state, as in an
    Observation. ip: "" before it has one.
    """

    seen_ns: int
    ready: bool | None
    restarts: int | None
    container_id: str
    running_since_ns: int | None
    resolution_ns: int
    finished_ns: int | None = None
    last_finished_ns: int | None = None
    queue_proxy_ready: bool | None = None
    deleting: bool = False
    revision: str = ""
    containers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ip: str = ""

    def exit_code(self, container: str) -> int | None:
        """Of the container's last end, None if none was seen."""
        code = self._end(container).get("exit_code")
        return code if isinstance(code, int) else None

    def end_reason(self, container: str) -> str:
        """Of the container's last end, as the kubelet names it ("Error", "OOMKilled"); "" if none was seen."""
        return str(self._end(container).get("reason") or "")

    def _end(self, container: str) -> Mapping[str, Any]:
        own = container_of({"containers": self.containers}, container)
        ended = own.get("terminated") or own.get("last_terminated")
        return ended if isinstance(ended, dict) else {}

    def about(self, container: str) -> PodState:
        """The same sight of the pod, with this container in place of the user container."""
        return replace(self, **_fields_of(container_of({"containers": self.containers}, container)))

    def restarts_of(self, container: str) -> int | None:
        """How often this container was restarted, None where the API said nothing."""
        count = container_of({"containers": self.containers}, container).get("restarts")
        return count if isinstance(count, int) else None


def pod_state(seen: Observation) -> PodState | None:
    """What one sight of a pod says, None if it is of another kind or says nothing that can be read."""
    if seen.stream not in {Stream.PODS, Stream.OTHER_PODS} or (told := parsed(seen.payload)) is None:
        return None
    user, proxy, ready = container_of(told, USER_CONTAINER), container_of(told, QUEUE_PROXY), told.get("ready")
    return PodState(
        seen_ns=seen.seen_ns,
        ready=False if told.get("deleting") else ready if isinstance(ready, bool) else None,
        **_fields_of(user),
        resolution_ns=seen.resolution_ns,
        queue_proxy_ready=asked if isinstance(asked := proxy.get("ready"), bool) else None,
        deleting=told.get("deleting") is True,
        revision=str(told.get("revision") or ""),
        containers=told.get("containers") or {},
        ip=str(told.get("ip") or ""),
    )


def _fields_of(container: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a PodState that are of one container."""
    restarts, since = container.get("restarts"), container.get("running_since_ns")
    return {
        "restarts": restarts if isinstance(restarts, int) else None,
        "container_id": str(container.get("id") or ""),
        "running_since_ns": since if isinstance(since, int) else None,
        "finished_ns": _finished(container.get("terminated")),
        "last_finished_ns": _finished(container.get("last_terminated")),
    }


def container_of(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The state of one container in the payload of a pod's Observation, empty if it is not there."""
    containers = told.get("containers")
    found = containers.get(name) if isinstance(containers, dict) else None
    return found if isinstance(found, dict) else {}


def _finished(ended: object) -> int | None:
    finished = ended.get("finished_ns") if isinstance(ended, dict) else None
    return finished if isinstance(finished, int) and finished > 0 else None


def restarts_since(sights: Iterable[PodState], after_ns: int, until_ns: int | None = None) -> int | None:
    """By how much the restart count of the sights' container grew after this moment, None if it was not seen by then.

    A watch tells only changes: not seen again means not changed.
    """
    before: int | None = None
    last: int | None = None
    for state in sights:
        if state.restarts is None or (until_ns is not None and state.seen_ns > until_ns):
            continue
        if state.seen_ns <= after_ns:
            before = state.restarts
        last = state.restarts
    return None if before is None or last is None else last - before


def ready_throughout(sights: Iterable[PodState], from_ns: int, until_ns: int) -> bool | None:
    """True: seen Ready before, and never seen otherwise until the end. False: seen not Ready. None: the sights do not tell."""
    before: PodState | None = None
    later: list[PodState] = []
    for state in sights:
        if state.seen_ns <= from_ns:
            before = state
        elif state.seen_ns <= until_ns:
            later.append(state)
    if any(state.ready is False for state in later):
        return False
    if before is None or before.ready is None or any(state.ready is None for state in later):
        return None
    return before.ready


def pod_in_words(seen: Observation) -> str:
    """A sight of a pod for readers: its phase, readiness and containers; "" if nothing can be read."""
    state = parsed(seen.payload)
    if state is None:
        return ""
    ready = {True: "Ready", False: "not Ready"}.get(state.get("ready"), "Ready unknown")  # type: ignore[arg-type]
    deleting = ", being deleted" if state.get("deleting") else ""
    containers = state.get("containers")
    details = "; ".join(_in_words(containers)) if isinstance(containers, Mapping) else ""
    return f"pod {seen.pod} {state.get('phase') or ''} {ready}{deleting}{f' ({details})' if details else ''}".replace("  ", " ")


def _in_words(containers: Mapping[str, Any]) -> Iterable[str]:
    for name, one in sorted(containers.items()):
        if not isinstance(one, Mapping):
            continue
        ended = one.get("terminated")
        waits = f"waiting: {one.get('waiting')}" if one.get("waiting") else ""
        exited = f"terminated: {ended.get('reason') or ended.get('exit_code')}" if isinstance(ended, Mapping) else ""
        running = "running" if one.get("running_since_ns") else "no state"
        ready = "ready" if one.get("ready") else "not ready"
        yield f"{name}: {waits or exited or running}, {ready}, {one.get('restarts', 0)} restarts"
