"""Lines of the access log of the ingress."""

from __future__ import annotations

import re

import pytest

from harness.knative.accesslog import LINE

GOOD = (
    '[2026-11-28T12:00:00.123Z] "GET /?rid=9f3a-0-17 HTTP/1.1" 200 - 0 61 7312 7311 "10.244.0.1" "knative-chaos" '
    '"f0c5-1" "toggle.ns.127.0.0.1.sslip.io" "10.244.0.9:8012"'
)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD, ("9f3a-0-17", "200", "-", "7312")),
        (GOOD.replace("/?rid=", "/path?q=1&rid="), ("9f3a-0-17", "200", "-", "7312")),
        (GOOD.replace("HTTP/1.1", "HTTP/2"), ("9f3a-0-17", "200", "-", "7312")),
        (GOOD.replace("200 - ", "503 UC,URX "), ("9f3a-0-17", "503", "UC,URX", "7312")),
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
        GOOD.replace("/?rid=9f3a-0-17", "/"),
        GOOD.replace(" 7312 ", " - "),
        GOOD.replace("/?rid=", "/?grid="),
        "[2026-11-28 12:00:00.123][1][info][main] starting main dispatch loop",
        "",
    ],
)
def test_another_line(line: str) -> None:
    """Of somebody else's request, of none, or of one without a duration."""
    assert re.search(LINE, line) is None
