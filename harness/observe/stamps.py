"""Times as the cluster writes them, in nanoseconds UTC."""

from __future__ import annotations

import calendar
import re
import time
from functools import lru_cache

SECOND_NS = 1_000_000_000

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))")


@lru_cache(maxsize=256)
def _whole_seconds(text: str) -> int:
    return calendar.timegm(time.strptime(text.upper(), "%Y-%m-%dT%H:%M:%S"))


def rfc3339_ns(text: str) -> int:
    """Any RFC 3339 time with up to nine decimals, as the API and the container runtime write it. Raises ValueError."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"not an RFC 3339 time: {text[:60]!r}")
    whole, fraction, sign, hours, minutes = found.groups()
    seconds = _whole_seconds(whole)
    if sign is not None:
        seconds -= (1 if sign == "+" else -1) * (int(hours) * 3600 + int(minutes) * 60)
    return seconds * SECOND_NS + int((fraction or "").ljust(9, "0"))


def maybe_ns(text: object) -> int | None:
    """The same for a field that may be missing or null."""
    return rfc3339_ns(text) if isinstance(text, str) and text else None
