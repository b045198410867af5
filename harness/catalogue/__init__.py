"""Scenarios as data, one file each; imports model and errors only.

The command line, pytest and every later comparison read the same entries: `SCENARIOS["S1"]` is a complete RunSpec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.catalogue.claims import broken, holds
from harness.catalogue.n1 import N1
from harness.catalogue.s1 import S1
from harness.errors import BadInput
from harness.model import RunSpec

__all__ = ["N1", "S1", "SCENARIOS", "broken", "holds", "is_catalogued", "scenario"]

SCENARIOS: Mapping[str, RunSpec] = {spec.scenario: spec for spec in (S1, N1)}


def is_catalogued(spec: RunSpec) -> bool:
    """Whether this is the catalogue's entry of that name, the number of cycles aside."""
    entry = SCENARIOS.get(spec.scenario)
    return entry is not None and replace(spec, cycles=entry.cycles) == entry


def scenario(name: str) -> RunSpec:
    """The entry of that name, upper or lower case. Raises BadInput with the names there are."""
    found = SCENARIOS.get(name.upper())
    if found is None:
        raise BadInput(f"There is no scenario {name!r}; there are: {', '.join(SCENARIOS)}.", fix="Name one of them.")
    return found
