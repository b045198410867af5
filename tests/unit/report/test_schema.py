"""The published schema is what the types of `summary.json` say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.faults import FAULTS
from harness.model import Cause, Expectation, Observed, Outcome, Ruling, Stream
from harness.report.schema import schema, text

PUBLISHED = Path(__file__).parents[3] / "docs" / "summary.schema.json"


def test_the_published_schema_is_not_stale() -> None:
    """Written anew, the file is the same."""
    assert PUBLISHED.read_text(encoding="utf-8") == text(), f"{PUBLISHED.name} is stale. Run: make schema"


def keys() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(object, key, schema of its values) of all objects with named keys."""
    for name, one in schema()["$defs"].items():
        for key, value in one.get("properties", {}).items():
            yield name, key, value


def test_everything_is_described() -> None:
    """Each object by a docstring, each key by words of its own, each without the indentation of its source."""
    words = {name: one.get("description", "") for name, one in schema()["$defs"].items()}
    words |= {f"{name}.{key}": value.get("description", "") for name, key, value in keys()}
    assert len(words) > 100
    assert [place for place, told in words.items() if not told or "\n " in told] == []


def test_every_key_is_required() -> None:
    """None is left out: what is unknown is null. A claim without bounds has no such key, so that its summary keeps its bytes.

    Nor has a fault in the container that gets the requests, or a cycle of a run without a claim about a rate or a number, or
    without the request log.
    """
    optional = {"ClaimShape": {"bounds"}, "CycleShape": {"by_method", "probe_phase_s", "hops"}, "FaultShape": {"container"}}
    for name, one in schema()["$defs"].items():
        assert sorted(set(one.get("properties", {})) - optional.get(name, set())) == one.get("required", []), name


def test_enums_are_those_of_the_model() -> None:
    """A member added there is in the schema."""
    defs = schema()["$defs"]
    for enum in (Ruling, Expectation, Observed, Stream):
        assert defs[enum.__name__]["enum"] == sorted(enum)
    assert defs["FaultShape"]["properties"]["kind"]["enum"] == sorted(FAULTS)
    found = {(name, key): value.get("propertyNames", {}) for name, key, value in keys() if key.startswith("by_")}
    assert found[("LedgerShape", "by_cause")] == found[("CycleRequestsShape", "by_cause")] == {"enum": sorted(Cause)}
    outcomes = found[("RequestsShape", "by_outcome")]
    assert outcomes == found[("CycleRequestsShape", "by_outcome")]
    named = set(outcomes["pattern"].removeprefix("^(").removesuffix(")$").split("|"))
    assert named == {*Outcome, "http-[0-9]+"} - {Outcome.HTTP_ERROR}
