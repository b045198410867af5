"""Times as the cluster writes them, in nanoseconds UTC."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
MICROSECOND_NS = 1_000

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)


@lru_cache(maxsize=1024)
def _whole_seconds(text: str, zone: str) -> int:
    """Lines of one second follow each other, so most are found in the cache."""
    return int(datetime.fromisoformat(text + ("+00:00" if zone in "Zz" else zone)).timestamp())


def rfc3339_ns(text: str) -> int:
    """An RFC 3339 time with up to nine decimals, as the API, the container runtime and Knative's loggers write it.

    datetime alone would drop three of the decimals. Knative's loggers may write the offset without its colon. Raises ValueError for
    anything else, and for a time that 64 bits cannot hold.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"not an RFC 3339 time: {text[:60]!r}")
    whole, fraction, zone = found.groups()
    ns = _whole_seconds(whole, zone) * SECOND_NS + int((fraction or "").ljust(9, "0"))
    if not -(2**63) <= ns < 2**63:
        raise ValueError(f"not a time of 64 bits: {text[:60]!r}")
    return ns


def maybe_ns(text: object) -> int | None:
    """The same for a field of the API that may be missing or null. Raises ValueError for text that is no time."""
    return rfc3339_ns(text) if isinstance(text, str) and text else None


def stamp_ns(text: object) -> int | None:
    """The same for a field that may hold anything: None if it is no time."""
    try:
        return rfc3339_ns(text) if isinstance(text, str) else None
    except ValueError:
        return None
