"""The JSON Schema of `knative-chaos advise --json`, from its types.

python -m harness.advise.schema > docs/advice.schema.json
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from harness.advise.shape import Advice
from harness.schemas import schema_of, text_of


def schema() -> dict[str, Any]:
    """Draft 2020-12. An object may have more keys than it names: a later release adds some."""
    return schema_of(Advice, "knative-chaos advise --json")


def text() -> str:
    """What `docs/advice.schema.json` holds."""
    return text_of(schema())


def as_json(found: Advice) -> str:
    """The advice as one JSON object that fits the schema."""
    return json.dumps(msgspec.to_builtins(found), indent=2)


if __name__ == "__main__":
    sys.stdout.write(text())
