"""`docs/advice.schema.json` is that of the types, and can fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.advise.schema import as_json, schema, text
from tests.unit.advise.kit import LIVENESS, advised, service

PUBLISHED = Path(__file__).parents[3] / "docs" / "advice.schema.json"


def test_the_published_schema_is_not_stale() -> None:
    """`make schema` writes it anew."""
    assert PUBLISHED.read_text(encoding="utf-8") == text(), f"{PUBLISHED.name} is stale. Run: make schema"
    jsonschema.Draft202012Validator.check_schema(schema())


def test_everything_is_described_and_required() -> None:
    """Each object by a docstring; what is unknown is null, not left out."""
    for name, one in schema()["$defs"].items():
        assert one.get("description"), name
        assert sorted(one["properties"]) == sorted(one["required"]), name


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("risks", 0, "line"), "nine"),
        (("risks", 0, "evidence", "scenario"), None),
        (("cost", "refused", "seconds"), [1.0]),
        (("not_judged", 0, "decisive"), "no"),
    ],
)
def test_what_is_of_another_type_does_not_fit(place: tuple[str | int, ...], value: object) -> None:
    """The schema can fail."""
    record: Any = json.loads(as_json(advised(service({"livenessProbe": LIVENESS}))))
    fits = jsonschema.Draft202012Validator(schema())
    fits.validate(record)
    inner = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        fits.validate(record)
