"""The JSON Schema of `experiment.json`, from its types.

python -m harness.history.experiment_schema > docs/experiment.schema.json
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from harness.history.experiments import EXPERIMENT_SCHEMA, KIND
from harness.model import Experiment, Ruling
from harness.schemas import DRAFT, plain, text_of


def schema() -> dict[str, Any]:
    """Draft 2020-12. An object may have more keys than it names: a later release adds some."""
    (shown,), parts = msgspec.json.schema_components([Experiment], ref_template="#/$defs/{name}")
    return {
        "$schema": DRAFT,
        "title": "knative-chaos experiment.json",
        "type": "object",
        "required": ["kind", "schema", "ruling", "experiment"],
        "properties": {
            "kind": {"const": KIND},
            "schema": {"const": EXPERIMENT_SCHEMA},
            "ruling": {"enum": [one.value for one in Ruling]},
            "experiment": shown,
        },
        "$defs": plain(parts),
    }


def text() -> str:
    """What `docs/experiment.schema.json` holds."""
    return text_of(schema())


if __name__ == "__main__":
    sys.stdout.write(text())
