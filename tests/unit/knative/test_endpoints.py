"""An EndpointSlice of the API as an Observation, and what that Observation says of a pod."""

from __future__ import annotations

import json

from harness.knative.endpoints import SliceState, endpoint_slice, listing, slice_state

SEEN = 1_800_000_000_123_456_789


def test_a_slice_lists_every_address_with_its_conditions() -> None:
    """Null conditions mean what the API says they mean."""
    obj = {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": False, "serving": True, "terminating": True},
             "targetRef": {"kind": "Pod", "name": "p"}},
            {"addresses": ["10.0.0.2", "10.0.0.3"], "conditions": {}},
        ],
    }  # fmt: skip
    assert json.loads(endpoint_slice(obj, deleted=False, seen_ns=SEEN).payload) == {
        "slice": "s-1",
        "service": "s",
        "endpoints": [
            {"ip": "10.0.0.1", "pod": "p", "ready": False, "serving": True, "terminating": True},
            {"ip": "10.0.0.2", "pod": "", "ready": True, "serving": True, "terminating": False},
            {"ip": "10.0.0.3", "pod": "", "ready": True, "serving": True, "terminating": False},
        ],
    }
    assert json.loads(endpoint_slice(obj, deleted=True, seen_ns=SEEN).payload)["endpoints"] == []


def test_what_is_written_is_read() -> None:
    """A pod with two addresses is ready if one of them is; an endpoint that names no pod is of none."""
    target = {"kind": "Pod", "name": "p"}
    obj = {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "r-private"}},
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": False}, "targetRef": target},
            {"addresses": ["fd00::1"], "conditions": {"ready": True}, "targetRef": target},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "q"}},
        ],
    }
    seen = slice_state(endpoint_slice(obj, deleted=False, seen_ns=SEEN).payload)
    assert seen == SliceState("s-1", "r-private", {"p": True, "q": False})
    assert seen.follows_pods
    assert not SliceState("s-2", "r", {}).follows_pods


def test_what_is_no_slice_is_none() -> None:
    """Or lists nothing, where the list is damaged."""
    assert slice_state("torn {") is None
    assert slice_state('{"slice":"s","service":"r","endpoints":[7,{"pod":8}]}') == SliceState("s", "r", {})
    assert slice_state('{"slice":"s","service":"r","endpoints":"x"}') == SliceState("s", "r", {})


def test_the_slice_that_follows_its_pods_and_listed_the_pod_first_says_when_it_is_ready() -> None:
    """The public Service's slice, a second private one and sights before the first listing say nothing of it."""

    def sight(name: str, service: str, *pods: str) -> str:
        rows = ", ".join(f'{{"pod": "{pod}", "ready": true}}' for pod in pods)
        return f'{{"slice": "{name}", "service": "{service}", "endpoints": [{rows}]}}'

    seen = [
        (1, sight("a", "r-private")),
        (2, sight("p", "r", "pod")),
        (3, sight("a", "r-private", "pod")),
        (4, sight("b", "r-private", "pod")),
        (5, sight("a", "r-private", "other")),
    ]
    assert [(at, shown.name, shown.ready.get("pod")) for at, shown in listing(seen, "pod")] == [(3, "a", True), (5, "a", None)]
    assert [at for at, _ in listing(seen[:2], "pod")] == [2]
    assert listing(seen, "nobody") == []
