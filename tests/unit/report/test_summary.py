"""What `summary.json` says, and that its schema would notice if it said less."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.analyse import analyse
from harness.errors import BadInput
from harness.judge import judge
from harness.model import NotCounted
from harness.report.sentences import as_text
from harness.report.shape import Summary
from harness.report.summary import seconds, summary, text, utc
from harness.report.terminal import facts
from tests.unit.analyse.test_hit import twice

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "summary.schema.json").read_text(encoding="utf-8"))
CASES = ("s1", "n1", "troubled")
ARTIFACTS = {"report": "report.html", "run": "run.json"}


@pytest.fixture(name="validator", scope="module")
def schema_validator() -> jsonschema.Draft202012Validator:
    """The published schema, itself checked."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def made(case: Any) -> Summary:
    """The summary of a case."""
    return summary(case.history, case.findings, case.verdict, artifacts=ARTIFACTS)


def loaded(case: Any) -> Any:
    """What a reader of the file gets."""
    return json.loads(text(made(case)))


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every (path of an object, key) of a document."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield path, key
            yield from objects(below, (*path, key))
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from objects(below, (*path, place))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """What lies at a path."""
    for step in path:
        value = value[step]
    return value


FREE = {"params", "unknown", "by_outcome", "by_cause", "anatomy", "host", "artifacts"}
"""Objects whose keys are data, not shape."""


@pytest.mark.parametrize("name", CASES)
def test_the_summary_fits_its_schema(name: str, request: pytest.FixtureRequest, validator: jsonschema.Draft202012Validator) -> None:
    """Whatever happened in a run, its summary is valid."""
    assert [error.message for error in validator.iter_errors(loaded(request.getfixturevalue(name)))] == []


def test_a_missing_key_does_not_fit_the_schema(s1: Any, validator: jsonschema.Draft202012Validator) -> None:
    """Take any one key out, wherever it is, and the schema refuses the rest."""
    whole = loaded(s1)
    tried = 0
    for path, key in list(objects(whole)):
        if path and path[-1] in FREE:
            continue
        broken = at(whole, path)
        taken = broken.pop(key)
        assert not validator.is_valid(whole), (path, key)
        broken[key] = taken
        tried += 1
    assert tried > 200
    assert validator.is_valid(whole), "what was taken was put back"


def closed(schema: Any) -> Any:
    """The schema with every object closed to keys it does not name."""
    if isinstance(schema, list):
        return [closed(below) for below in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(below) for key, below in schema.items()}
    return {**out, "additionalProperties": False} if "required" in schema else out


@pytest.mark.parametrize("name", CASES)
def test_every_key_is_described(name: str, request: pytest.FixtureRequest) -> None:
    """No key is written that the schema does not name; readers get new ones without a new version of it."""
    whole = loaded(request.getfixturevalue(name))
    assert jsonschema.Draft202012Validator(closed(SCHEMA)).is_valid(whole)
    assert not jsonschema.Draft202012Validator(closed(SCHEMA)).is_valid({**whole, "new": 1})
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid({**whole, "new": 1})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 3),
        (("verdict",), "maybe"),
        (("started_utc",), "2026-11-18 11:06:40"),
        (("claims", 0, "expected"), "undecided"),
        (("claims", 0, "observed"), "seen"),
        (("cycles", 0, "index"), -1),
        (("cycles", 0, "replaces"), -2),
        (("cycles", 0, "origin"), "start"),
        (("cycles", 0, "fault", "kind"), "flood"),
        (("cycles", 0, "fault", "status"), None),
        (("cycles", 0, "landed", "parts", 0, "seen"), None),
        (("cycles", 0, "anatomy", "killing", "offset_s"), [1.0]),
        (("cycles", 0, "anatomy", "killing", "resolution_s"), -1),
        (("cycles", 0, "refused_window_s"), [1.0, 2.0, 3.0]),
        (("cycles", 0, "ready_throughout"), 1),
        (("cycles", 0, "restarts"), 1.5),
        (("cycles", 0, "pacing_p99_us"), -1.0),
        (("cycles", 0, "requests", "by_outcome"), {"http-error": 1}),
        (("cycles", 0, "requests", "by_outcome"), {"ok": -1}),
        (("cycles", 0, "requests", "by_cause"), {"fate": 1}),
        (("requests", "by_outcome"), {"lost": 1}),
        (("ledger", "by_cause"), {"": 1}),
        (("ledger", "matched"), -1),
        (("generator", "rate"), "50"),
        (("phases", 0, "seconds"), -1),
        (("system_changes", 0, "was"), 1),
        (("host",), {"cpus": 2}),
        (("artifacts",), {"x": "/run.json"}),
        (("artifacts",), {"x": "raw/../../run.json"}),
    ],
)
def test_a_value_that_cannot_be_does_not_fit_the_schema(
    path: tuple[str | int, ...], value: object, s1: Any, validator: jsonschema.Draft202012Validator
) -> None:
    """Enums are those of the model, counts are not negative, spans have two ends, paths stay in the run directory."""
    broken = loaded(s1)
    at(broken, path[:-1])[path[-1]] = value
    assert not validator.is_valid(broken)


