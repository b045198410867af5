"""Checking an object against the fields of its kind, as the API server does with strict field validation.

A number without a fraction counts as whole: JSON knows one kind of number. A null counts as left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from harness.knative.manifest.places import By, Change, Place, Problem, shown, text_of
from harness.knative.manifest.words import quantity
from harness.model import KnativeVersion, VersionRange

Type = Literal["mapping", "list", "text", "whole", "yes-no", "port", "quantity", "anything"]

_EXAMPLES: Mapping[str, str] = {
    "mapping": "Write `key: value` below it, or leave it out.",
    "list": "Write a list: begin each entry with `- `.",
    "text": "Write text; put numbers and yes or no in quotes.",
    "whole": "Write a whole number.",
    "yes-no": "Write true or false.",
    "port": "Write a port's number, or a name in quotes.",
    "quantity": 'Write an amount such as "500m" or "1Gi".',
}
_NAMES: Mapping[str, str] = {
    "mapping": "is not a mapping",
    "list": "is not a list",
    "text": "is not text",
    "whole": "is not a whole number",
    "yes-no": "is neither true nor false",
    "port": "is neither a port number nor a port name",
    "quantity": "is not an amount",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be.

    fields: of a mapping. values: of a mapping with keys of the user's choice. items: of a list. required: fields it must have.
    keys: the fields by which a list's entries are told apart; two equal ones are refused. bits: of a whole number.
    versions: of Knative that know this field; None is all of them. checked: versions that check `required` and `keys`.
    open: fields it does not name are kept.
    """

    type: Type
    fields: Mapping[str, Kind] = field(default_factory=dict)
    values: Kind | None = None
    items: Kind | None = None
    required: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    bits: int = 64
    versions: VersionRange | None = None
    checked: VersionRange | None = None
    open: bool = False


def problems(
    value: Any, kind: Kind, place: Place = (), *, version: KnativeVersion, leftovers: Mapping[str, str], by: By = By.SCHEMA
) -> Iterator[Problem]:
    """Each field that there is not, that is missing, or whose value is of another type. value: plain JSON values.

    leftovers: by the name of a field, what to do where it is met in vain.
    """
    if kind.type == "anything" or value is None:
        return
    if not _fits(value, kind):
        what = f"{text_of(place)} is {shown(value)}, which {_misfit(value, kind)}."
        yield Problem(place, what, _fix(value, kind, place), by, *_instead(value, kind))
        return
    if isinstance(value, dict):
        known = {name: one for name, one in kind.fields.items() if _holds(one.versions, version)}
        for name, inner in value.items():
            at = (*place, name)
            one = known.get(name) or kind.values
            if one is not None:
                yield from problems(inner, one, at, version=version, leftovers=leftovers, by=by)
            elif not kind.open:
                yield _unknown(name, value, at, kind, known, version, leftovers, by)
        for name in kind.required if _holds(kind.checked, version) else ():
            if value.get(name) is None:
                at = (*place, name)
                yield Problem(place, f"{text_of(at)} is missing.", f"Write `{name}`; it is required.", by)
    elif isinstance(value, list) and kind.items is not None:
        for index, inner in enumerate(value):
            if inner is None:
                at = (*place, index)
                yield Problem(at, f"{text_of(at)} is empty.", "Write the entry, or remove its dash.", by)
            yield from problems(inner, kind.items, (*place, index), version=version, leftovers=leftovers, by=by)
        if _holds(kind.checked, version):
            yield from _twice(value, kind, place, by)


def _holds(versions: VersionRange | None, version: KnativeVersion) -> bool:
    return versions is None or versions.contains(version)


