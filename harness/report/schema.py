"""The JSON Schema of `summary.json`, from its types.

python -m harness.report.schema > docs/summary.schema.json
"""

from __future__ import annotations

import sys
from typing import Any

from harness.report.shape import Summary
from harness.schemas import schema_of, text_of


def schema() -> dict[str, Any]:
    """Draft 2020-12. An object may have more keys than it names: a later release adds some."""
    return schema_of(Summary, "knative-chaos summary.json")


def text() -> str:
    """What `docs/summary.schema.json` holds."""
    return text_of(schema())


if __name__ == "__main__":
    sys.stdout.write(text())
