"""A change of a manifest: values put at places, as JSON Patch (RFC 6902) for kubectl, and applied here.

A strategic merge patch would be shorter, but the API server has none for custom resources, and a merge patch replaces the whole
list of containers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.knative.manifest.places import Obj, Place, at


@dataclass(frozen=True, slots=True)
class Put:
    """A value and its place: a key of an object, whether it is there or not."""

    at: Place
    value: Any


def operations(manifest: Obj, puts: Iterable[Put]) -> tuple[Obj, ...]:
    """The values as JSON Patch: `add` sets a key of an object, also one that is there. Objects on the way are added before."""
    made = copy.deepcopy(manifest)
    found: list[Obj] = []
    for put in puts:
        missing = [put.at[:end] for end in range(1, len(put.at)) if at(made, *put.at[:end]) is None]
        for place, value in (*((place, {}) for place in missing), (put.at, put.value)):
            found.append({"op": "add", "path": _pointer(place), "value": value})
            _add(made, place, value)
    return tuple(found)


def patched(manifest: Obj, patch: Iterable[Obj]) -> Obj:
    """A copy with such a JSON Patch applied. Raises KeyError for another operation, and where an object on the way is missing."""
    made = copy.deepcopy(manifest)
    for operation in patch:
        if operation["op"] != "add":
            raise KeyError(operation["op"])
        steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        _add(made, tuple(int(step) if step.isdecimal() else step for step in steps), operation["value"])
    return made


def _add(made: Obj, place: Place, value: Any) -> None:
    here: Any = made
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = copy.deepcopy(value)


def _pointer(place: Place) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)
