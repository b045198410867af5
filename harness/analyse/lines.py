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

from harness.model import Observation, Stream

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)")

REQUEST_MARK = "knative-chaos-request"
"""Value of `log` in each line of our request log's template; a line without this word in it is none."""

_A_WEEK_S = 604_800
"""No answer takes so long."""


class LineKind(StrEnum):
    """What a log line is to the account. A PROBE_ERROR is never a request that failed."""

    FORWARDING_ERROR = "forwarding-error"
    PROBE_ERROR = "probe-error"
    ACTIVATOR_ERROR = "activator-error"
    APP_EVENT = "app-event"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AppEvent:
    """One event of the toggle app by its own clock. more: every key the app wrote."""

    event: str
    boot: str
    t_ns: int
    more: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One line of the request log, as docs/exact-join.md has it. rid, attempt, agent: as the line has them, form-encoded."""

    rid: str
    attempt: str
    agent: str
    status: int
    latency_s: float


def parsed(payload: str) -> dict[str, Any] | None:
    """The JSON object of a line, None if it is none."""
    if not payload.startswith("{"):
        return None
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):  # a line may be nested deeper than the reader goes
        return None
    return value if isinstance(value, dict) else None


def request_line(payload: str) -> RequestLine | None:
    """What this line of queue-proxy's says as a line of its request log, None if it is none or lacks what such a line has."""
    line = parsed(payload)
    if line is None or line.get("log") != REQUEST_MARK:
        return None
    rid, attempt, agent, status, latency_s = (line.get(key) for key in ("rid", "attempt", "agent", "status", "latency_s"))
    if not (isinstance(rid, str) and isinstance(attempt, str) and isinstance(agent, str)):
        return None
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 999:
        return None
    if not isinstance(latency_s, int | float) or isinstance(latency_s, bool) or not 0 <= latency_s < _A_WEEK_S:
        return None
    return RequestLine(rid, attempt, agent, status, float(latency_s))


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


def app_events(observations: Iterable[Observation]) -> tuple[AppEvent, ...]:
    """The app's events among these observations, by the app's clock; other lines of its log are skipped."""
    found = [
        AppEvent(line["event"], line["boot"], line["t_ns"], line)
        for seen in observations
        if seen.stream is Stream.APP and (line := parsed(seen.payload)) is not None and _is_event(line)
    ]
    return tuple(sorted(found, key=lambda event: event.t_ns))


def _is_event(line: Mapping[str, Any]) -> bool:
    return isinstance(line.get("t_ns"), int) and isinstance(line.get("event"), str) and isinstance(line.get("boot"), str)


def stamp_ns(text: object) -> int | None:
    """An RFC 3339 time of up to nine decimals in nanoseconds, None if it is none (datetime alone would drop three of them).

    Nor is it one if 64 bits cannot hold it.
    """
    if not isinstance(text, str) or (match := _STAMP.fullmatch(text)) is None:
        return None
    base, decimals, zone = match.groups()
    try:
        seconds = int(datetime.fromisoformat(base + ("+00:00" if zone == "Z" else zone)).astimezone(UTC).timestamp())
    except ValueError:
        return None
    ns = seconds * 1_000_000_000 + int((decimals or "").ljust(9, "0"))
    return ns if -(2**63) <= ns < 2**63 else None
