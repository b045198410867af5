"""The table of the sweep, in Markdown. Pure: the same numbers give the same text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.bench.page import NONE, table
from tests.bench.restarts.intervals import Summed, cell
from tests.bench.sweep.design import Configuration
from tests.bench.sweep.setting import Setting

HEAD = (
    "configuration",
    "liveness",
    "readiness",
    "D, s",
    "SIGTERM",
    "startup probe",
    "pods",
    "cycles",
    "refused requests",
    "refused for, s",
    "otherwise failed",
    "added latency, sum, s",
    "slowest, s",
    "not Ready, s",
)


def markdown(configurations: Iterable[Configuration], found: Mapping[str, Summed]) -> str:
    """A row for each configuration that was measured, by its number of refused requests. Empty: none was."""
    return table(HEAD, [_row(one, found[one.name]) for one in ranked(configurations, found)])


def ranked(configurations: Iterable[Configuration], found: Mapping[str, Summed]) -> list[Configuration]:
    """Those that were measured, the one that refuses fewest requests first; of equal ones the one that makes them wait least."""
    measured = [one for one in configurations if one.name in found]
    return sorted(measured, key=lambda one: (found[one.name].refused.mean, found[one.name].waited_sum_s.mean, one.name))


def _row(one: Configuration, costs: Summed) -> tuple[str, ...]:
    setting = one.setting
    return (
        short(one.name) + (" (held back)" if one.part == "check" else ""),
        f"{setting.liveness_period_s}/{setting.liveness_threshold}",
        readiness(setting),
        f"{setting.boot_s:g}",
        setting.sigterm,
        "yes" if setting.startup else "no",
        str(setting.pods),
        str(costs.cycles),
        cell(costs.refused, 0),
        cell(costs.refused_s, 2),
        cell(costs.failed_otherwise, 0),
        cell(costs.waited_sum_s, 0),
        cell(costs.waited_max_s, 1),
        NONE if costs.not_ready_s is None else cell(costs.not_ready_s, 1),
    )


def short(name: str) -> str:
    """Of a configuration's scenario: "F01"."""
    return name.removeprefix("SWEEP-")


def readiness(setting: Setting) -> str:
    """Check, period and threshold."""
    if setting.readiness == "none":
        return "none"
    return f"{setting.readiness} {setting.readiness_period_s}/{setting.readiness_threshold}"
