"""A JSON Schema made from types with msgspec, and its text."""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(shape: type, title: str) -> dict[str, Any]:
    """The schema of one type. An object may have more keys than it names: a later release adds some."""
    return {"$schema": DRAFT, "title": title, **plain(msgspec.json.schema(shape))}


def plain(value: Any) -> Any:
    """The same schema with each docstring without the indentation of its source."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(inner) if key == "description" and isinstance(inner, str) else plain(inner)
            for key, inner in value.items()
        }
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def text_of(schema: dict[str, Any]) -> str:
    """What a file in docs/ holds."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
