"""The page says what was found: ratios in units of ours, what was missed as missed, what was not measured as not measured."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.page import number, page, ratio, table
from tests.bench.results import Client, Comparison, Own, Price, Side, Size, keep, read

OURS = Client(
    name="ours",
    how="a process",
    version="",
    pacing_p50_us=40.0,
    pacing_p99_us=100.0,
    read_p99_us=150.0,
    busy_p99_us=120.0,
    cpu_us=50.0,
    gate_rps=25_000,
    wide_gate_rps=30_000,
    outage_502_ms=500.0,
    true_502_ms=500.2,
    outage_refuse_ms=502.0,
    true_refuse_ms=500.1,
    killed=150,
    reported=150,
    stalled=500,
)
VEGETA = replace(OURS, name="vegeta", version="v1", pacing_p99_us=1_000.0, cpu_us=100.0, gate_rps=0, killed=299, reported=0)
WRK = Client("wrk", "a closed loop", "v2", cpu_us=10.0, killed=20, reported=20)
OWN = Own(recovery_ms=40.0, stall_planned=5_000, stall_accounted=5_000, memory_mib=4.6, disk_mib=4.6)
COMPARISON = Comparison(
    mode="full",
    machine={"cores": "2", "cpu": "a CPU", "memory": "4 GiB", "kernel": "6.1", "python": "3.11.0"},
    rounds=3,
    rate=500,
    seconds=5.0,
    rungs=(500, 1_000),
    stall_rate=1_000,
    stall_s=5.0,
    server_rps=90_000.0,
    discarded=1,
    background=0.02,
    missing={"hey": "left out: no network"},
    clients=(OURS, VEGETA, WRK),
    own=OWN,
    samples={},
)
SIZES = tuple(Size(size, size, 1.0, 0.1, size / 1e7, size / 5e5, 0.001, 100.0, 0, 3) for size in (10_000, 1_000_000))
SIDE = Side(0.1, 0.05, 1.0, 2_000.0, 4_000.0, 0)
PRICE = Price(
    "", 200, 4, 10.0, looking=replace(SIDE, harness_cpu=0.2, p50_us=2_100.0), alone=SIDE, p50_range_us=30.0, observations=500
)


def row(text: str, begins: str) -> list[str]:
    """The cells of the one row whose first cell begins so."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {begins}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ratios_are_in_units_of_ours() -> None:
    """The absolute number first, then 1, then the others; a client without one has a dash."""
    text = page(COMPARISON, SIZES, PRICE)
    assert row(text, "pacing error p99 at 500")[1:] == ["100", "1", "10", "-"]
    assert row(text, "CPU a request at 500 rps, us")[1:] == ["50", "1", "2", "0.2"]
    assert row(text, "rps with arrival p99 < 1 ms")[1:] == ["25,000", "1", "0", "-"]


def test_what_clients_hide_is_counted() -> None:
    """Killed and not reported is hidden."""
    text = page(COMPARISON, SIZES, PRICE)
    assert row(text, "failures hidden |")[1:] == ["0", "299", "0"]
    assert row(text, "requests killed")[1:] == ["150 / 150", "299 / 0", "20 / 20"]
    assert row(text, "outage of 502s")[1:] == ["500 / 500", "500 / 500", "-"]


def test_met_goals_are_met() -> None:
    """With these numbers every goal is."""
    text = page(COMPARISON, SIZES, PRICE)
    assert "missed" not in text
    assert "not measured |" not in text


