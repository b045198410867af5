"""A JSON Schema that msgspec made of our types, as a file of docs/. Only what writes one imports this: `harness.model` does not."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any


def document(title: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Draft 2020-12, with this title. An object may have more keys than it names: a later release adds some."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **_plain(dict(body))}


def text(schema: Mapping[str, Any]) -> str:
    """What the file holds."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """A docstring without the indentation of its source."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(inner) if key == "description" and isinstance(inner, str) else _plain(inner)
            for key, inner in value.items()
        }
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
