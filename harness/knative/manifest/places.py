"""Places in an object, and what is wrong there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Obj = dict[str, Any]
"""A Kubernetes object as plain JSON values."""

Place = tuple[str | int, ...]
"""The keys and indexes that lead from an object to one of its values: ("spec", "containers", 0)."""

_PLAIN = re.compile(r"[-\w]{1,60}", re.ASCII)


class By(StrEnum):
    """Who refuses a manifest.

    SCHEMA: the API server, by the fields of the kind. WEBHOOK: Knative's admission. DEPLOYMENT: the API server, asked to store the
    Deployment that Knative makes; only the controller's log says so. HARNESS: nobody but the harness.
    """

    SCHEMA = "schema"
    WEBHOOK = "webhook"
    DEPLOYMENT = "deployment"
    HARNESS = "harness"


class Change(StrEnum):
    """What a fix does to the value at fault.

    UNKNOWN: only the author knows what to write. DROP: the value goes. RENAME: its key becomes another. REPLACE: another value
    stands there. MOVE: it goes to another place of the manifest.
    """

    UNKNOWN = "unknown"
    DROP = "drop"
    RENAME = "rename"
    REPLACE = "replace"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a manifest is refused. what: one sentence that names the place. fix: what to write instead.

    at: the place of the value, for the line; () is the whole object. change: what the fix does; to: the other key or value.
    """

    at: Place
    what: str
    fix: str
    by: By
    change: Change = Change.UNKNOWN
    to: Any = None


def text_of(place: Place) -> str:
    """As people write it: `spec.template.spec.containers[0].env[1].value`; a key with other characters stands in brackets."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{shown(step)}]"
    return text


def sentence(place: Place, what: str) -> str:
    """What is wrong, with its place in front where it does not name one."""
    return what if what.startswith(f"{place[0]}.") else f"{text_of(place)}: {what}"


def shown(value: Any) -> str:
    """A value as one short piece of a line."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def at(value: Any, *steps: str | int) -> Any:
    """The value below the steps, None where one of them is missing or leads nowhere."""
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
