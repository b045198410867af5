"""Reading how busy the machine was."""

from __future__ import annotations

import time

import pytest

from harness.load import host
from harness.load.host import CpuTimes


def test_shares_come_from_the_first_line_of_proc_stat() -> None:
    """Fields: user nice system idle iowait irq softirq steal guest guest_nice; guests are in user already."""
    before = CpuTimes.read("cpu  100 0 50 800 10 0 0 0 90 0\ncpu0 1 1 1 1\n")
    after = CpuTimes.read("cpu  130 10 70 820 20 5 5 10 95 0\ncpu0 1 1 1 1\n")
    assert after.shares_since(before) == (round(10 / 110, 5), round(70 / 110, 5))


def test_no_time_gone_is_no_share() -> None:
    """Zeros, not a division by zero."""
    now = CpuTimes.read("cpu  1 2 3 4 5 6 7 8 9 10\n")
    assert now.shares_since(now) == (0.0, 0.0)


def test_an_account_that_goes_back_is_no_share_beyond_the_whole() -> None:
    """The kernel's idle and stolen times may do so, by a little."""
    before = CpuTimes.read("cpu  100 0 50 800 10 0 0 5\n")
    assert CpuTimes.read("cpu  110 0 50 795 10 0 0 4\n").shares_since(before) == (0.0, 1.0)


def test_standing_still_between_two_clocks_moves_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds between the reading of one and of the other, however often but once: what makes UTC is right to its blur."""
    now, looks = 5_000_000_000, 0

    def mono() -> int:
        return now

    def utc() -> int:
        nonlocal now, looks
        looks += 1
        now += 3_000_000_000 if looks != 7 else 200
        return now + 1_700_000_000_000_000_000

    monkeypatch.setattr(time, "monotonic_ns", mono)
    monkeypatch.setattr(time, "time_ns", utc)
    assert abs(host.utc_offset_ns() - 1_700_000_000_000_000_000) <= 200


def test_this_machine_tells() -> None:
    """The file of this kernel has the form expected: it counts, and busy and stolen are parts of the whole."""
    now = CpuTimes.read()
    assert 0 < now.busy + now.steal <= now.total
