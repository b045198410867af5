"""What the generator is told survives the file, and nonsense is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import BadInput
from harness.load.process import require_plan
from harness.load.spec import BadSpec, GeneratorSpec
from harness.model import POD_ROUTE, USERS_ROUTE, Arrivals, Hop, Lane, LoadPlan, Route

USERS = Route(USERS_ROUTE, "127.0.0.1", 80, "app.example", (Hop.INGRESS, Hop.QUEUE_PROXY, Hop.USER_CONTAINER))
POD = Route(POD_ROUTE, "127.0.0.1", 81, "app.example", (Hop.USER_CONTAINER,))
SPEC = GeneratorSpec((USERS,), LoadPlan(), "r1", 0, 60.0, 5.0, at_once=False)


RAMP = replace(SPEC.plan, arrivals=Arrivals.RAMP, to_rate_rps=9.0, over_s=1.0)


def test_a_spec_survives_its_file() -> None:
    """Every field, lanes, routes, headers and arrivals included."""
    full = replace(
        SPEC,
        plan=replace(RAMP, seed=7, body="ü\n", headers=(("X-A", "b"), ("X-C", "")), retries=2, retry_after_s=0.5),
        routes=(POD, USERS),
    )
    for spec in (SPEC, full):
        spec.check()
        assert GeneratorSpec.from_json(spec.to_json()) == spec


def test_a_lane_connects_where_its_route_does() -> None:
    """The behaviour of a client does not decide where it connects."""
    spec = replace(SPEC, routes=(POD, USERS))
    assert (spec.route_of(Lane.GET_POD), spec.route_of(Lane.GET_NEW), spec.route_of(Lane.GET_H2C)) == (POD, USERS, USERS)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (replace(SPEC, routes=(replace(USERS, port=0),)), "port of route users"),
        (replace(SPEC, routes=(replace(USERS, host="a\r\nX: y"),)), "host of route users"),
        (replace(SPEC, routes=(replace(USERS, address=""),)), "address of route users"),
        (replace(SPEC, plan=replace(SPEC.plan, path="no-slash")), "path"),
        (replace(SPEC, plan=replace(SPEC.plan, path="/a b")), "path"),
        (replace(SPEC, plan=replace(SPEC.plan, expect=(200, 503))), "expect has the status 503"),
        (replace(SPEC, plan=replace(SPEC.plan, expect=(True,))), "expect"),
        (replace(SPEC, run_id=""), "run_id"),
        (replace(SPEC, max_s=float("inf")), "max_s"),
        (replace(SPEC, drain_s=-1.0), "drain_s"),
        (replace(SPEC, max_s=1e9), "max_s"),
        (replace(SPEC, plan=replace(SPEC.plan, rate_rps=1e5), max_s=10_000.0), "records"),
        (replace(SPEC, plan=replace(SPEC.plan, rate_rps=0.0)), "rate_rps"),
        (replace(SPEC, plan=replace(SPEC.plan, rate_rps=float("nan"))), "rate_rps"),
        (replace(SPEC, plan=replace(SPEC.plan, deadline_s=0.0)), "deadline_s"),
        (replace(SPEC, plan=replace(SPEC.plan, in_flight_cap=-1)), "in_flight_cap"),
        (replace(SPEC, plan=replace(SPEC.plan, lanes=())), "lanes"),
        (replace(SPEC, plan=replace(SPEC.plan, lanes=((Lane.GET_NEW, 0),))), "lanes"),
        (replace(SPEC, plan=replace(SPEC.plan, lanes=((Lane.GET_NEW, 1), (Lane.GET_NEW, 1)))), "twice"),
        (replace(SPEC, plan=replace(RAMP, to_rate_rps=0.0)), "to_rate_rps"),
        (replace(SPEC, plan=replace(RAMP, to_rate_rps=float("inf"))), "to_rate_rps"),
        (replace(SPEC, plan=replace(RAMP, over_s=0.0)), "over_s"),
        (replace(SPEC, plan=replace(RAMP, to_rate_rps=900_000.0), max_s=10_000.0), "records"),
        (replace(SPEC, plan=replace(SPEC.plan, to_rate_rps=5.0)), "to_rate_rps"),
        (replace(SPEC, plan=replace(SPEC.plan, arrivals=Arrivals.POISSON, over_s=5.0)), "over_s"),
        (replace(SPEC, plan=replace(SPEC.plan, retries=-1)), "retries"),
        (replace(SPEC, plan=replace(SPEC.plan, retries=101)), "retries"),
        (replace(SPEC, plan=replace(SPEC.plan, retry_after_s=float("nan"))), "retry_after_s"),
        (replace(SPEC, plan=replace(SPEC.plan, body="\ud800")), "body"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("X Y", "z"),))), "headers"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("", "z"),))), "headers"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("X", "a\r\nY: z"),))), "headers"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("X", " a"),))), "headers"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("X-Rid", "a"),))), "X-Rid"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("x-attempt", "a"),))), "x-attempt"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("HOST", "a"),))), "HOST"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("Content-Length", "1"),))), "Content-Length"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("Transfer-Encoding", "chunked"),))), "Transfer-Encoding"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("Expect", "100-continue"),))), "Expect"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("user-agent", "Kube-Probe/1.34"),))), "user-agent.*probe"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("K-Network-Probe", "queue"),))), "K-Network-Probe.*probe"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("K-Kubelet-Probe", "a"),))), "K-Kubelet-Probe.*probe"),
        (replace(SPEC, plan=replace(SPEC.plan, headers=(("X", "x" * 8193),))), "8193 characters"),
        (replace(SPEC, plan=replace(SPEC.plan, lanes=((Lane.GET_NEW, 10_001),))), "lanes.*10000"),
        (replace(SPEC, plan=replace(SPEC.plan, deadline_s=1e7)), "deadline_s"),
        (replace(SPEC, plan=replace(SPEC.plan, retry_after_s=1e7)), "retry_after_s"),
        (replace(SPEC, drain_s=1e7), "drain_s"),
        (replace(SPEC, routes=(USERS, replace(POD, port=65_536))), "port of route pod"),
        (replace(SPEC, routes=(USERS, USERS)), "routes has a name twice"),
        (replace(SPEC, routes=()), "routes has no users"),
        (replace(SPEC, plan=replace(SPEC.plan, lanes=((Lane.GET_POD, 1),))), "get-pod, but routes has no pod"),
    ],
)
def test_what_cannot_be_used_is_named(spec: GeneratorSpec, names: str) -> None:
    """The message names the field."""
    with pytest.raises(BadSpec, match=names):
        spec.check()


NOT_OF_THE_KIND: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("rate_rps", ("5", None, True, 10**400, [], {})),
    ("to_rate_rps", ("5", True)),
    ("over_s", (None, False)),
    ("deadline_s", ("40", -(10**400))),
    ("retry_after_s", ([],)),
    ("in_flight_cap", (1.5, float("nan"), True, "1")),
    ("retries", (2.5, True)),
    ("seed", ("x", None)),
    ("body", (5, None)),
    ("arrivals", ("poison", 5, None)),
    ("lanes", (5, [["get-new-connection", 0.5]], [["get-new-connection", True]], [["get-new-connection", 10**400]], [[5, 1]])),
    ("headers", (5, [["X", 5]], [["X", "a", "b"]], [[None, "a"]])),
    ("max_s", ("60", None, 10**400)),
    ("drain_s", (True,)),
    ("cycle", ("0",)),
    ("path", (5,)),
    ("run_id", (5,)),
    ("at_once", (1, "yes")),
    ("routes", (5, None, [5], [["users", 80]], {})),
)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in NOT_OF_THE_KIND for value in values])
def test_a_value_of_another_kind_is_refused(name: str, value: Any) -> None:
    """In the file and in the noun, whatever JSON has: BadSpec, and no other error."""
    told = json.loads(SPEC.to_json())
    in_plan = name in told["plan"]
    (told["plan"] if in_plan else told)[name] = value
    with pytest.raises(BadSpec):
        GeneratorSpec.from_json(json.dumps(told))
    given: dict[str, Any] = {name: value}
    with pytest.raises(BadSpec, match=name):
        (replace(SPEC, plan=replace(SPEC.plan, **given)) if in_plan else replace(SPEC, **given)).check()


@pytest.mark.parametrize(
    ("field", "value"),
    [("port", 80.5), ("port", "80"), ("port", True), ("address", 5), ("host", None), ("host", ["a"]), ("name", 5)],
)
def test_a_value_of_another_kind_in_a_route_is_refused(field: str, value: Any) -> None:
    """In the file and in the noun alike."""
    told = json.loads(SPEC.to_json())
    told["routes"][0][field] = value
    with pytest.raises(BadSpec):
        GeneratorSpec.from_json(json.dumps(told))
    given: dict[str, Any] = {field: value}
    with pytest.raises(BadSpec, match=field):
        replace(SPEC, routes=(replace(USERS, **given),)).check()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"plan": 3}', SPEC.to_json().replace("get-new-connection", "carrier-pigeon"), "[" * 100_000]
)
def test_text_that_is_no_spec_is_refused(text: str) -> None:
    """With one kind of error, whatever is wrong with it."""
    with pytest.raises(BadSpec):
        GeneratorSpec.from_json(text)


PROBES = [
    ("User-Agent", "kube-probe/1.34"),
    ("K-Network-Probe", "queue"),
    ("K-Network-Probe", "probe"),
    ("K-Network-Probe", ""),
    ("K-Kubelet-Probe", "any"),
    ("User-Agent", "Knative-Activator-Probe"),
    ("User-Agent", "Knative-Activator-Probe/1.23"),
    ("User-Agent", "Knative-Autoscaling-Probe"),
]
"""Headers for which Knative answers a request itself (knative/serving #13905)."""

ROUTES = [
    ("K-Passthrough-Lb", "true"),
    ("K-Network-Hash", "override"),
    ("K-Original-Host", "other.example.com"),
    ("K-Proxy-Request", "activator"),
    ("Knative-Serving-Revision", "other-00001"),
    ("Knative-Serving-Namespace", "other"),
    ("x-envoy-retry-on", "5xx"),
    ("x-envoy-upstream-rq-timeout-ms", "10"),
]

SENT = [
    ("User-Agent", "Knative-Ingress-Probe"),
    ("User-Agent", "Knative-Queue-Proxy-Probe"),
    ("User-Agent", "my kube-probe/1.34"),
    ("User-Agent", "kube-probe"),
    ("Knative-Serving-Tag", "blue"),
    ("Knative-Serving-Default-Route", "false"),
    ("X-Network-Probe", "probe"),
]


@pytest.mark.parametrize("spelt", [str, str.lower, str.upper])
@pytest.mark.parametrize(
    ("header", "why"), [*((header, "never sees it") for header in PROBES), *((header, "where and how often") for header in ROUTES)]
)
def test_a_request_that_knative_answers_or_sends_elsewhere_is_refused_before_the_build(
    header: tuple[str, str], why: str, spelt: Callable[[str], str]
) -> None:
    """In any case of the name, also as one of several headers; nothing needs to be there to find it out."""
    plan = replace(SPEC.plan, headers=(("X-Other", "a"), (spelt(header[0]), header[1])))
    with pytest.raises(BadInput, match=f"(?i){header[0]}.*{why}"):
        require_plan(plan)


@pytest.mark.parametrize("header", SENT)
def test_a_header_that_only_sounds_like_a_probe_is_sent(header: tuple[str, str]) -> None:
    """It reaches the app."""
    require_plan(replace(SPEC.plan, headers=(header,)))


@pytest.mark.parametrize(
    "changed",
    [
        {"rate_rps": 0.19, "lanes": ((Lane.POST_KEEPALIVE, 1),), "deadline_s": 40.0},
        {"rate_rps": 20.0, "lanes": ((Lane.POST_KEEPALIVE, 1),), "body": "x" * 524_288},
    ],
    ids=["a POST after each idle time", "a POST of 512 KiB"],
)
def test_loads_that_bring_queue_proxys_own_errors_about_are_sent(changed: dict[str, Any]) -> None:
    """knative/serving #12414 and #12387."""
    require_plan(replace(SPEC.plan, **changed))
