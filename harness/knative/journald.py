"""An entry of the node's journal, in which the kubelet and containerd write, as `journalctl --output=json` gives it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from harness.knative.times import MICROSECOND_NS


class NotAnEntry(ValueError):
    """What came is no entry of the journal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. stamp_ns: when the journal received it, true to a microsecond."""

    stamp_ns: int
    cursor: str
    unit: str
    message: str


def parse_entry(line: bytes) -> Entry:
    """One line of its output. A message that is not UTF-8 comes as a list of bytes. Raises NotAnEntry."""
    try:
        value = json.loads(line)
        message = value.get("MESSAGE")
        if isinstance(message, list):
            message = bytes(message).decode(errors="replace")
        return Entry(
            stamp_ns=int(value["__REALTIME_TIMESTAMP"]) * MICROSECOND_NS,
            cursor=str(value["__CURSOR"]),
            unit=str(value.get("_SYSTEMD_UNIT") or ""),
            message=str(message or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAnEntry(f"instead of a journal entry came: {line[:200].decode(errors='replace')}") from error
