"""The toggle app, as testapps/toggle/README.md describes it: headers, paths, environment, and the lines of its log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.apps.app import App
from harness.knative.lines import parsed
from harness.model import Handler, Observation, Probe, Stream

CONTROL_PORT = 8099
"""Where it takes orders unless CONTROL_PORT_ENV says otherwise."""

TOGGLE = App(image="toggle", names_itself=True, logs_probes=True, logs_listener=True, control_port=CONTROL_PORT)

# --- environment and commands ---

CONTROL_PORT_ENV = "TOGGLE_CONTROL_PORT"
TOKEN_ENV = "TOGGLE_TOKEN"  # noqa: S105 - the name of a variable, not a token
STARTUP_DELAY_ENV = "TOGGLE_STARTUP_DELAY"
READY_DELAY_ENV = "TOGGLE_READY_DELAY"
ANSWER_DELAY_ENV = "TOGGLE_ANSWER_DELAY"
SIGTERM_ENV = "TOGGLE_SIGTERM"
ASKS_ENV = "TOGGLE_ASKS"
LOG_REQUESTS_ENV = "TOGGLE_LOG_REQUESTS"

SIGTERMS = ("exit", "ignore", "ignore-close")
"""What SIGTERM_ENV may say: end, keep listening, or close the listener and live on."""

PROBE_COMMAND = ("python3", "/app/toggle.py", "probe")
"""An exec probe; the name of the probe ("liveness", "readiness") follows."""

# --- its main port ---

POD_HEADER = "x-toggle-pod"
BOOT_HEADER = "x-toggle-boot"
"""In each answer: the pod, and a random id of this start of the process."""

PROBE_PATHS: Mapping[str, str] = {"/healthz": "liveness", "/readyz": "readiness"}
"""Which probe a path is; it answers 503 while that fault is on."""

OTHER_PROBE = "other"
"""In the log: an HTTP probe of any other path, which no fault but a hang reaches."""

TCP_PROBE = "tcp-probe"
"""In the log: a connection that was closed without a word. A client's spare connection looks the same, but is held longer."""

# --- its control port ---

TOKEN_HEADER = "X-Toggle-Token"  # noqa: S105 - the name of a header, not a token
FAULT_PATH = "/fault"
CLEAR_PATH = "/clear"
STATE_PATH = "/state"

# --- its log ---


class Event(StrEnum):
    """What a line of its log tells of."""

    BOOT = "boot"
    LISTENING = "listening"
    CLOSED = "closed"
    SIGNAL = "signal"
    PROBE = "probe"
    HANG = "hang"
    REQUEST = "request"
    FAULT = "fault"
    CLEAR = "clear"
    EXIT = "exit"


REQUEST_LINE = (
    rf'"event":"{Event.REQUEST}",.*"rid":"(?P<rid>[A-Za-z0-9_.~-]+)","attempt":"[0-9]*",'
    r'"status":(?P<status>[0-9]{3}),"took_ns":(?P<took_ns>[0-9]{1,15})\}$'
)
"""A line of a request with an id, of an app that was told to log requests: TOGGLE_LOG_REQUESTS."""

PROBE_EVENTS = frozenset({Event.PROBE, Event.HANG})
"""The events of a probe: one that was answered, one that was left hanging."""


@dataclass(frozen=True, slots=True)
class AppEvent:
    """One line of the app's log. t_ns: by the app's own clock. more: every key the app wrote."""

    event: str
    boot: str
    t_ns: int
    more: Mapping[str, Any]


def event_of(payload: str) -> AppEvent | None:
    """What a line of the app's log says, None if it is no event."""
    line = parsed(payload)
    if line is None:
        return None
    t_ns, event, boot = line.get("t_ns"), line.get("event"), line.get("boot")
    if not (isinstance(t_ns, int) and isinstance(event, str) and isinstance(boot, str)):
        return None
    return AppEvent(event, boot, t_ns, line)


def in_words(payload: str) -> str:
    """A line of the app's log for readers: its event and what more it says; "" for a line that is no event."""
    event = event_of(payload)
    if event is None:
        return ""
    more = {key: value for key, value in event.more.items() if key not in {"t_ns", "event", "pod", "pid"}}
    return f"{event.event} {json.dumps(more, ensure_ascii=False)}"


def app_events(observations: Iterable[Observation]) -> tuple[AppEvent, ...]:
    """The app's events among these observations, by the app's clock; other lines of its log are skipped."""
    return log_events(seen for seen in observations if seen.stream is Stream.APP)


def log_events(lines: Iterable[Observation]) -> tuple[AppEvent, ...]:
    """The events of one container's log, by the app's clock; lines that are none are skipped."""
    events = (event_of(seen.payload) for seen in lines)
    return tuple(sorted((event for event in events if event is not None), key=lambda event: event.t_ns))


def cannot_fail(which: str, probe: Probe | None) -> str:
    """Why the app cannot be made to fail this probe, "" if it can. which: "liveness" or "readiness".

    An exec probe whose path names no probe of the app is rendered as the probe's own name.
    """
    if probe is None:
        return f"the Service has no {which} probe"
    if probe.handler is Handler.TCP:
        return f"its {which} probe is TCP, and the toggle app goes on accepting connections"
    if probe.handler is Handler.GRPC:
        return f"its {which} probe asks by gRPC, which the toggle app does not answer"
    if probe.handler is Handler.HTTP and PROBE_PATHS.get(probe.path) != which:
        return f"its {which} probe asks {probe.path}, which the toggle app answers well under this fault"
    if probe.handler is Handler.EXEC and probe.path in PROBE_PATHS.values() and probe.path != which:
        return f"its {which} probe runs the app's {probe.path} check, which does well under this fault"
    return ""
