"""The JSON Schema of `knative-chaos advise --json`, from its types.

python -m harness.advise.schema > docs/advice.schema.json
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import msgspec

from harness.advise.shape import Advice


def schema() -> dict[str, Any]:
    """Draft 2020-12. An object may have more keys than it names: a later release adds some."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "knative-chaos advise --json",
        **_plain(msgspec.json.schema(Advice)),
    }


def text() -> str:
    """What `docs/advice.schema.json` holds."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def as_json(found: Advice) -> str:
    """The advice as one JSON object that fits the schema."""
    return json.dumps(msgspec.to_builtins(found), indent=2)


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
