"""Objects of the Kubernetes API as plain values, and how an Observation stores what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]
"""An object as the API answers it, read from JSON."""


def compact(value: Any) -> str:
    """One line of JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
