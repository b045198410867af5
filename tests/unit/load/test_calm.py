"""Waiting for a calm machine: what is calm, when the wait ends, and that a restless clock is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from harness.errors import ToolFailed
from harness.load import calm
from harness.load.calm import IN_A_ROW, Calm, Limits, Window, is_calm, rate_of, wait_until_calm
from harness.load.dry_run import LEAD_NS, lateness
from harness.model import Arrivals, LoadPlan

LIMITS = Limits(p99_us=5_000, max_us=250_000, steal=0.05, cpu_wait_us=2_000)
QUIET = Window(p99_us=120, max_us=900, steal=0.01)
SETTLING = Window(p99_us=9_000, max_us=30_000, steal=0.01)
"""What N1 met right after `up`."""

MS = 1_000_000


class Machine:
    """Windows in this order, the last of them for ever. An exception in their place is raised."""

    def __init__(self, windows: Iterable[Window | ToolFailed]) -> None:
        self._windows: Iterator[Window | ToolFailed] = iter(windows)
        self._last: Window | ToolFailed = SETTLING
        self.rates: list[float] = []

    def __call__(self, rate_rps: float) -> Window:
        """The next window."""
        self.rates.append(rate_rps)
        self._last = next(self._windows, self._last)
        if isinstance(self._last, ToolFailed):
            raise self._last
        return self._last


@pytest.mark.parametrize(
    ("window", "calm_enough"),
    [
        (QUIET, True),
        (SETTLING, False),
        (replace(QUIET, p99_us=2_500), True),
        (replace(QUIET, p99_us=2_501), False),
        (replace(QUIET, max_us=125_001), False),
        (replace(QUIET, steal=0.026), False),
        (replace(QUIET, cpu_wait_us=1_000), True),
        (replace(QUIET, cpu_wait_us=1_001), False),
        (replace(QUIET, p99_us=float("nan")), False),
    ],
)
def test_calm_is_half_of_what_voids_a_cycle(window: Window, *, calm_enough: bool) -> None:
    """In each of the four; what is no number is not calm, and what is not known of the node keeps nobody waiting."""
    assert is_calm(window, LIMITS) is calm_enough


def test_a_calm_machine_costs_two_windows() -> None:
    """No more are measured than it takes."""
    machine = Machine([QUIET])
    found = wait_until_calm(LoadPlan(), LIMITS, measure=machine)
    assert (found.came, found.windows, len(machine.rates)) == (True, IN_A_ROW, IN_A_ROW)
    assert str(QUIET) in str(found)


def test_a_restless_machine_is_waited_for() -> None:
    """Three restless windows, one calm one between two bursts, then calm: the single calm one is not enough."""
    machine = Machine([SETTLING, SETTLING, SETTLING, QUIET, SETTLING, QUIET, QUIET, QUIET])
    found = wait_until_calm(LoadPlan(), LIMITS, within_s=3600, measure=machine)
    assert (found.came, found.windows) == (True, 7)


def test_a_machine_that_never_calms_down_is_measured_all_the_same() -> None:
    """The deadline ends the wait, and what was seen last is said; the cycles' own limits decide then."""
    found = wait_until_calm(LoadPlan(), LIMITS, within_s=0, measure=Machine([SETTLING]))
    assert (found.came, found.windows) == (False, 1)
    assert "was not calm within" in str(found)
    assert str(SETTLING) in str(found)


def test_a_window_that_does_not_end_in_time_is_a_restless_one() -> None:
    """A machine that schedules nobody for minutes must not end the run before it began."""
    late = ToolFailed(["dry_run"], -1, "still running after 120 s, ended")
    found = wait_until_calm(LoadPlan(), LIMITS, within_s=3600, measure=Machine([QUIET, late, QUIET, QUIET]))
    assert (found.came, found.windows) == (True, 4)


def test_a_window_that_cannot_be_measured_is_an_error() -> None:
    """The generator could not be started either."""
    with pytest.raises(ToolFailed):
        wait_until_calm(LoadPlan(), LIMITS, measure=Machine([ToolFailed(["dry_run"], 1, "no such module")]))


@pytest.mark.parametrize(
    ("plan", "rate"),
    [
        (LoadPlan(rate_rps=200), 200),
        (LoadPlan(rate_rps=5), 100),
        (LoadPlan(rate_rps=25_000), 1000),
        (LoadPlan(rate_rps=10, arrivals=Arrivals.RAMP, to_rate_rps=400, over_s=5), 400),
    ],
)
def test_the_windows_are_paced_as_the_load_will_be(plan: LoadPlan, rate: float) -> None:
    """At its highest rate, as far as that tells something of a single wait."""
    assert rate_of(plan) == rate
    machine = Machine([QUIET])
    wait_until_calm(plan, LIMITS, measure=machine)
    assert set(machine.rates) == {rate}


class Clock:
    """A monotonic clock that stands still but in waits. late: by how much each wait ends too late, by its number."""

    def __init__(self, late: dict[int, int]) -> None:
        self.now = 5 * MS
        self.due: list[int] = []
        self._late = late

    def __call__(self) -> int:
        """What it shows."""
        return self.now

    def wait_until(self, due_ns: int) -> None:
        """Until then, or a little longer; at once if that has passed."""
        self.now = max(self.now, due_ns) + self._late.get(len(self.due), 0)
        self.due.append(due_ns)


def test_the_waits_follow_the_plan_and_not_each_other() -> None:
    """Each ends at a time of its own: one late wait makes late what was due meanwhile, and nothing after that."""
    clock = Clock({3: 25 * MS})
    seen = lateness(100, 10, clock=clock, wait_until=clock.wait_until)
    assert clock.due == [5 * MS + LEAD_NS + number * 10 * MS for number in range(10)]
    assert seen.max_us == 25_000
    # 25, 15 and 5 ms late: the wait itself and the two that were due meanwhile.
    assert [seen.percentile_us(share) > 0 for share in (0.7, 0.71, 1.0)] == [False, True, True]


def test_a_restless_clock_is_not_calm() -> None:
    """Every thirtieth wait ends 9 ms late: the p99 shows it, and the window does not count as calm."""
    clock = Clock(dict.fromkeys(range(0, 200, 30), 9 * MS))
    seen = lateness(100, 200, clock=clock, wait_until=clock.wait_until)
    assert not is_calm(Window(seen.percentile_us(0.99), seen.max_us, 0.0), LIMITS)
    clock = Clock({})
    seen = lateness(100, 200, clock=clock, wait_until=clock.wait_until)
    assert is_calm(Window(seen.percentile_us(0.99), seen.max_us, 0.0), LIMITS)


def test_a_real_window_is_measured_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process like the generator's, here for a tenth of a second; how late it was is this machine's business."""
    monkeypatch.setattr(calm, "WINDOW_S", 0.1)
    found = calm.dry_run(200)
    assert 0 <= found.p99_us <= found.max_us + 1
    assert 0 <= found.steal <= 1


def test_both_ends_have_words() -> None:
    """What the run records and the terminal shows."""
    assert str(Calm(True, 8.14, 4, "x")) == "the machine was calm after 8.1 s and 4 windows: x"
    assert str(Calm(False, 121.3, 60, "x")).startswith("the machine was not calm within 121 s (60 windows), begun all the same")
