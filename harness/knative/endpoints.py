"""An EndpointSlice: what of the API's object is kept in an Observation, and what such an Observation says of a pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from harness.knative.lines import parsed
from harness.knative.names import PRIVATE_SUFFIX, SLICE_SERVICE_LABEL
from harness.knative.objects import Object, state_seen
from harness.model import Observation, Stream


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
    state = {
        "slice": meta.get("name") or "",
        "service": (meta.get("labels") or {}).get(SLICE_SERVICE_LABEL, ""),
        "endpoints": rows,
    }
    return state_seen(Stream.ENDPOINTS, "", state, seen_ns)


@dataclass(frozen=True, slots=True)
class SliceState:
    """One sight of an EndpointSlice. ready: by name of each pod it lists, whether an endpoint of that pod is ready."""

    name: str
    service: str
    ready: Mapping[str, bool]

    @property
    def follows_pods(self) -> bool:
        """Whether it is a slice of the Service that follows its Revision's pods whatever the activator does."""
        return self.service.endswith(PRIVATE_SUFFIX)


@lru_cache(maxsize=1024)
def slice_state(payload: str) -> SliceState | None:
    """What the payload of an Observation says, None if it is not of an EndpointSlice. Each fact that rests on it asks again."""
    told = parsed(payload)
    if told is None:
        return None
    ready: dict[str, bool] = {}
    listed = told.get("endpoints")
    for one in listed if isinstance(listed, list) else []:
        pod = one.get("pod") if isinstance(one, dict) else None
        if isinstance(pod, str):
            ready[pod] = ready.get(pod, False) or one.get("ready") is True
    return SliceState(str(told.get("slice")), str(told.get("service")), ready)


def listing(slices: Iterable[tuple[int, str]], pod: str) -> list[tuple[int, SliceState]]:
    """(when, what was seen) of the slice that lists the pod, from the first time it did; a pod no longer listed is not ready.

    slices: when each was seen, and the payload of its Observation, in the order seen. A slice that follows its pods is preferred:
    those of the other Service of a Revision may list the activator instead. Only the first slice that listed the pod counts;
    several in turn would look like changes of readiness.
    """
    lists: set[str] = set()
    sights: list[tuple[int, SliceState]] = []
    for seen_ns, payload in slices:
        shown = slice_state(payload)
        if shown is not None and (shown.name in lists or pod in shown.ready):
            lists.add(shown.name)
            sights.append((seen_ns, shown))
    chosen = [one for one in sights if one[1].follows_pods] or sights
    return [one for one in chosen if one[1].name == chosen[0][1].name]
