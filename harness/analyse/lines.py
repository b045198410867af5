"""What the toggle app's log lines say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.knative.lines import parsed
from harness.model import Observation, Stream


@dataclass(frozen=True, slots=True)
class AppEvent:
    """One event of the toggle app by its own clock. more: every key the app wrote."""

    event: str
    boot: str
    t_ns: int
    more: Mapping[str, Any]


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
