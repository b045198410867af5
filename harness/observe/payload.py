"""Objects of the API as `model.Observation` wants them: compact, and only what is evidence. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.model import Observation, Stream
from harness.observe.stamps import SECOND_NS, maybe_ns

Object = Mapping[str, Any]

REVISION_LABEL = "serving.knative.dev/revision"
SERVICE_LABEL = "kubernetes.io/service-name"
MICROSECOND_NS = 1_000

_CONTAINER_PATH = re.compile(r"spec\.(?:init|ephemeral)?[cC]ontainers\{(.+)\}")


def compact(value: Any) -> str:
    """One line of JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def bare_id(container_id: str | None) -> str:
    """A container's id without its runtime's scheme."""
    return (container_id or "").rpartition("://")[2]


def pod(obj: Object, *, deleted: bool, seen_ns: int) -> Observation:
    """A pod. deleted: the API says it is gone; what is shown is its last state."""
    meta, status = obj.get("metadata") or {}, obj.get("status") or {}
    ready = next((c.get("status") for c in status.get("conditions") or [] if c.get("type") == "Ready"), None)
    return Observation(
        stream=Stream.PODS,
        pod=meta.get("name") or "",
        container="",
        instance=-1,
        at_ns=seen_ns,
        resolution_ns=SECOND_NS,
        seen_ns=seen_ns,
        payload=compact(
            {
                "uid": meta.get("uid") or "",
                "phase": status.get("phase") or "",
                "ready": {"True": True, "False": False}.get(ready or ""),
                "ip": status.get("podIP") or "",
                "deleting": deleted or bool(meta.get("deletionTimestamp")),
                "revision": (meta.get("labels") or {}).get(REVISION_LABEL, ""),
                "containers": {c["name"]: _container(c) for c in status.get("containerStatuses") or []},
            }
        ),
    )


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


def endpoint_slice(obj: Object, *, deleted: bool, seen_ns: int) -> Observation:
    """An EndpointSlice. deleted: shown without endpoints. A condition the API leaves out counts as the API says: ready."""
    meta = obj.get("metadata") or {}
    rows = []
    for endpoint in () if deleted else obj.get("endpoints") or []:
        conditions = endpoint.get("conditions") or {}
        ready = conditions.get("ready") is not False
        serving = conditions.get("serving")
        target = endpoint.get("targetRef") or {}
        rows += [
            {
                "ip": address,
                "pod": target.get("name") or "" if target.get("kind") == "Pod" else "",
                "ready": ready,
                "serving": ready if serving is None else bool(serving),
                "terminating": bool(conditions.get("terminating")),
            }
            for address in endpoint.get("addresses") or []
        ]
    return Observation(
        stream=Stream.ENDPOINTS,
        pod="",
        container="",
        instance=-1,
        at_ns=seen_ns,
        resolution_ns=SECOND_NS,
        seen_ns=seen_ns,
        payload=compact(
            {
                "slice": meta.get("name") or "",
                "service": (meta.get("labels") or {}).get(SERVICE_LABEL, ""),
                "endpoints": rows,
            }
        ),
    )


def event(obj: Object, *, deleted: bool, seen_ns: int) -> Observation | None:
    """An Event of either events API; None for one that has merely expired.

    The old API fills lastTimestamp (whole seconds) and count; the new one leaves them null, gives eventTime (microseconds) and,
    once the event repeats, series {count, lastObservedTime}. The finest time there is wins.
    """
    if deleted:
        return None
    meta, series, about = obj.get("metadata") or {}, obj.get("series") or {}, obj.get("involvedObject") or {}
    fine = maybe_ns(series.get("lastObservedTime"))
    if fine is None and not series:
        fine = maybe_ns(obj.get("eventTime"))
    coarse = maybe_ns(obj.get("lastTimestamp")) or maybe_ns(obj.get("firstTimestamp")) or maybe_ns(meta.get("creationTimestamp"))
    last = fine or coarse or seen_ns
    path = _CONTAINER_PATH.fullmatch(about.get("fieldPath") or "")
    container = path.group(1) if path else ""
    return Observation(
        stream=Stream.EVENTS,
        pod=(about.get("name") or "") if about.get("kind") == "Pod" else "",
        container=container,
        instance=-1,
        at_ns=last,
        resolution_ns=MICROSECOND_NS if fine else SECOND_NS,
        seen_ns=seen_ns,
        payload=compact(
            {
                "reason": obj.get("reason") or "",
                "message": obj.get("message") or "",
                "type": obj.get("type") or "",
                "count": series.get("count") or obj.get("count") or 1,
                "container": container,
                "first_ns": maybe_ns(obj.get("eventTime")) or maybe_ns(obj.get("firstTimestamp")) or last,
                "last_ns": last,
            }
        ),
    )
