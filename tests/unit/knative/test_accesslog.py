"""Lines of the access log of the ingress."""

from __future__ import annotations

import re

import pytest

from harness.knative.accesslog import LINE

GOOD = (
    '[2026-11-28T14:06:26.916Z] "GET /?rid=86f0ba98-0-0 HTTP/1.1" 200 - 0 60 6892 6892 "-" "knative-chaos" '
    '"c7c7302b-a0b6-47a6-995b-e1faa123ded1" "toggle.knative-chaos-86f0ba98.127.0.0.1.sslip.io" "10.244.0.4:8012"'
)
"""Of net-kourier v0.48.0, as it was recorded."""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD, ("86f0ba98-0-0", "200", "-", "6892")),
        (GOOD.replace("/?rid=", "/path?q=1&rid="), ("86f0ba98-0-0", "200", "-", "6892")),
        (GOOD.replace("HTTP/1.1", "HTTP/2"), ("86f0ba98-0-0", "200", "-", "6892")),
        (GOOD.replace("200 - ", "503 UC,URX "), ("86f0ba98-0-0", "503", "UC,URX", "6892")),
    ],
)
def test_a_request_with_an_id(line: str, said: tuple[str, ...]) -> None:
    """Its id, status, flags and duration."""
    match = re.search(LINE, line)
    assert match is not None
    assert match.group("rid", "status", "flags", "duration_ms") == said


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace("rid=", "id="),
        GOOD.replace("/?rid=86f0ba98-0-0", "/"),
        GOOD.replace(" 6892 ", " - "),
        GOOD.replace("/?rid=", "/?grid="),
        "[2026-11-28 12:00:00.123][1][info][main] starting main dispatch loop",
        "",
    ],
)
def test_another_line(line: str) -> None:
    """Of somebody else's request, of none, or of one without a duration."""
    assert re.search(LINE, line) is None
