"""Reading how busy the machine was."""

from __future__ import annotations

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


def test_this_machine_tells() -> None:
    """The file of this kernel has the form expected: it counts, and busy and stolen are parts of the whole."""
    now = CpuTimes.read()
    assert 0 < now.busy + now.steal <= now.total
