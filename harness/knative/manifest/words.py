"""Names, numbers, durations and quantities as Kubernetes and Go's standard library read them."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
"""Of RFC 1123: the name of a container."""

STRICT_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
"""Of RFC 1035: the name of a Service. A letter first."""

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_NAME_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
_PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_DURATION = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_UNITS_NS = {"ns": 1, "us": 10**3, "\u00b5s": 10**3, "\u03bcs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_QUANTITY = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?", re.ASCII)
_BINARY: dict[str, int] = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FLOAT = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf(inity)?|nan)", re.ASCII | re.IGNORECASE)
_LONGEST_DURATION_NS = (1 << 63) - 1


def is_subdomain(text: str) -> bool:
    """Whether it may name most objects (RFC 1123)."""
    return len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def is_qualified_name(text: str) -> bool:
    """Whether it may be the key of a label or an annotation: `example.com/name` or `name`."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_subdomain(prefix):
        return False
    return len(name) <= 63 and _NAME_PART.fullmatch(name) is not None


def is_label_value(text: str) -> bool:
    """Whether it may be the value of a label."""
    return not text or (len(text) <= 63 and _NAME_PART.fullmatch(text) is not None)


def is_port_name(text: str) -> bool:
    """Whether it may name a port (IANA): at most 15, a letter in it, no two dashes in a row."""
    return (
        1 <= len(text) <= 15
        and _PORT_NAME.fullmatch(text) is not None
        and re.search("[a-z]", text) is not None
        and "--" not in text
    )


def duration_ns(text: str) -> int | None:
    """A duration as Go reads it, such as "1m30s"; None for what is none."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in {"+", "-"} else text
    if rest == "0":
        return 0
    total = 0
    position = 0
    while position < len(rest):
        found = _DURATION.match(rest, position)
        if found is None or not (found[1] or found[2]) or not found[0].isprintable():
            return None
        total += int(Fraction(f"{found[1] or 0}.{found[2] or 0}") * _UNITS_NS[found[3]])
        position = found.end()
    return sign * total if rest and total <= _LONGEST_DURATION_NS else None


def whole_number(text: str, *, bits: int = 32) -> int | None:
    """A whole number as Go's ParseInt reads it with base 10; None for what is none, or has more bits."""
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) or len(text) > 400:
        return None
    number = int(text)
    return number if -(1 << bits - 1) <= number < 1 << bits - 1 else None


def real_number(text: str) -> float | None:
    """A number as Go's ParseFloat reads it, without hexadecimal ones; None for what is none."""
    return float(text) if len(text) <= 400 and _FLOAT.fullmatch(text) else None


def quantity(text: str) -> Fraction | None:
    """An amount of a resource, such as "500m" or "1Gi"; None for what is none."""
    found = _QUANTITY.fullmatch(text)
    if found is None or not (found[2] or found[3]) or len(text) > 60:
        return None
    number = Fraction(Decimal(f"{found[1]}{found[2] or 0}.{found[3] or 0}"))
    suffix = found[4] or ""
    if suffix in _BINARY:
        return number * Fraction(_BINARY[suffix])
    if suffix in _DECIMAL:
        return number * _power_of_ten(_DECIMAL[suffix])
    exponent = int(suffix[1:])
    return number * _power_of_ten(exponent) if abs(exponent) <= 100 else None


def _power_of_ten(exponent: int) -> Fraction:
    power: int = 10 ** abs(exponent)
    return Fraction(power) if exponent >= 0 else Fraction(1, power)


def is_image(text: str) -> bool:
    """Whether an image's name can be read, as Knative's webhook reads it.

    Source: go-containerregistry pkg/name at v0.20, with weak validation.
    """
    name, at, digest = text.partition("@")
    if at and not re.fullmatch(r"sha256:[a-f0-9]{64}", digest, re.ASCII):
        return False
    first, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        if not re.fullmatch(r"[-_.0-9A-Za-z]{0,128}", tag, re.ASCII):
            return False
        name = first
    host, slash, rest = name.partition("/")
    if slash and ("." in host or ":" in host):
        if not re.fullmatch(r"[-.\w]+(:[0-9]*)?", host, re.ASCII):
            return False
        name = rest
    return 2 <= len(name) <= 255 and re.fullmatch(r"[-_./0-9a-z]+", name, re.ASCII) is not None
