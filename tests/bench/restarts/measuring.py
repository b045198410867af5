"""Measuring unattended: one configuration after the other, resumable.

What was measured is kept in OUT/costs.json as soon as its run is closed, and a configuration with enough counted cycles is not
measured again. A run that was closed but is not in that file (the program was killed between the two) is read at the next start.
The results are made of the runs themselves, which `read_again` analyses with the code of today; costs.json only says what lacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from harness.adapters.progress import Progress, work_of
from harness.errors import HarnessError, Interrupted
from harness.history import read as read_history
from harness.model import Procedure, RunSpec, Scenario
from tests.bench.restarts.costs import Cost, costs_of
from tests.bench.results import keep, read

COSTS = "costs.json"
ROUND_S, SESSION_S = 13.0, 33.0
"""About how long the pods and the steady state of a round take, and what comes before and after all rounds of a configuration."""


class Measurable(Protocol):
    """A configuration. name: of its scenario. cycles: that shall count. slots: at most so many at the same time."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the class says it

    @property
    def cycles(self) -> int: ...  # noqa: D102

    @property
    def slots(self) -> int: ...  # noqa: D102

    @property
    def words(self) -> str:
        """In one line, for the progress."""

    @property
    def boot_s(self) -> float:
        """From the start of the app to its first good answer."""

    @property
    def restart_s(self) -> float:
        """About how long a slot is taken: from the fault until the new container answers."""

    def scenario(self, cycles: int) -> Scenario:
        """That measures so many cycles of it, under its name."""


One = TypeVar("One", bound=Measurable)

Measure = Callable[[One, Scenario, int, Path], None]
"""Measures a configuration's scenario in so many slots below a directory. Raises HarnessError; what was measured until then is kept
there."""

ReadRun = Callable[[Path], Sequence[Cost]]
"""The counted cycles of a run directory."""


def reader(configurations: Iterable[Measurable]) -> ReadRun:
    """Reads histories of these; one has no cycle if it measured something else than the configuration of its name."""
    known = {one.name: one for one in configurations}

    def read_run(place: Path) -> Sequence[Cost]:
        history = read_history(place)
        one = known.get(history.meta.spec.scenario)
        return costs_of(history) if one is not None and is_of(history.meta.spec, one) else ()

    return read_run


_FREE = frozenset({"title", "cycles", "max_replacements"})


def is_of(spec: RunSpec, configuration: Measurable) -> bool:
    """Whether this run did what measures the configuration; its words and its number of cycles are free."""
    asked = configuration.scenario(spec.cycles)
    return all(getattr(spec, one.name) == getattr(asked, one.name) for one in fields(Procedure) if one.name not in _FREE)


@dataclass(frozen=True, slots=True)
class Kept:
    """What has been measured. runs: directories of those that were read, those without a counted cycle too."""

    runs: tuple[str, ...] = ()
    costs: tuple[Cost, ...] = ()

    def counted(self, name: str) -> int:
        """Cycles of this configuration."""
        return sum(cost.name == name for cost in self.costs)

    def lacking(self, configurations: Iterable[One]) -> list[One]:
        """Those that have fewer counted cycles than they shall have."""
        return [one for one in configurations if self.counted(one.name) < one.cycles]


@dataclass(frozen=True, slots=True)
class Unattended(Generic[One]):
    """Some configurations, measured below `out`. what: of which bench. slots: at most so many cycles at the same time."""

    what: str
    out: Path
    progress: Progress
    measure: Measure[One]
    read_run: ReadRun
    slots: int = 5

    def run(self, configurations: Sequence[One]) -> Kept:
        """Measure those that lack cycles, each once. One whose run ends early is left for the next call. Raises Interrupted."""
        kept = self.caught_up()
        wanted = kept.lacking(configurations)
        self.progress.say(
            f"{self.what}: {len(configurations) - len(wanted)} of {len(configurations)} configurations are measured; "
            f"the others take about {self._left_s(wanted, kept) / 60:.0f} min"
        )
        begun = time.monotonic()
        for place, one in enumerate(wanted):
            head = f"{self.what} {place + 1} of {len(wanted)}, {one.name}"
            self.progress.say(f"{head}: {one.words}")
            lacking = one.cycles - kept.counted(one.name)
            try:
                with self.progress.step(head, work=self._work(one, lacking)):
                    self.measure(one, one.scenario(lacking), self._width(one, lacking), self.out)
            except Interrupted as error:
                if isinstance(error.__cause__, KeyboardInterrupt):
                    raise
                self.progress.say(str(error))
            except HarnessError as error:
                self.progress.say(str(error))
            kept = self.caught_up()
            left_s = self._left_s(wanted[place + 1 :], kept)
            count = f"{kept.counted(one.name)} of {one.cycles} cycles count"
            elapsed_min = (time.monotonic() - begun) / 60
            self.progress.say(f"{head}: {count}; {elapsed_min:.0f} min elapsed, about {left_s / 60:.0f} min left")
        return kept

    def caught_up(self) -> Kept:
        """What is kept, with the closed runs that were not read yet."""
        kept = kept_in(self.out)
        for place in _closed(self.out):
            if place.name not in kept.runs:
                kept = Kept((*kept.runs, place.name), (*kept.costs, *self.read_run(place)))
                keep(self.out / COSTS, kept)
        return kept

    def _work(self, one: One, lacking: int) -> str:
        return work_of(self.what, one.name, one.words, lacking, self._width(one, lacking))

    def _width(self, one: One, lacking: int) -> int:
        return min(self.slots, one.slots, lacking)

    def _left_s(self, configurations: Iterable[One], kept: Kept) -> float:
        return sum(self._expected_s(one, one.cycles - kept.counted(one.name)) for one in configurations)

    def _expected_s(self, one: One, lacking: int) -> float:
        """As long as the same took last time on this machine, else by the steps of a restart."""
        width = self._width(one, lacking)
        known = self.progress.expected_s(self._work(one, lacking))
        rounds = -(-lacking // width)
        return known or SESSION_S + one.boot_s + rounds * ROUND_S + lacking * one.restart_s


def read_again(out: Path, read_run: ReadRun) -> Kept:
    """Every closed run below `out`, whatever costs.json says."""
    places = _closed(out)
    return Kept(tuple(place.name for place in places), tuple(cost for place in places for cost in read_run(place)))


def _closed(out: Path) -> list[Path]:
    return [place.parent for place in sorted(out.glob("*/*/closed.json")) if not place.parent.is_symlink()]


def kept_in(out: Path) -> Kept:
    """Empty where nothing was measured yet."""
    place = out / COSTS
    return read(place, Kept) if place.exists() else Kept()
