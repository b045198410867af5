"""`docs/experiment.schema.json` is that of the types, and a record fits it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.history import EXPERIMENT, write_experiment
from harness.history.experiment_schema import schema, text
from harness.model import Experiment
from tests.unit.report.test_comparison import experiment

COMMITTED = Path(__file__).parents[3] / "docs" / "experiment.schema.json"


def written(directory: Path, one: Experiment) -> Any:
    """The record as it is on disk."""
    write_experiment(directory, one)
    return json.loads((directory / EXPERIMENT).read_text(encoding="utf-8"))


def test_the_committed_schema_is_that_of_the_types() -> None:
    """`make schema` writes it anew."""
    assert COMMITTED.read_text(encoding="utf-8") == text()
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_comparison_fits_and_so_does_an_experiment_without_one(tmp_path: Path) -> None:
    """Bounds that there are not are null."""
    made, fits = experiment(), jsonschema.Draft202012Validator(schema())
    fits.validate(written(tmp_path, made))
    fits.validate(written(tmp_path, replace(made, design=None, comparisons=())))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("ruling",), "fine"),
        (("experiment", "comparisons", 0, "change"), "worst"),
        (("experiment", "comparisons", 0, "differences", 0, "value"), "much"),
        (("experiment", "comparisons", 0, "differences", 0, "planned", "margin"), None),
        (("experiment", "design", "looks"), 1.5),
    ],
)
def test_what_is_of_another_type_does_not_fit(tmp_path: Path, place: tuple[str | int, ...], value: object) -> None:
    """The schema can fail."""
    record = written(tmp_path, experiment())
    inner = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(record)
