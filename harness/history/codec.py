"""The nouns of `harness.model` as JSON and back: msgspec by their type annotations, and the numbers that a history may hold.

Types are not converted: "1" is no int, true is no int, 1 is a float. A key that is not known is skipped (a later release may add
keys); a missing one takes the field's default. Python's JSON reads NaN, Infinity and whole numbers of any length; a history holds
finite floats and whole numbers of 64 bits, as its Parquet files do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

import msgspec

T = TypeVar("T")

Json = None | bool | int | float | str | list["Json"] | tuple["Json", ...] | dict[str, "Json"]

_ARRAYS = frozenset({list, tuple})
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class DoesNotFit(ValueError):
    """A JSON value is not what the annotation asks for; the message says where and what."""


def encode(value: object) -> Json:
    """A noun as JSON values. Raises TypeError for what JSON cannot hold, DoesNotFit for a number that a history cannot hold."""
    plain: Json = msgspec.to_builtins(value, str_keys=True, enc_hook=_of_base)
    _check(((type(value).__name__, plain),))
    return plain


def decode(noun: type[T], value: object) -> T:
    """The noun of this type from JSON values. Raises DoesNotFit, naming the place."""
    try:
        made = msgspec.convert(value, noun, str_keys=True)
    except msgspec.ValidationError as error:
        raise DoesNotFit(f"{noun.__name__}: {error}") from error
    encode(made)  # what was read can be written: its numbers are those of a history
    return made


def require_sane(name: str, value: float, least: float, most: float) -> None:
    """Raise DoesNotFit unless it is 0 or lies between these: with anything else no time can be computed."""
    if value != 0 and not least <= value <= most:
        raise DoesNotFit(f"{name} is {value:g}; it must lie between {least:g} and {most:g}")


def _of_base(value: object) -> object:
    """Strings and mappings of types of their own, which msgspec leaves to us."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _check(items: Iterable[tuple[object, object]], *place: str) -> None:
    """Raise DoesNotFit for a number among these (key, value) that a history cannot hold. place: the names on the way to them."""
    for key, value in items:
        kind = type(value)
        if kind is int:
            if not _LEAST <= cast("int", value) <= _MOST:
                raise DoesNotFit(f"{'.'.join((*place, str(key)))}: a whole number of more than 64 bits")
        elif kind is float:
            if not math.isfinite(cast("float", value)):
                raise DoesNotFit(f"{'.'.join((*place, str(key)))}: {value} is no finite number")
        elif kind is dict:
            _check(cast("dict[object, object]", value).items(), *place, str(key))
        elif kind in _ARRAYS:
            _check(enumerate(cast("list[object]", value)), *place, str(key))
