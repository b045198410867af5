"""The JSON Schema of `experiment.json`, from its types.

python -m harness.history.experiment_schema > docs/experiment.schema.json
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from harness.history.experiments import EXPERIMENT_SCHEMA, KIND
from harness.model import Experiment, Ruling, json_schema


def schema() -> dict[str, Any]:
    """See `json_schema.document`."""
    (shown,), parts = msgspec.json.schema_components([Experiment], ref_template="#/$defs/{name}")
    body = {
        "type": "object",
        "required": ["kind", "schema", "ruling", "experiment"],
        "properties": {
            "kind": {"const": KIND},
            "schema": {"const": EXPERIMENT_SCHEMA},
            "ruling": {"enum": [one.value for one in Ruling]},
            "experiment": shown,
        },
        "$defs": parts,
    }
    return json_schema.document("knative-chaos experiment.json", body)


def text() -> str:
    """What `docs/experiment.schema.json` holds."""
    return json_schema.text(schema())


if __name__ == "__main__":
    sys.stdout.write(text())
