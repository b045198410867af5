"""The JSON Schema of `summary.json`, from its types.

python -m harness.report.schema > docs/summary.schema.json
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from harness.model import json_schema
from harness.report.shape import Summary


def schema() -> dict[str, Any]:
    """See `json_schema.document`."""
    return json_schema.document("knative-chaos summary.json", msgspec.json.schema(Summary))


def text() -> str:
    """What `docs/summary.schema.json` holds."""
    return json_schema.text(schema())


if __name__ == "__main__":
    sys.stdout.write(text())
