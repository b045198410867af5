"""The JSON Schema of `experiment.json`, from its types.

python -m harness.history.experiment_schema > docs/experiment.schema.json
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import msgspec

from harness.history.experiments import EXPERIMENT_SCHEMA, KIND
from harness.model import Experiment, Ruling


def schema() -> dict[str, Any]:
    """Draft 2020-12. An object may have more keys than it names: a later release adds some."""
    (shown,), parts = msgspec.json.schema_components([Experiment], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "knative-chaos experiment.json",
        "type": "object",
        "required": ["kind", "schema", "ruling", "experiment"],
        "properties": {
            "kind": {"const": KIND},
            "schema": {"const": EXPERIMENT_SCHEMA},
            "ruling": {"enum": [one.value for one in Ruling]},
            "experiment": shown,
        },
        "$defs": _plain(parts),
    }


def text() -> str:
    """What `docs/experiment.schema.json` holds."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """A docstring without the indentation of its source."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(inner) if key == "description" and isinstance(inner, str) else _plain(inner)
            for key, inner in value.items()
        }
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.stdout.write(text())
