"""The nouns survive the way to JSON and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, nan
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import model
from harness.history.codec import DoesNotFit, decode, encode
from harness.model import CycleMark, FaultEvent, Gap, GeneratorReport, Handler, Observation, Phase, Probe, RunMeta, RunSpec

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
st.register_type_strategy(str, TEXT)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
st.register_type_strategy(
    model.Rate,
    st.builds(lambda of, ends: model.Rate(of, *sorted(ends)), st.sampled_from(model.RateOf), st.tuples(*[st.floats(0, 1)] * 2)),
)
st.register_type_strategy(
    model.Bounds,
    st.builds(
        lambda ends, causes: model.Bounds(min(ends), max(ends), tuple(causes)),
        st.tuples(*[st.floats(0, 1e9)] * 2),
        st.lists(TEXT, max_size=2),
    ),
)

NOUNS = (RunMeta, RunSpec, CycleMark, FaultEvent, Gap, Phase, Observation, GeneratorReport, model.ServiceSpec, model.Answer)


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_round_trip(noun: type) -> None:
    """Whatever a noun holds, JSON text gives it back equal."""

    @given(st.from_type(noun))
    @settings(max_examples=25, deadline=None)
    def check(value: object) -> None:
        assert decode(noun, json.loads(json.dumps(encode(value)))) == value

    check()


def test_unknown_keys_are_skipped_and_missing_ones_take_defaults() -> None:
    """A history of a later release, with more keys, and one of an earlier, with fewer, can be read."""
    assert decode(Probe, {"path": "/x", "invented_later": 1}) == Probe(path="/x")


@pytest.mark.parametrize(
    ("noun", "value", "told"),
    [
        (Probe, {"period_s": "1"}, "Probe: Expected `int`, got `str` - at `$.period_s`"),
        (Probe, {"period_s": True}, "Expected `int`, got `bool` - at `$.period_s`"),
        (Probe, {"period_s": 1.0}, "Expected `int`, got `float` - at `$.period_s`"),
        (Probe, {"handler": "smoke"}, "Invalid enum value 'smoke' - at `$.handler`"),
        (Probe, [], "Probe: Expected `object`, got `array`"),
        (Phase, {"name": "x"}, "Phase: Object missing required field `started_ns`"),
        (model.LoadPlan, {"lanes": [["get-keepalive"]]}, "Expected `array` of length 2, got 1 - at `$.lanes[0]`"),
        (model.LoadPlan, {"rate_rps": None}, "Expected `float`, got `null` - at `$.rate_rps`"),
        (model.LoadPlan, {"rate_rps": "1"}, "Expected `float`, got `str` - at `$.rate_rps`"),
        (model.LoadPlan, {"rate_rps": False}, "Expected `float`, got `bool` - at `$.rate_rps`"),
        (model.LoadPlan, {"rate_rps": nan}, "LoadPlan.rate_rps: nan is no finite number"),
        (model.LoadPlan, {"rate_rps": 10**400}, "Number out of range - at `$.rate_rps`"),
        (model.LoadPlan, {"seed": 2**63}, "LoadPlan.seed: a whole number of more than 64 bits"),
        (model.LoadPlan, {"lanes": [["get-pod", -(2**63) - 1]]}, "LoadPlan.lanes.0.1: a whole number of more than 64 bits"),
        (model.ServiceSpec, {"liveness": {"port": []}}, "at `$.liveness.port`"),
        (model.ServiceSpec, {"app": {"startup_delay_s": inf}}, "ServiceSpec.app.startup_delay_s: inf is no finite number"),
        (model.Rate, {"of": "cycles", "lo": 0.5, "hi": 0.2}, "a share from 0.5 to 0.2 is no part of [0, 1]"),
        (
            model.Answer,
            {"index": 0, "status": 0, "body": "", "headers": {"a": []}},
            "got `array` - at `$.headers[...]`",
        ),
    ],
)
def test_what_does_not_fit_is_named(noun: type, value: object, told: str) -> None:
    """A wrong value is refused with its place."""
    with pytest.raises(DoesNotFit, match=re.escape(told)):
        decode(noun, value)


def test_what_a_history_cannot_hold_is_not_written() -> None:
    """It is refused where it is written, not found as damage when the history is read."""
    for value in (inf, -inf, nan):
        with pytest.raises(DoesNotFit, match=rf"LoadPlan.rate_rps: {value} is no finite number"):
            encode(model.LoadPlan(rate_rps=value))
    with pytest.raises(DoesNotFit, match=r"LoadPlan.seed: a whole number of more than 64 bits"):
        encode(model.LoadPlan(seed=2**63))
    with pytest.raises(TypeError, match="object"):
        encode({"a": object()})


@dataclass(frozen=True)
class _Counts:
    by_cycle: Mapping[int, str]


def test_a_key_that_is_no_text_comes_back_as_it_was() -> None:
    """JSON has keys of text alone; the annotation says what they are."""
    counts = _Counts(MappingProxyType({1: "a"}))
    assert json.loads(json.dumps(encode(counts))) == {"by_cycle": {"1": "a"}}
    assert decode(_Counts, encode(counts)) == _Counts({1: "a"})


def test_a_reason_is_its_words() -> None:
    """A string of a type of its own is a string."""
    assert encode((model.Reason("late", model.ReasonKind.MACHINE),)) == ("late",)


def test_numbers_of_keys_that_are_not_known_are_skipped_too() -> None:
    """What a later release adds may be what this one could not hold."""
    assert decode(Probe, {"invented_later": nan, "other": 10**30}) == Probe()


def test_an_enum_is_its_text() -> None:
    """Files hold words, not the names of Python's members."""
    assert encode(Probe(handler=Handler.EXEC)) == {
        "handler": "exec",
        "path": "/healthz",
        "port": 0,
        "period_s": 1,
        "failure_threshold": 3,
        "timeout_s": 1,
        "initial_delay_s": 0,
    }
