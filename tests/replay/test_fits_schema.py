"""What real runs showed fits the published schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from harness.analyse import analyse
from harness.history import read
from harness.judge import judge
from harness.report.schema import schema
from harness.report.summary import summary, text
from tests.replay.replay import recordings


@pytest.fixture(name="validator", scope="module")
def schema_validator() -> jsonschema.Draft202012Validator:
    """The schema of the types."""
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("recording", recordings(), ids=lambda place: place.name)
def test_a_recorded_run_fits_the_schema(recording: Path, validator: jsonschema.Draft202012Validator) -> None:
    """Its summary as any reader of the file gets it."""
    history = read(recording)
    findings = analyse(history)
    found = summary(history, findings, judge(history.meta.spec, findings), artifacts={"run": "run.json"})
    whole = json.loads(text(found))
    assert [error.message for error in validator.iter_errors(whole)] == []