def _fits(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind.type == "yes-no"
    if isinstance(value, dict):
        return kind.type == "mapping"
    if isinstance(value, list):
        return kind.type == "list"
    if isinstance(value, str):
        return kind.type in {"text", "port"} or (kind.type == "quantity" and quantity(value) is not None)
    whole = isinstance(value, int) or (math.isfinite(value) and value == math.floor(value))
    if kind.type == "whole":
        return whole and -(1 << kind.bits - 1) <= value < 1 << kind.bits - 1
    if kind.type == "port":
        return whole and -(1 << 31) <= value < 1 << 31
    return kind.type == "quantity" and (whole or quantity(repr(value)) is not None)


def _misfit(value: Any, kind: Kind) -> str:
    if kind.type == "whole" and isinstance(value, int) and not isinstance(value, bool):
        return f"has more than {kind.bits} bits"
    return _NAMES[kind.type]


def _fix(value: Any, kind: Kind, place: Place) -> str:
    name = place[-1] if place and isinstance(place[-1], str) else ""
    if kind.type == "list" and isinstance(value, dict) and kind.items is not None and value:
        first = next(iter(value))
        return f"{name} is a mapping; begin it with `- {first}:`, so that it is a list of one."
    if kind.type == "list" and kind.items is not None and kind.items.fields:
        return f"Write {name or 'it'}: [{{{next(iter(kind.items.fields))}: ...}}]."
    if kind.type == "whole" and isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return "Take it out of its quotes."
    if kind.type == "text" and not isinstance(value, dict | list):
        return "Put it in quotes."
    if kind.type == "text":
        return "Write text."
    return _EXAMPLES[kind.type]


def _instead(value: Any, kind: Kind) -> tuple[Change, Any]:
    """What `_fix` says to write, where that is exactly one value."""
    if kind.type == "list" and isinstance(value, dict) and kind.items is not None and value:
        return Change.REPLACE, [value]
    if kind.type == "whole" and isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) and _fits(int(value), kind):
        return Change.REPLACE, int(value)
    if kind.type == "text" and not isinstance(value, dict | list):
        return Change.REPLACE, str(value).lower() if isinstance(value, bool) else str(value)
    return Change.UNKNOWN, None


def _unknown(
    name: str,
    value: Mapping[str, Any],
    at: Place,
    kind: Kind,
    known: Mapping[str, Kind],
    version: KnativeVersion,
    leftovers: Mapping[str, str],
    by: By,
) -> Problem:
    other = kind.fields.get(name)
    if other is not None and other.versions is not None:
        what = f"{text_of(at)}: Knative {version.minor_text} has no such field; it is there in {other.versions}."
        return Problem(at, what, "Leave it out, or ask for another version.", by)
    what = f"{text_of(at)}: there is no such field."
    alike = get_close_matches(name, known, n=1, cutoff=0.75)
    if name in leftovers and not alike:
        fix = leftovers[name]
        return Problem(at, what, fix, by, Change.DROP if fix.startswith("Leave it out") else Change.MOVE)
    if alike:
        change = Change.UNKNOWN if alike[0] in value else Change.RENAME
        return Problem(at, what, f"Write `{alike[0]}`.", by, change, alike[0])
    return Problem(at, what, f"Leave it out, or write one of: {', '.join(sorted(known)[:14])}.", by)


def _twice(entries: list[Any], kind: Kind, place: Place, by: By) -> Iterator[Problem]:
    """Entries of a list that equal an earlier one in the fields by which they are told apart."""
    seen: dict[tuple[str, ...], int] = {}
    for index, entry in enumerate(entries):
        if not kind.keys or not isinstance(entry, dict):
            continue
        fields = kind.items.fields if kind.items is not None else {}
        found = tuple(repr(entry.get(name, "" if fields[name].type == "text" else 0)) for name in kind.keys)
        if found in seen:
            at = (*place, index)
            words = " and ".join(f"{name} {shown(entry.get(name))}" for name in kind.keys)
            first = text_of((*place, seen[found]))
            yield Problem(at, f"{text_of(at)} has the {words} of {first}.", "Keep one of them.", by)
        seen.setdefault(found, index)
