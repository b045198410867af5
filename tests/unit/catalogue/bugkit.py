"""Evidence of examinations, written by hand: a pod's states, events and requests at seconds after the beginning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.knative.objects import compact
from harness.model import Answered, Observation, ReadinessSeen, RequestSeen, Seen, Stream

SECOND = 1_000_000_000
BEGUN_NS = 1_000 * SECOND
POD = "toggle-00001-abc"


def at(second: float) -> int:
    """UTC ns."""
    return BEGUN_NS + int(second * SECOND)


def pod(second: float, *, ready: bool, restarts: int = 0, queue_proxy: bool = True) -> Observation:
    """A state of the pod."""
    state = {
        "uid": "u1",
        "phase": "Running",
        "ready": ready,
        "ip": "10.0.0.1",
        "deleting": False,
        "revision": "toggle-00001",
        "containers": {
            "user-container": {"restarts": restarts, "ready": True, "id": f"c{restarts}", "running_since_ns": at(second)},
            "queue-proxy": {"restarts": 0, "ready": queue_proxy, "id": "q", "running_since_ns": at(0)},
        },
    }
    return Observation(Stream.PODS, POD, "", -1, at(second), SECOND, at(second), compact(state))


def event(second: float, reason: str, message: str, *, count: int = 1, container: str = "user-container") -> Observation:
    """An event about the pod."""
    told: dict[str, Any] = {"reason": reason, "message": message, "type": "Warning", "count": count, "container": container}
    told |= {"first_ns": at(second), "last_ns": at(second)}
    return Observation(Stream.EVENTS, POD, container, -1, at(second), SECOND, at(second), compact(told))


def killing(second: float) -> Observation:
    """The kubelet's decision to kill for liveness."""
    return event(second, "Killing", "Container user-container failed liveness probe, will be restarted")


def unready(second: float, count: int = 1) -> Observation:
    """Queue-proxy answered its readiness probe with 503."""
    return event(
        second, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=count, container="queue-proxy"
    )


def readiness(second: float, status: int = 503, text: str = "shutting down") -> ReadinessSeen:
    """What queue-proxy answered the trial."""
    return ReadinessSeen(at(second), at(second + 0.01), POD, status, text)


def request(second: float, status: int = 200, *, boot: str = "b1", text: str = "") -> RequestSeen:
    """One that took 10 ms."""
    return RequestSeen(at(second), at(second + 0.01), status, text, POD if status == 200 else "", boot)


def seen(
    until: float, observations: Iterable[Observation], requests: Iterable[RequestSeen] = (), *, ended: bool = False, **more: Any
) -> Seen:
    """Up to this second."""
    return Seen(
        answer=more.pop("answer", Answered(200)),
        observations=tuple(observations),
        requests=tuple(requests),
        until_ns=at(until),
        ended=ended,
        **more,
    )
