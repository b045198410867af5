"""What is known of the toggle app holds of the program itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.apps import toggle
from harness.apps.toggle import AppEvent, Event, app_events, event_of
from harness.model import Observation, Stream

PROGRAM = (Path(__file__).parents[3] / "testapps/toggle/toggle.py").read_text(encoding="utf-8")
STRINGS = {node.value for node in ast.walk(ast.parse(PROGRAM)) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize(
    "text",
    [
        *(toggle.CONTROL_PORT_ENV, toggle.TOKEN_ENV, toggle.STARTUP_DELAY_ENV, toggle.SIGTERM_ENV),
        *(toggle.TOKEN_HEADER.lower(), toggle.FAULT_PATH, toggle.CLEAR_PATH, toggle.STATE_PATH),
        *(*toggle.PROBE_PATHS, *toggle.PROBE_PATHS.values(), toggle.OTHER_PROBE, toggle.TCP_PROBE),
        *Event,
    ],
)
def test_the_program_knows_each_name(text: str) -> None:
    """It imports nothing of the harness, so the names stand there once more."""
    assert text in STRINGS


def test_the_program_logs_no_other_event() -> None:
    """Each call of its `log` names one of ours."""
    calls = [node for node in ast.walk(ast.parse(PROGRAM)) if isinstance(node, ast.Call)]
    logs = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "log"]
    logged = {str(call.args[0].value) for call in logs if isinstance(call.args[0], ast.Constant)}
    assert logged == set(Event)


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        ('{"t_ns":5,"event":"boot","boot":"b","pod":"p"}', Event.BOOT),
        ('{"t_ns":"5","event":"boot","boot":"b"}', None),
        ('{"t_ns":5,"event":"boot"}', None),
        ('{"logger":"queueproxy","error":"e"}', None),
        ("Traceback", None),
    ],
)
def test_a_line_is_an_event_or_none(payload: str, event: Event | None) -> None:
    """An event has a time, a name and a boot."""
    found = event_of(payload)
    assert (found.event if found else None) == event


def test_app_events_are_in_the_apps_order() -> None:
    """Lines may reach us late; the app's clock orders them."""

    def line(ns: int, text: str) -> Observation:
        return Observation(Stream.APP, "p", "user-container", 0, ns, 1, ns, text)

    events = app_events(
        [
            line(2, '{"t_ns":2,"event":"listening","boot":"b"}'),
            line(1, '{"t_ns":1,"event":"boot","boot":"b"}'),
            line(3, "Traceback"),
        ]
    )
    assert [(one.event, one.t_ns) for one in events] == [(Event.BOOT, 1), (Event.LISTENING, 2)]
    assert events[0] == AppEvent("boot", "b", 1, {"t_ns": 1, "event": "boot", "boot": "b"})
