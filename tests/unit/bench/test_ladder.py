"""Which rung of the ladder a client is said to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.adapters.progress import QUIET
from tests.bench.compare import QUICK, Bench
from tests.bench.results import Client
from tests.bench.subjects import Order, Subject, Told

EXTENT = replace(QUICK, rate=500, rungs=(100, 200, 500, 1_000, 2_000, 5_000))


class Fixed(Bench):
    """Rungs whose p99 is known; asked: in which order they were tried."""

    def __init__(self, p99_us: Mapping[int, float | None]) -> None:
        super().__init__((), EXTENT, QUIET, Path())
        self.p99_us = p99_us
        self.asked: list[int] = []

    def _rung(self, subject: Subject, rate: int) -> float | None:
        self.asked.append(rate)
        return self.p99_us.get(rate)


def nothing(_order: Order) -> Told:
    """A client that is never started here."""
    raise AssertionError("no rung is run in these tests")


@pytest.mark.parametrize(
    ("p99_us", "narrow", "wide", "asked"),
    [
        ({500: 90.0, 1_000: 90.0, 2_000: 1_500.0}, 1_000, 2_000, [500, 1_000, 2_000, 5_000]),
        ({500: 90.0, 1_000: 2_000.0, 2_000: 90.0}, 500, 500, [500, 1_000]),
        ({500: 1_900.0, 1_000: None}, 0, 500, [500, 1_000]),
        ({500: None, 200: 9_000.0, 100: 999.0}, 100, 100, [500, 200, 100]),
        ({500: 5_000.0, 200: 1_500.0, 100: 90.0}, 0, 200, [500, 200]),
        ({}, 0, 0, [500, 200, 100]),
        (dict.fromkeys(EXTENT.rungs, 10.0), 5_000, 5_000, [500, 1_000, 2_000, 5_000]),
    ],
    ids=["up to the wide gate", "not past a late rung", "never narrow", "down", "down to the wide gate", "nowhere", "to the top"],
)
def test_the_ladder_is_climbed_from_the_low_rate(
    p99_us: Mapping[int, float | None], narrow: int, wide: int, asked: list[int]
) -> None:
    """Up while rungs are within 2 ms, else down until one is; a rung past a late one does not count."""
    bench = Fixed(p99_us)
    client = bench._ladder(Subject("x", nothing, ""), Client("x", "", ""))
    assert (client.gate_rps, client.wide_gate_rps, bench.asked) == (narrow, wide, asked)


def test_a_client_without_a_schedule_has_no_rung() -> None:
    """It cannot be asked for a rate."""
    bench = Fixed({})
    client = bench._ladder(Subject("x", nothing, "", scheduled=False), Client("x", "", ""))
    assert (client.gate_rps, client.wide_gate_rps, bench.asked) == (None, None, [])
