"""The configurations of the sweep, drawn once, before anything was measured.

    python -m tests.bench.sweep design          writes tests/bench/sweep/design.json again

A Latin hypercube (scipy.stats.qmc) over the factors for each of the two parts: `fit`, on which the model is fitted, and `check`,
which is held back, start-up times of the app included. Of DRAWS draws the one is taken that fills the space best (least centred
discrepancy) among those that Knative accepts and in which no two configurations make the same pod.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from harness.model import Scenario
from tests.bench.results import keep, read
from tests.bench.sweep.setting import Setting, pod_of, scenario_of

PLACE = Path(__file__).with_name("design.json")

FIT, CHECK = "fit", "check"

LIVENESS = ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (5, 1))
"""Periods and thresholds. Their product is how long a restart takes to begin, which changes the wait alone: kept below 7 s."""

READINESS = ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (5, 1), (5, 3))
"""Likewise. Those that can act before the app listens again, and one that cannot; 10/3 is what a Service without one has."""

COMMON: Mapping[str, Sequence[Any]] = {
    "liveness": LIVENESS,
    "readiness": ("none", "same", "other"),
    "readiness_timing": READINESS,
    "sigterm": ("exit", "exit", "exit", "exit", "ignore", "ignore-close"),  # most programs end on SIGTERM
    "startup": (False, False, True),
    "pods": (1, 1, 1, 3),
}
"""Levels; one that stands several times is drawn as often."""

BOOTS: Mapping[str, Sequence[float]] = {FIT: (0.0, 1.0, 3.0, 6.0), CHECK: (0.5, 1.5, 2.0, 2.5, 3.5, 4.0, 4.5, 5.0)}
"""Start-up times of the app. None of `check` is one of `fit`."""

ANCHORS: Mapping[str, tuple[Setting, ...]] = {
    FIT: tuple(
        Setting(
            liveness_period_s=1,
            liveness_threshold=3,
            readiness=readiness,
            readiness_period_s=timing,
            readiness_threshold=timing,
            boot_s=3.0,
            sigterm="exit",
            startup=startup,
            pods=1,
        )
        for readiness, timing, startup in (("none", 0, False), ("same", 1, False), ("none", 0, True))
    ),
    CHECK: (),
}
"""Not drawn: the probes of S1, S6 and S10, which every reader looks for first."""

COUNTS: Mapping[str, int] = {FIT: 18, CHECK: 8}
"""Drawn, beside the anchors."""

SEED, DRAWS = 14980, 4000
TURNS_S = 36.0
"""So long the restarts of one configuration may take together; they do not overlap."""

LONGEST_S, LONGEST_OF_SEVERAL_S = 19.0, 11.0
"""So long one restart may take, with one pod and with several: a budget of time, not a limit of Knative."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One of the design. name: of its scenario. cycles: that shall count. slots: at most so many at the same time."""

    name: str
    part: str
    cycles: int
    slots: int
    setting: Setting

    @property
    def words(self) -> str:
        """In one line."""
        return self.setting.words

    @property
    def boot_s(self) -> float:
        """The start-up time of the app."""
        return self.setting.boot_s

    @property
    def restart_s(self) -> float:
        """About how long a slot is taken."""
        return self.setting.restart_s

    def scenario(self, cycles: int) -> Scenario:
        """That measures so many cycles of it."""
        return scenario_of(self.name, self.setting, cycles)


@dataclass(frozen=True, slots=True)
class Design:
    """In the order of measuring, which is drawn too: the two parts are measured in turn. draws: by part, the number of its draw."""

    draws: Mapping[str, int]
    configurations: tuple[Configuration, ...]


def designed(draws: Mapping[str, int] | None = None) -> Design:
    """The design of these draws; None: of the best ones, which takes some seconds. Raises ValueError if none is allowed."""
    draws = draws or {part: best_draw(part) for part in (FIT, CHECK)}
    found = [*_part(FIT, "F", draws[FIT]), *_part(CHECK, "C", draws[CHECK])]
    random.Random(SEED).shuffle(found)  # noqa: S311 - the order of measuring, recorded
    return Design(dict(draws), tuple(found))


def committed() -> Design:
    """The design as it stands in the repository."""
    return read(PLACE, Design)


def settings_of(part: str) -> dict[str, Setting]:
    """The configurations of this part of the committed design, by name."""
    return {one.name: one.setting for one in committed().configurations if one.part == part}


def write() -> None:
    """design.json anew."""
    keep(PLACE, designed())


def _part(part: str, letter: str, draw: int) -> Iterator[Configuration]:
    for number, setting in enumerate((*ANCHORS[part], *_settings(part, drawn(part, draw))), 1):
        cycles = max(3, min(5, int(TURNS_S // setting.restart_s)))
        if setting.pods > 1:  # six pods of the cluster's at a time, in rounds of two
            yield Configuration(f"SWEEP-{letter}{number:02}", part, 4, 2, setting)
        else:
            yield Configuration(f"SWEEP-{letter}{number:02}", part, cycles, cycles, setting)


def best_draw(part: str) -> int:
    """The number of the best-spread draw that is allowed beside the anchors. Raises ValueError if none of DRAWS is."""
    draws = [drawn(part, number) for number in range(DRAWS)]
    for number in sorted(range(DRAWS), key=lambda number: float(qmc.discrepancy(draws[number]))):
        if allowed([*ANCHORS[part], *_settings(part, draws[number])]):
            return number
    raise ValueError(f"none of {DRAWS} draws of the part {part} is allowed: add levels")


def drawn(part: str, number: int) -> NDArray[np.float64]:
    """A Latin hypercube: a row for each configuration, a column for each factor, in the unit cube."""
    rng = np.random.default_rng(SEED + number)
    points: NDArray[np.float64] = qmc.LatinHypercube(d=len(_levels(part)), rng=rng).random(COUNTS[part])
    return points


def _levels(part: str) -> Mapping[str, Sequence[Any]]:
    return {**COMMON, "boot_s": BOOTS[part]}


def _settings(part: str, points: NDArray[np.float64]) -> list[Setting]:
    return [setting_of(_levels(part), row) for row in points]


def setting_of(levels: Mapping[str, Sequence[Any]], row: Iterable[float]) -> Setting:
    """The configuration at a point of the unit cube, one coordinate a factor."""
    chosen = {name: among[min(int(at * len(among)), len(among) - 1)] for (name, among), at in zip(levels.items(), row, strict=True)}
    period_s, threshold = chosen.pop("liveness")
    asked_s, fails = chosen.pop("readiness_timing") if chosen["readiness"] != "none" else (0, 0)
    chosen.pop("readiness_timing", None)
    return Setting(
        liveness_period_s=period_s, liveness_threshold=threshold, readiness_period_s=asked_s, readiness_threshold=fails, **chosen
    )


def allowed(settings: Sequence[Setting]) -> bool:
    """Whether they are within the budget, Knative accepts all of them, and makes another pod of each."""
    if any(one.restart_s > (LONGEST_S if one.pods == 1 else LONGEST_OF_SEVERAL_S) for one in settings):
        return False
    made = [pod_of(setting) for setting in settings]
    return not any(refused for refused, _ in made) and len({pod for _, pod in made}) == len(made)