@pytest.mark.parametrize(
    ("changed", "begins"),
    [
        (replace(COMPARISON, clients=(replace(OURS, pacing_p99_us=251.0), VEGETA)), "arrival pacing error p99"),
        (replace(COMPARISON, clients=(replace(OURS, busy_p99_us=1_001.0), VEGETA)), "the same with every core busy"),
        (replace(COMPARISON, clients=(replace(OURS, gate_rps=15_000), VEGETA)), "rps of one core"),
        (replace(COMPARISON, clients=(replace(OURS, cpu_us=101.0), VEGETA)), "CPU a request at 500 rps, of"),
        (replace(COMPARISON, clients=(replace(OURS, reported=149), VEGETA)), "failures hidden from"),
        (replace(COMPARISON, own=replace(OWN, recovery_ms=101.0)), "ms from the end of a 5 s stall"),
        (replace(COMPARISON, own=replace(OWN, stall_accounted=4_999)), "requests of that stall"),
        (replace(COMPARISON, own=replace(OWN, memory_mib=5.1)), "MiB of memory for 100,000"),
        (replace(COMPARISON, own=replace(OWN, disk_mib=5.1)), "MiB of disk"),
    ],
    ids=["pacing", "busy", "rate", "cpu", "hidden", "recovery", "accounts", "memory", "disk"],
)
def test_a_missed_goal_is_said_to_be(changed: Comparison, begins: str) -> None:
    """That one, and no other."""
    text = page(changed, SIZES, PRICE)
    assert row(text, begins)[-1] == "**missed**"
    assert text.count("**missed**") == 1


def test_what_was_not_measured_is_not_met() -> None:
    """A generator that never recovered, a vegeta that is not there: no goal is met by silence."""
    text = page(replace(COMPARISON, clients=(OURS,), own=replace(OWN, recovery_ms=None)), (), Price(why="no cluster was up"))
    assert row(text, "CPU a request at 500 rps, of")[-1] == "not measured"
    assert row(text, "ms from the end of a 5 s stall")[-1] == "not measured"
    assert "Not measured: no cluster was up." in text
    assert "Not measured here: hey (left out: no network)." in text


def test_analysis_at_size_is_held_to_its_goals() -> None:
    """At a million requests: 2.001 s are within 3 s, and time grows with the size."""
    text = page(COMPARISON, SIZES, PRICE)
    assert row(text, "s to analyse and judge")[1:] == ["<= 3", "2", "yes"]
    assert "power of 0.99" in text
    slow = replace(SIZES[1], analyse_s=3.1, peak_mib=2_000.0)
    assert page(COMPARISON, (SIZES[0], slow), PRICE).count("**missed**") == 2


@pytest.mark.parametrize(("apart", "said"), [(30.0, "that is an effect"), (200.0, "no effect can be told")])
def test_a_difference_within_the_spread_is_none(apart: float, said: str) -> None:
    """100 us between the sides, and what the same side differs by."""
    assert said in page(COMPARISON, SIZES, replace(PRICE, p50_range_us=apart))


def test_numbers_of_a_busy_machine_are_marked() -> None:
    """Ours has realtime priority and the others have not: a machine that is not idle would flatter us."""
    assert "others used 2% of the machine's CPU time.\n" in page(COMPARISON, SIZES, PRICE)
    assert "**too much for these numbers to be quoted**" in page(replace(COMPARISON, background=0.11), SIZES, PRICE)


def test_few_stretches_say_nothing() -> None:
    """Of one stretch there is no spread."""
    assert "nothing follows" in page(COMPARISON, SIZES, replace(PRICE, rounds=1))


def test_the_page_comes_from_the_files_alone(tmp_path: Path) -> None:
    """Kept, read and written again it is the same text, with no date in it."""
    text = page(COMPARISON, SIZES, PRICE)
    for name, noun in (("compare", COMPARISON), ("price", PRICE)):
        keep(tmp_path / name, noun)
    assert page(read(tmp_path / "compare", Comparison), SIZES, read(tmp_path / "price", Price)) == text
    assert re.search(r"\b20\d\d-\d\d", text) is None


def test_numbers_are_short() -> None:
    """Three digits that count."""
    assert [number(one) for one in (None, 0.0, 0.01234, 5.0, 12.345, 1_234.5)] == ["-", "0", "0.0123", "5", "12.3", "1,234"]
    assert [ratio(one, 2.0) for one in (None, 2.0, 1.0, 9.0, 50.0, 5_000.0)] == ["-", "1", "0.5", "4.5", "25", "2,500"]
    assert ratio(1.0, 0.0) == "-"
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
