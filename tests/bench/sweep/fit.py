"""The constants of the window model (harness.advise.window), fitted on the cycles of the part `fit`. Pure.

Each constant is a step of a restart that these cycles show, and becomes the 95 % prediction interval of one more value (Student's
t): a Service's next restart is to lie in it, not the mean of many. Where the probes of a configuration let another step decide, its
cycles say nothing of this one and are left out. A constant with fewer than LEAST values keeps what model.toml had.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scipy import stats

from harness.advise.data import CONSTANTS, Constant, Model
from harness.advise.spans import Span
from harness.advise.window import Probes, Timing, mean_refused_s, window
from tests.bench.restarts.costs import Cost
from tests.bench.restarts.intervals import CONFIDENCE
from tests.bench.sweep.reference import readiness_of
from tests.bench.sweep.setting import PATHS, Setting

LEAST = 4

START = Path(__file__).with_name("start.toml")
"""The model before the sweep, which says of each cycle which step decided."""

Values = Mapping[str, list[float]]
"""Of each constant, one a cycle that shows it."""


def probes_of(setting: Setting) -> Probes:
    """A configuration as the model takes it."""
    return Probes(
        liveness=Timing(setting.liveness_period_s, setting.liveness_threshold),
        # Without a period of its own queue-proxy repeats a failed probe until its timeout.
        readiness=Timing(*readiness_of(setting), fails_within_s=0.0 if setting.readiness in PATHS else 1.0),
        same_check=setting.readiness == "same",
        kept_s=1 if setting.startup else 0,
        grace_s=float(setting.grace_s),
        listens_on=setting.sigterm == "ignore",
    )


def predicted(setting: Setting, model: Model) -> Span:
    """For how long a restart refuses requests."""
    return window(probes_of(setting), model, setting.boot_s).refused_s


def mean_s(setting: Setting, model: Model) -> float:
    """The mean of that time over the phases of the probes."""
    return mean_refused_s(probes_of(setting), model, setting.boot_s)


def longest_s(setting: Setting, model: Model) -> float:
    """For how long the port is closed at most: a longer window is impossible, whatever the probes do."""
    never_out = replace(probes_of(setting), readiness=Timing(3600, 1), same_check=False, kept_s=0)
    return window(never_out, model, setting.boot_s).refused_s.hi


@dataclass(frozen=True, slots=True)
class Seen:
    """One cycle of a configuration, and the model from which the fit starts."""

    setting: Setting
    cost: Cost
    model: Model

    @property
    def never_out(self) -> bool:
        """Whether the app surely listens again before the pod is out, so that the window is that of the closed port."""
        wide = replace(self.model, restart=Constant(0.0, 2.0, "wide enough for any restart that was seen"))
        return window(probes_of(self.setting), wide, self.setting.boot_s).waits_s is None

    @property
    def surely_out(self) -> bool:
        """Whether the pod surely is out before the app listens again."""
        found = window(probes_of(self.setting), self.model, self.setting.boot_s).waits_s
        return found is not None and found.lo > 0


def _decision(seen: Seen) -> Iterator[float]:
    """From the failed liveness probe that counts to the kubelet's decision."""
    setting = seen.setting
    if (step := seen.cost.steps.get("decided")) is not None:
        yield step - (setting.liveness_threshold - 1) * setting.liveness_period_s


def _pre_stop(seen: Seen) -> Iterator[float]:
    """From the decision to the close, of an app that closes its port on SIGTERM."""
    if seen.setting.sigterm != "ignore" and (step := seen.cost.steps.get("pre_stop")) is not None:
        yield step


def _restart(seen: Seen) -> Iterator[float]:
    """The window without the app's own start and without the rest of the grace."""
    setting = seen.setting
    if not seen.never_out or not seen.cost.refused:
        return
    tail_s = 0.0
    if setting.sigterm == "ignore-close":
        if (drain_s := seen.cost.steps.get("pre_stop")) is None:
            return
        tail_s = setting.grace_s - drain_s
    yield seen.cost.refused_s - setting.boot_s - tail_s


def _propagation(seen: Seen) -> Iterator[float]:
    """From queue-proxy seen unready to the last refused request."""
    if seen.setting.startup or not seen.surely_out or not seen.cost.refused:
        return
    if (step := seen.cost.steps.get("unready")) is not None:
        yield seen.cost.refused_s - step


def _restart_noticed(seen: Seen) -> Iterator[float]:
    """The window where the startup probe alone takes the pod out, and the process ends with its listener."""
    if seen.setting.startup and seen.setting.sigterm != "ignore-close" and seen.surely_out and _alone(seen):
        yield seen.cost.refused_s


def _alone(seen: Seen) -> bool:
    """Whether readiness by itself would take the pod out later than a startup probe does."""
    by_readiness = window(replace(probes_of(seen.setting), kept_s=0), seen.model, seen.setting.boot_s).refused_s
    return by_readiness.lo > seen.model.restart_noticed.hi


def _back(seen: Seen) -> Iterator[float]:
    """From the moment at which the app listens to the first answer, where requests wait for no startup probe: the model adds its
    period.
    """
    if seen.cost.waited and not seen.setting.startup and (step := seen.cost.steps.get("back")) is not None:
        yield step


SHOWS: Mapping[str, Callable[[Seen], Iterator[float]]] = {
    "decision": _decision,
    "pre_stop": _pre_stop,
    "restart": _restart,
    "propagation": _propagation,
    "restart_noticed": _restart_noticed,
    "back": _back,
}


def values(settings: Mapping[str, Setting], costs: Iterable[Cost], start: Model) -> Values:
    """What the cycles show of each constant; a step that the clocks make negative took no time."""
    found: dict[str, list[float]] = {name: [] for name in SHOWS}
    for cost in costs:
        seen = Seen(settings[cost.name], cost, start)
        for name, shows in SHOWS.items():
            found[name] += [max(0.0, value) for value in shows(seen)]
    return found


def fitted(shown: Values, start: Model, source: str) -> Model:
    """`start` with the constants that these values give. source: what is written beside each."""
    changed = {
        name: Constant(*prediction(known), f"{source}: {len(known)} cycles") for name, known in shown.items() if len(known) >= LEAST
    }
    return replace(start, name="fitted on the sweep, Knative 1.23, Kubernetes 1.34", **changed)


def prediction(known: list[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of one more value by Student's t, not below zero; of equal values the value alone."""
    mean = float(stats.tmean(known))
    spread = float(stats.tstd(known)) * math.sqrt(1 + 1 / len(known))
    if not spread:
        return round(mean, 3), round(mean, 3)
    lo, hi = stats.t.interval(confidence, len(known) - 1, loc=mean, scale=spread)
    return round(max(0.0, float(lo)), 3), round(float(hi), 3)


def rewritten(text: str, model: Model) -> str:
    """model.toml with these numbers and sources; its comments stay. Raises ValueError for a text without one of the constants."""
    text = _put(text, r'^name = ".*"$', f'name = "{model.name}"')
    for name in CONSTANTS:
        one: Constant = getattr(model, name)
        body = rf"(^\[{name}\]\n(?:#[^\n]*\n)*)[^\[]*?(?=^\[|\Z)"
        text = _put(text, body, rf"\g<1>lo = {one.lo}\nhi = {one.hi}\nsource = {json.dumps(one.source)}\n\n")
    return text.rstrip() + "\n"


def _put(text: str, pattern: str, by: str) -> str:
    changed, times = re.subn(pattern, by, text, count=1, flags=re.MULTILINE)
    if not times:
        raise ValueError(f"model.toml has nothing like {pattern!r}")
    return changed
