"""Scenarios as data, one file each; imports model and errors only.

The command line, pytest and every later comparison read the same entries: `SCENARIOS["S1"]` is a complete RunSpec.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.catalogue.claims import broken, holds
from harness.catalogue.n1 import N1
from harness.catalogue.s1 import S1
from harness.errors import BadInput
from harness.model import RunSpec

__all__ = ["N1", "S1", "SCENARIOS", "broken", "holds", "scenario"]

SCENARIOS: Mapping[str, RunSpec] = {spec.scenario: spec for spec in (S1, N1)}


def scenario(name: str) -> RunSpec:
    """The entry of that name, upper or lower case. Raises BadInput with the names there are."""
    found = SCENARIOS.get(name.upper())
    if found is None:
        raise BadInput(f"There is no scenario {name!r}; there are: {', '.join(SCENARIOS)}.", fix="Name one of them.")
    return found
