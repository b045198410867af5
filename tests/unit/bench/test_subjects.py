"""What the programs say, read from their own words; and the pins of those we build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.subjects import OURS, hey_told, subjects, vegeta_told, wrk_told
from tests.bench.tools import PINS, pins


def test_vegetas_rows() -> None:
    """Its CSV has the time first, then the status; 0 is a request without an answer."""
    text = "1700000000000000000,200,512,0,5,,ZmluZQo=,,0,GET,http://x/,\n1700000000002000000,0,9,0,0,refused,,,1,GET,http://x/,\n"
    told = vegeta_told(text)
    assert (told.requests, told.failed, told.ok.tolist(), told.planned) == (2, 1, [True, False], False)
    assert told.starts_ns.tolist() == [1_700_000_000_000_000_000, 1_700_000_000_002_000_000]


def test_heys_rows() -> None:
    """By the names of its head line; a request without a row was asked for and failed."""
    head = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"
    told = hey_told(f"{head}\n0.0006,0.0001,0.0,0.0,0.0003,0.0,200,0.0201\n0.0006,0.0,0.0,0.0,0.0003,0.0,502,0.0401\n", 4)
    assert (told.requests, told.failed, told.ok.tolist()) == (4, 3, [True, False])
    assert told.starts_ns.tolist() == [20_100_000, 40_100_000]


@pytest.mark.parametrize(
    ("more", "failed"),
    [("", 0), ("  Non-2xx or 3xx responses: 7\n", 7), ("  Socket errors: connect 1, read 20, write 0, timeout 3\n", 24)],
    ids=["all well", "statuses", "sockets"],
)
def test_wrks_summary(more: str, failed: int) -> None:
    """It counts, and says nothing of single requests."""
    told = wrk_told(f"Running 1s test\n  1234 requests in 1.00s, 99.00KB read\n{more}Requests/sec: 1234.5\n")
    assert (told.requests, told.failed, len(told.starts_ns)) == (1_234, failed, 0)


def test_what_is_not_there_is_left_out() -> None:
    """Ours comes first; the libraries are always there; a program only with its binary."""
    assert [one.name for one in subjects({})] == [OURS, "aiohttp", "httpx"]
    assert [one.name for one in subjects({"wrk": Path("wrk"), "vegeta": Path("vegeta")})][:3] == [OURS, "vegeta", "wrk"]


def test_the_pins_name_commands() -> None:
    """A module's last element is its command, but for the number of a major version."""
    assert pins("# words\n\na.b/c/v12@v12.1.0\na.b/d@v1\n") == {"c": ("a.b/c/v12", "v12.1.0"), "d": ("a.b/d", "v1")}
    assert set(pins(PINS.read_text(encoding="utf-8"))) == {"vegeta", "hey"}
