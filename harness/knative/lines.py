"""What a log line of queue-proxy or the activator says, decided by its stream and form, never by its time.

Three kinds look alike and are not: queue-proxy's forwarding error (JSON, logger "queueproxy...", field `error`), its own failed
probe (plain text on stderr, which also says "connection refused") and the activator's error (JSON, logger "activator...").
Source: knative.dev/pkg/network/error_handler.go and a log read at knative-v1.23.0.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any

from harness.knative.names import ACTIVATOR
from harness.model import Stream

QUEUE_PROXY_LOGGER = "queueproxy"
"""How the logger's name begins in queue-proxy's JSON lines; not the container's name."""

DRAIN = "Attached drain handler"
"""Queue-proxy 1.23 says so when the preStop hook of the user container calls it: the kubelet has begun to stop the container."""

INFO_HEADS = ('{"severity":"info"', '{"severity":"INFO"', '{"level":"info"')
"""How a line of queue-proxy begins that is neither an error nor of the request log."""

_KLOG_MESSAGE = re.compile(r'(?:msg=|\] )"((?:[^"\\]|\\.)*)"')
"""In a line of the kubelet or of containerd."""


class LineKind(StrEnum):
    """What a log line is to the ledger. A PROBE_ERROR is never a request that failed."""

    FORWARDING_ERROR = "forwarding-error"
    PROBE_ERROR = "probe-error"
    ACTIVATOR_ERROR = "activator-error"
    OTHER = "other"


def parsed(payload: str) -> dict[str, Any] | None:
    """The JSON object of a line, None if it is none."""
    if not payload.startswith("{"):
        return None
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):  # a line may be nested deeper than the reader goes
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
        if stream is Stream.QUEUE_PROXY and logger.startswith(QUEUE_PROXY_LOGGER):
            return LineKind.FORWARDING_ERROR
        if stream is Stream.ACTIVATOR and logger.startswith(ACTIVATOR):
            return LineKind.ACTIVATOR_ERROR
    return LineKind.OTHER


def is_failed_dial(payload: str) -> bool:
    """Whether this line of queue-proxy says, in plain text, that its own probe could not connect to the user container."""
    return not payload.startswith("{") and "dial tcp" in payload


def refused_text(user_port: int) -> str:
    """What queue-proxy logs, and answers, when the user container's port refuses."""
    return f"dial tcp 127.0.0.1:{user_port}: connect: connection refused"


def message_of(payload: str) -> str:
    """The message of any log line: the text that a reader looks for first."""
    fields = parsed(payload) or {}
    if fields:
        first = (fields.get(key) for key in ("message", "msg", "error"))
        return " | ".join(str(part) for part in first if part) or payload
    match = _KLOG_MESSAGE.search(payload[:4000])
    return match[1].replace('\\"', '"') if match else payload