def test_the_same_run_gives_the_same_bytes(s1: Any) -> None:
    """Twice the same history, the same file; the order of cycles and mappings in the findings does not matter."""
    shuffled = replace(
        s1.findings,
        cycles=s1.findings.cycles[::-1],
        by_outcome=dict(reversed(s1.findings.by_outcome.items())),
    )
    assert text(made(s1)) == text(summary(s1.history, shuffled, s1.verdict, artifacts=dict(reversed(ARTIFACTS.items()))))


def test_keys_are_sorted_and_the_file_ends_with_a_newline(s1: Any) -> None:
    """So that two runs can be compared line by line."""
    shown = text(made(s1))
    assert shown == json.dumps(json.loads(shown), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_windows_count_from_the_fault(s1: Any) -> None:
    """Cycle 0: load at 0, fault at 6 s, request 485 (9.70 s) the first refused, 759 (15.18 s) the last."""
    cycle = made(s1)["cycles"][0]
    assert cycle["origin"] == "fault"
    assert cycle["refused_window_s"] == [3.7, 9.18]
    assert cycle["anatomy"]["killing"] == {"offset_s": [2.0, 3.0], "evidence": "event Killing", "resolution_s": 1.0}


def test_without_a_fault_offsets_count_from_the_load(n1: Any) -> None:
    """N1 has no fault; an observed window would be given from the start of the load."""
    cycle = replace(n1.findings.cycles[0], refused_window=(n1.history.cycles[0].load_started_ns + 1_500_000_000,) * 2)
    found = summary(n1.history, replace(n1.findings, cycles=(cycle,)), n1.verdict, artifacts={})
    assert (found["cycles"][0]["origin"], found["cycles"][0]["refused_window_s"]) == ("load", [1.5, 1.5])
    assert found["cycles"][0]["fault"] is None


def test_a_fault_the_mark_does_not_know_is_taken_from_its_event(s1: Any) -> None:
    """A run that ended while injecting has the event, but no finished mark."""
    marks = (replace(s1.history.cycles[0], fault_ns=0), *s1.history.cycles[1:])
    found = summary(replace(s1.history, cycles=marks), s1.findings, s1.verdict, artifacts={})
    assert found["cycles"][0]["refused_window_s"] == [3.7, 9.18]


def test_what_is_unknown_is_null(troubled: Any) -> None:
    """A number never measured, a version not recorded, an end never seen: null, not a guess."""
    found = made(troubled)
    lost = found["cycles"][5]
    measured = ("origin", "refused_window_s", "restarts", "ready_throughout", "pacing_p99_us", "pacing_max_us", "steal")
    assert {key: value for key, value in lost.items() if key in measured} == dict.fromkeys(measured)
    assert lost["anatomy"]["fault"]["offset_s"] is None
    assert found["versions"]["kubernetes"] is None
    assert found["gaps"][0]["until_utc"] is None
    assert found["phases"][-1]["seconds"] is None


def test_a_gap_known_twice_is_written_once(troubled: Any) -> None:
    """The recorder and the analysis name the same gap."""
    assert troubled.history.gaps == troubled.findings.gaps
    assert len(made(troubled)["gaps"]) == 1


@pytest.mark.parametrize("path", ["/var/log/x", "../other/run.json", "raw/../../x", ""])
def test_an_artifact_outside_the_run_directory_is_refused(path: str, s1: Any) -> None:
    """Paths are relative, so that a run directory can be moved."""
    with pytest.raises(BadInput, match="does not lie below"):
        summary(s1.history, s1.findings, s1.verdict, artifacts={"x": path})


@pytest.mark.parametrize(("ns", "expected"), [(0, "0.0"), (-400, "0.0"), (1_234_567_890, "1.234568"), (-5_000_000, "-0.005")])
def test_seconds_are_true_to_the_microsecond_and_never_minus_zero(ns: int, expected: str) -> None:
    """`-0.0` would differ from `0.0` in the bytes and in nothing else."""
    assert repr(seconds(ns)) == expected


def test_times_are_written_to_the_microsecond() -> None:
    """Also just before the next second."""
    assert utc(1_795_000_000_999_999_999) == "2026-11-18T11:06:40.999999Z"
    assert utc(0) is None


@pytest.mark.parametrize("name", ["s1", "n1"])
def test_the_summary_is_the_one_on_file(name: str, request: pytest.FixtureRequest) -> None:
    """The whole text, as checked in."""
    expected = (Path(__file__).parent / "snapshots" / f"{name}.summary.json").read_text(encoding="utf-8")
    assert text(made(request.getfixturevalue(name))) == expected


def test_a_cycle_that_does_not_count_shows_what_it_saw(s1: Any, validator: jsonschema.Draft202012Validator) -> None:
    """Its requests and causes are in totals of their own, with what was last seen of its pod."""
    one = s1.findings.cycles[0]
    given_up = replace(one, voided="given up: no recovery", last_seen=("event BackOff: waits", "pod a Running not Ready"))
    left_out = NotCounted(1, one.sent, one.ok, one.by_outcome, one.by_cause)
    findings = replace(s1.findings, cycles=(given_up, *s1.findings.cycles[1:]), not_counted=left_out)
    found = summary(s1.history, findings, s1.verdict, artifacts={})
    validator.validate(found)
    assert found["not_counted"]["sent"] == one.sent
    assert found["not_counted"]["by_cause"] == dict(one.by_cause)
    assert found["cycles"][0]["last_seen"] == ["event BackOff: waits", "pod a Running not Ready"]
    assert f"1 cycle: {one.sent} sent, {one.ok} succeeded" in dict(facts(found))["not counted"]


def test_what_was_not_seen_and_what_is_disputed_is_told(s1: Any, validator: jsonschema.Draft202012Validator) -> None:
    """Missing edges, disputes, queue-proxy's own window, the request log's join and hidden attempts reach the file."""
    one = s1.findings.cycles[0]
    at = s1.history.cycles[0].fault_ns
    window = (at + 3_000_000_000, at + 8_500_000_000)
    cycle = replace(one, missing=("sigterm",), disputes=("the app and the kubelet differ by 2 s",), queue_proxy_window=window)
    ledger = replace(s1.findings.ledger, hidden=3, request_log_lines=5000, exact=4990, strangers=10)
    findings = replace(s1.findings, cycles=(cycle, *s1.findings.cycles[1:]), ledger=ledger)
    meta = replace(s1.history.meta, spec=replace(s1.history.meta.spec, request_log=True))
    found = made(replace(s1, findings=findings, history=replace(s1.history, meta=meta)))
    validator.validate(json.loads(text(found)))
    seen = found["cycles"][0]
    assert (seen["missing"], seen["disputes"]) == (["sigterm"], ["the app and the kubelet differ by 2 s"])
    assert seen["queue_proxy_window_s"] == [3.0, 8.5]
    book = found["ledger"]
    assert (book["hidden"], book["request_log_lines"], book["exact"], book["strangers"]) == (3, 5000, 4990, 10)
    assert found["request_log"] is True


def test_a_fault_in_a_sidecar_names_it(s1: Any, validator: jsonschema.Draft202012Validator) -> None:
    """And only such a fault, so that the summaries of all others keep their bytes; the sentences name it too."""
    assert "container" not in loaded(s1)["cycles"][0]["fault"]
    history = replace(s1.history, faults=tuple(replace(one, container="proxy") for one in s1.history.faults))
    findings = replace(s1.findings, cycles=tuple(replace(one, container="proxy") for one in s1.findings.cycles))
    shown = summary(history, findings, s1.verdict, artifacts=ARTIFACTS)
    validator.validate(json.loads(text(shown)))
    assert {cycle["fault"]["container"] for cycle in shown["cycles"] if cycle["fault"]} == {"proxy"}
    assert "alive, in the sidecar proxy, in 5 cycles" in as_text(shown)[0]


def test_the_fault_of_a_cycle_is_the_one_that_its_mark_tells_of() -> None:
    """Not the last of several pods', nor a second one beside it."""
    story = twice()
    history = story.history()
    findings = analyse(history)
    shown = summary(history, findings, judge(history.meta.spec, findings), artifacts={})
    fault = shown["cycles"][0]["fault"]
    assert fault is not None
    assert (fault["pod"], shown["cycles"][0]["pod"]) == ("pod-0", "pod-0")
