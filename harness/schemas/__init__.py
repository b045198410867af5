"""The JSON Schemas that docs/ publishes, as text: what all of them have in common. Each is made from types, by who owns these."""

from harness.schemas.published import DRAFT, plain, schema_of, text_of

__all__ = ["DRAFT", "plain", "schema_of", "text_of"]
