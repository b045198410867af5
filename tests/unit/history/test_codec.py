"""The nouns survive the way to JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass

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
        (Probe, {"period_s": "1"}, "Probe.period_s: str where int belongs"),
        (Probe, {"period_s": True}, "bool where int belongs"),
        (Probe, {"handler": "smoke"}, "is none of http, tcp, exec"),
        (Probe, [], "list where dict belongs"),
        (Phase, {"name": "x"}, "started_ns is missing"),
        (model.LoadPlan, {"lanes": [["get-keepalive"]]}, "1 values where 2 belong"),
        (model.LoadPlan, {"rate_rps": None}, "NoneType where float belongs"),
        (model.ServiceSpec, {"liveness": {"port": []}}, "ServiceSpec.liveness.port"),
    ],
)
def test_what_does_not_fit_is_named(noun: type, value: object, told: str) -> None:
    """A wrong value is refused with its place."""
    with pytest.raises(DoesNotFit, match=told.replace(".", r"\.")):
        decode(noun, value)


def test_what_has_no_json_is_refused() -> None:
    """What JSON cannot carry is a mistake of ours, not text that looks right."""
    with pytest.raises(TypeError):
        encode({"a": object()})
    with pytest.raises(TypeError):
        encode({1: "a"})
    with pytest.raises(ValueError, match="inf"):
        encode(float("inf"))


@dataclass(frozen=True)
class _Odd:
    either: int | str = 0
    raw: bytes = b""


def test_the_codec_knows_its_limits() -> None:
    """An annotation outside the agreed ones raises at once instead of guessing."""
    with pytest.raises(TypeError, match="either"):
        decode(_Odd, {"either": 1})
    with pytest.raises(TypeError, match="raw"):
        decode(_Odd, {"raw": "x"})


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
