"""Objects of the Kubernetes API as plain values, and how an Observation stores what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.knative.times import SECOND_NS
from harness.model import Observation, Stream

Object = Mapping[str, Any]
"""An object as the API answers it, read from JSON."""


def name_of(obj: Object | None) -> str:
    """The object's name; "" for none."""
    return str(((obj or {}).get("metadata") or {}).get("name") or "")


def uid_of(obj: Object) -> str:
    """The object's uid, in the lack of one its name."""
    return str((obj.get("metadata") or {}).get("uid") or name_of(obj))


def version(obj: Object | None) -> int:
    """Of an object, a list, or nothing (-1). Versions of one kind can be compared as numbers."""
    text = str(((obj or {}).get("metadata") or {}).get("resourceVersion") or "")
    return int(text) if text.isdigit() else -1


def compact(value: Any) -> str:
    """One line of JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def state_seen(stream: Stream, pod: str, state: Mapping[str, Any], seen_ns: int) -> Observation:
    """An object's state, which the API does not stamp: it is known to have been so when it was seen, to a second."""
    return Observation(stream, pod, "", -1, seen_ns, SECOND_NS, seen_ns, compact(state))
