"""Scenarios as data, one file each; imports model and errors only.

The command line, pytest and every later comparison read the same entries; `resolve(S1, version)` is a complete RunSpec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.catalogue.claims import broken, broken_on, claim, holds, holds_on
from harness.catalogue.n1 import N1
from harness.catalogue.resolve import resolve
from harness.catalogue.s1 import S1
from harness.errors import BadInput
from harness.model import Scenario

__all__ = [
    "N1",
    "S1",
    "SCENARIOS",
    "broken",
    "broken_on",
    "claim",
    "holds",
    "holds_on",
    "is_catalogued",
    "resolve",
    "scenario",
]

SCENARIOS: Mapping[str, Scenario] = {entry.name: entry for entry in (S1, N1)}


def is_catalogued(asked: Scenario) -> bool:
    """Whether this is the catalogue's entry of that name, the number of cycles aside."""
    entry = SCENARIOS.get(asked.name)
    return entry is not None and replace(asked, cycles=entry.cycles) == entry


def scenario(name: str) -> Scenario:
    """The entry of that name, upper or lower case. Raises BadInput with the names there are."""
    found = SCENARIOS.get(name.upper())
    if found is None:
        raise BadInput(f"There is no scenario {name!r}; there are: {', '.join(SCENARIOS)}.", fix="Name one of them.")
    return found
