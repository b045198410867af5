"""A change of a manifest: values put at places, as a patch for kubectl, and applied here.

Inside a list it is a JSON Patch (RFC 6902): the API server has no strategic merge patch for custom resources, and a merge patch
(RFC 7396) replaces the whole list of containers. Outside of lists it is a merge patch, because the Service in the cluster may have
annotations that the file lacks: a JSON Patch that first adds the mapping would remove them.
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


Patch = tuple[Obj, ...] | Obj
"""The operations of a JSON Patch, or a merge patch."""


def patch_of(manifest: Obj, puts: Iterable[Put]) -> Patch:
    """The values as a patch. `add` of a JSON Patch sets a key, also one that is there.

    Raises LookupError where the object around it is not in the manifest.
    """
    wanted = tuple(puts)
    if not any(isinstance(step, int) for put in wanted for step in put.at):
        merge: Obj = {}
        for put in wanted:
            here = merge
            for step in put.at[:-1]:
                here = here.setdefault(str(step), {})
            here[str(put.at[-1])] = put.value
        return merge
    for put in wanted:
        if at(manifest, *put.at[:-1]) is None:
            raise LookupError(
                f"{_pointer(put.at[:-1])} is no object of the manifest: adding it would remove what the cluster has there"
            )
    return tuple({"op": "add", "path": _pointer(put.at), "value": put.value} for put in wanted)


def patched(manifest: Obj, patch: Patch) -> Obj:
    """A copy with such a patch applied. Raises KeyError for another operation, and where an object on the way is missing."""
    made = copy.deepcopy(manifest)
    if isinstance(patch, dict):
        return _merged(made, patch)
    for operation in patch:
        if operation["op"] != "add":
            raise KeyError(operation["op"])
        steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        _add(made, tuple(int(step) if step.isdecimal() else step for step in steps), operation["value"])
    return made


def _merged(made: Any, patch: Obj) -> Obj:
    """A merge patch without a null, applied to any value."""
    found: Obj = made if isinstance(made, dict) else {}
    for key, value in patch.items():
        found[key] = _merged(found.get(key), value) if isinstance(value, dict) else value
    return found


def _add(made: Obj, place: Place, value: Any) -> None:
    here: Any = made
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = copy.deepcopy(value)


def _pointer(place: Place) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)
