"""What the generator is told survives the file, and nonsense is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.load.spec import BadSpec, GeneratorSpec
from harness.model import Arrivals, Lane, LoadPlan

SPEC = GeneratorSpec("127.0.0.1", 80, "app.example", LoadPlan(), "r1", 0, 60.0, 5.0, at_once=False)


RAMP = replace(SPEC.plan, arrivals=Arrivals.RAMP, to_rate_rps=9.0, over_s=1.0)


def test_a_spec_survives_its_file() -> None:
    """Every field, lanes, ports, headers and arrivals included."""
    full = replace(
        SPEC,
        plan=replace(RAMP, seed=7, body="ü\n", headers=(("X-A", "b"), ("X-C", "")), retries=2, retry_after_s=0.5),
        ports=((Lane.GET_POD, 81), (Lane.GET_QUEUE_PROXY, 82)),
    )
    for spec in (SPEC, full):
        spec.check()
        assert GeneratorSpec.from_json(spec.to_json()) == spec


def test_a_lane_connects_to_its_own_port_or_to_that_of_all() -> None:
    """Ports name the exceptions."""
    spec = replace(SPEC, ports=((Lane.GET_POD, 81),))
    assert (spec.port_of(Lane.GET_POD), spec.port_of(Lane.GET_NEW)) == (81, 80)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (replace(SPEC, port=0), "port"),
        (replace(SPEC, host="a\r\nX: y"), "host"),
        (replace(SPEC, path="no-slash"), "path"),
        (replace(SPEC, path="/a b"), "path"),
        (replace(SPEC, run_id=""), "run_id"),
        (replace(SPEC, max_s=float("inf")), "max_s"),
        (replace(SPEC, drain_s=-1.0), "drain_s"),
        (replace(SPEC, max_s=1e9), "records"),
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
        (replace(SPEC, ports=((Lane.GET_POD, 0),)), "ports"),
        (replace(SPEC, ports=((Lane.GET_POD, 1), (Lane.GET_POD, 2))), "ports"),
    ],
)
def test_what_cannot_be_used_is_named(spec: GeneratorSpec, names: str) -> None:
    """The message names the field."""
    with pytest.raises(BadSpec, match=names):
        spec.check()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan": 3}', SPEC.to_json().replace("get-new-connection", "carrier-pigeon")])
def test_text_that_is_no_spec_is_refused(text: str) -> None:
    """With one kind of error, whatever is wrong with it."""
    with pytest.raises(BadSpec):
        GeneratorSpec.from_json(text)
