"""What a log line says, decided by its stream and form, never by its time.

Three kinds look alike and are not: queue-proxy's forwarding error (JSON, logger "queueproxy...", field `error`), its own failed
probe (plain text on stderr, which also says "connection refused") and the activator's error (JSON, logger "activator...").
Source: knative.dev/pkg/network/error_handler.go and a log read at knative-v1.23.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import polars as pl

from harness.model import Observation, Stream

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)")


class LineKind(StrEnum):
    """What a log line is to the account. A PROBE_ERROR is never a request that failed."""

    FORWARDING_ERROR = "forwarding-error"
    PROBE_ERROR = "probe-error"
    ACTIVATOR_ERROR = "activator-error"
    APP_EVENT = "app-event"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """One forwarding error of queue-proxy or the activator. error: trimmed, as it also stands in the 502's body."""

    pod: str
    at_ns: int
    error: str


@dataclass(frozen=True, slots=True)
class AppEvent:
    """One event of the toggle app by its own clock. more: every key the app wrote."""

    event: str
    boot: str
    t_ns: int
    more: Mapping[str, Any]


def parsed(payload: str) -> dict[str, Any] | None:
    """The JSON object of a line, None if it is none."""
    if not payload.startswith("{"):
        return None
    try:
        value = json.loads(payload)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def kind_of(stream: Stream, payload: str) -> LineKind:
    """The kind of one line of this stream."""
    line = parsed(payload)
    if line is None:
        refused = stream is Stream.QUEUE_PROXY and "probe" in payload
        return LineKind.PROBE_ERROR if refused else LineKind.OTHER
    logger, error = line.get("logger"), line.get("error")
    if isinstance(logger, str) and isinstance(error, str):
        if stream is Stream.QUEUE_PROXY and logger.startswith("queueproxy"):
            return LineKind.FORWARDING_ERROR
        if stream is Stream.ACTIVATOR and logger.startswith("activator"):
            return LineKind.ACTIVATOR_ERROR
    return LineKind.APP_EVENT if stream is Stream.APP and _is_event(line) else LineKind.OTHER


def forwarding_errors(observations: pl.DataFrame, stream: Stream) -> tuple[ErrorLine, ...]:
    """The forwarding errors of one stream (QUEUE_PROXY or ACTIVATOR), by time.

    The line's own `timestamp` is preferred; without a readable one the observation's stamp stands.
    """
    wanted = LineKind.FORWARDING_ERROR if stream is Stream.QUEUE_PROXY else LineKind.ACTIVATOR_ERROR
    rows = observations.filter((pl.col("stream") == stream.value) & pl.col("payload").str.contains('"error"', literal=True))
    found = []
    for pod, at_ns, payload in rows.select("pod", "at_ns", "payload").iter_rows():
        if kind_of(stream, payload) is wanted:
            line = parsed(payload) or {}
            found.append(ErrorLine(pod, stamp_ns(line.get("timestamp")) or at_ns, str(line["error"]).strip()))
    return tuple(sorted(found, key=lambda line: line.at_ns))


def app_events(observations: Iterable[Observation]) -> tuple[AppEvent, ...]:
    """The app's events among these observations, by the app's clock; other lines of its log are skipped."""
    found = [
        AppEvent(line["event"], line["boot"], line["t_ns"], line)
        for seen in observations
        if seen.stream is Stream.APP and (line := parsed(seen.payload)) is not None and _is_event(line)
    ]
    return tuple(sorted(found, key=lambda event: event.t_ns))


def boot_of_good_probe(seen: Observation, *, pod: str, which: str) -> str:
    """The boot that says here that it answered a probe of that name well; "" if this says something else."""
    if seen.stream is not Stream.APP or seen.pod != pod:
        return ""
    line = parsed(seen.payload)
    if line is None or not _is_event(line):
        return ""
    good = line["event"] == "probe" and line.get("which") == which and line.get("ok") is True
    return str(line["boot"]) if good else ""


def _is_event(line: Mapping[str, Any]) -> bool:
    return isinstance(line.get("t_ns"), int) and isinstance(line.get("event"), str) and isinstance(line.get("boot"), str)


def stamp_ns(text: object) -> int | None:
    """An RFC 3339 time of up to nine decimals in nanoseconds, None if it is none (datetime alone would drop three of them)."""
    if not isinstance(text, str) or (match := _STAMP.fullmatch(text)) is None:
        return None
    base, decimals, zone = match.groups()
    try:
        seconds = int(datetime.fromisoformat(base + ("+00:00" if zone == "Z" else zone)).astimezone(UTC).timestamp())
    except ValueError:
        return None
    return seconds * 1_000_000_000 + int((decimals or "").ljust(9, "0"))
