"""What the generator is told survives the file, and nonsense is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.load.spec import BadSpec, GeneratorSpec
from harness.model import Lane, LoadPlan

SPEC = GeneratorSpec("127.0.0.1", 80, "app.example", LoadPlan(), "r1", 0, 60.0, 5.0, at_once=False)


def test_a_spec_survives_its_file() -> None:
    """Every field, lanes included."""
    assert GeneratorSpec.from_json(SPEC.to_json()) == SPEC


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
