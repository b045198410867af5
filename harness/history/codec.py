"""The nouns of `harness.model` as JSON, both ways, driven by their own type annotations.

What may stand in a noun: other frozen dataclasses, StrEnum members, str, int, float, bool, None by `X | None`, tuples of one or of
fixed types, Mapping[str, X]. Anything else is a mistake of ours and raises TypeError. A key that is not known is skipped (a later
release may add keys); a missing one takes the field's default.
"""

from __future__ import annotations

import math
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


_LARGEST = sys.float_info.max
"""What is not finite is not read either, though Python's JSON has words for it; a whole number may be greater than any float."""


class DoesNotFit(ValueError):
    """A JSON value is not what the annotation asks for; the message says where and what."""


def encode(value: object) -> Json:
    """A noun as JSON values. Raises TypeError for what no noun may hold, ValueError for a float that JSON has no word for."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value.value if isinstance(value, StrEnum) else value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be written as JSON")
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): encode(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def decode(noun: type[T], value: object) -> T:
    """The noun of this type from JSON values. Raises DoesNotFit, naming the place."""
    return cast("T", _decode(noun, value, noun.__name__))


def require_sane(name: str, value: float, least: float, most: float) -> None:
    """Raise DoesNotFit unless it is 0 or lies between these: with anything else no time can be computed."""
    if value != 0 and not least <= value <= most:
        raise DoesNotFit(f"{name} is {value:g}; it must lie between {least:g} and {most:g}")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a mapping's key must be text, not {type(key).__name__}")
    return str(key.value) if isinstance(key, StrEnum) else key


@cache
def _shape(noun: type[Any]) -> tuple[tuple[Field[Any], Any], ...]:
    hints = typing.get_type_hints(noun)
    return tuple((field, hints[field.name]) for field in fields(noun))


def _decode(wanted: Any, value: object, place: str) -> object:
    origin = typing.get_origin(wanted)
    if origin in {types.UnionType, typing.Union}:
        return _union(typing.get_args(wanted), value, place)
    if origin is tuple:
        return _tuple(typing.get_args(wanted), value, place)
    if origin is Mapping:
        _, item = typing.get_args(wanted)
        _need(isinstance(value, dict), dict, value, place)
        return {key: _decode(item, inner, f"{place}.{key}") for key, inner in cast("dict[str, object]", value).items()}
    if is_dataclass(wanted):
        return _noun(cast("type[Any]", wanted), value, place)
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        try:
            return wanted(str(value))
        except ValueError as error:
            raise DoesNotFit(f"{place}: {value!r} is none of {', '.join(wanted)}") from error
    return _plain(wanted, value, place)


def _plain(wanted: Any, value: object, place: str) -> object:
    if wanted is float:
        _need(isinstance(value, int | float) and not isinstance(value, bool), float, value, place)
        if not abs(cast("float", value)) <= _LARGEST:  # nor is NaN
            raise DoesNotFit(f"{place}: no number that can be measured")
        return float(cast("float", value))
    if wanted is int:
        _need(isinstance(value, int) and not isinstance(value, bool), int, value, place)
        if not -(1 << 63) <= cast("int", value) < 1 << 63:
            raise DoesNotFit(f"{place}: a whole number of more than 64 bits")
        return value
    if wanted in {str, bool}:
        _need(isinstance(value, wanted), wanted, value, place)
        return value
    raise TypeError(f"{place}: the codec does not know {wanted!r}")


def _union(options: tuple[Any, ...], value: object, place: str) -> object:
    inner = [option for option in options if option is not types.NoneType]
    if len(inner) != 1 or len(options) != 2:  # a noun says `X | None` or nothing of the kind
        raise TypeError(f"{place}: the codec knows `X | None`, not {options!r}")
    return None if value is None else _decode(inner[0], value, place)


def _tuple(items: tuple[Any, ...], value: object, place: str) -> tuple[object, ...]:
    _need(isinstance(value, list), list, value, place)
    given = cast("list[object]", value)
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_decode(items[0], item, f"{place}[{at}]") for at, item in enumerate(given))
    if len(items) != len(given):
        raise DoesNotFit(f"{place}: {len(given)} values where {len(items)} belong")
    return tuple(_decode(item, inner, f"{place}[{at}]") for at, (item, inner) in enumerate(zip(items, given, strict=True)))


def _noun(noun: type[Any], value: object, place: str) -> object:
    _need(isinstance(value, dict), dict, value, place)
    given = cast("dict[str, object]", value)
    known: dict[str, object] = {}
    for field, hint in _shape(cast("Any", noun)):
        if field.name in given:
            known[field.name] = _decode(hint, given[field.name], f"{place}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DoesNotFit(f"{place}: {field.name} is missing")
    return noun(**known)


def _need(fits: bool, wanted: type, value: object, place: str) -> None:  # noqa: FBT001 - the first word of each call is the condition
    if not fits:
        raise DoesNotFit(f"{place}: {type(value).__name__} where {wanted.__name__} belongs")
