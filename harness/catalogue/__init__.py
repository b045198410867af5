"""Scenarios as data, one file each; imports model and errors only.

The command line, pytest and every later comparison read the same entries; `resolve(S1, version)` is a complete RunSpec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.catalogue.claims import broken, broken_on, claim, holds, holds_on, within
from harness.catalogue.n1 import N1
from harness.catalogue.n2 import N2
from harness.catalogue.n3 import N3
from harness.catalogue.n4 import N4A, N4B, N4C, N4D
from harness.catalogue.n5 import N5
from harness.catalogue.resolve import resolve
from harness.catalogue.s1 import S1
from harness.catalogue.s1b import S1B
from harness.catalogue.s2 import S2
from harness.catalogue.s3 import S3
from harness.catalogue.s5 import S5, S5B
from harness.catalogue.s6 import S6
from harness.catalogue.s7 import S7
from harness.catalogue.s8 import S8, S8B
from harness.catalogue.s9 import S9
from harness.catalogue.s10 import S10
from harness.catalogue.s11 import S11, S11B, S11C
from harness.catalogue.s12 import S12
from harness.catalogue.s13 import S13, S13B, S14A, S14B
from harness.catalogue.s15 import S15
from harness.catalogue.s16 import S16A, S16B
from harness.catalogue.s17 import S17A, S17B
from harness.catalogue.s18 import S18A, S18B
from harness.catalogue.s20 import S20, S20B
from harness.catalogue.s21 import S21
from harness.catalogue.s22 import S22
from harness.catalogue.s23 import S23
from harness.catalogue.s24 import S24, S24B
from harness.catalogue.s25 import S25, S26, S26B, S27
from harness.catalogue.s28 import S28A, S28B, S28C, S28D, S28E, S28F
from harness.catalogue.s29 import S29
from harness.catalogue.s30 import S30A, S30B, S30C
from harness.catalogue.s31 import S31
from harness.catalogue.s32 import S32
from harness.catalogue.s33 import S33A, S33B
from harness.catalogue.s34 import S34
from harness.catalogue.s35 import S35A, S35B, S35C
from harness.errors import BadInput
from harness.model import Scenario

__all__ = [
    "N1",
    "N2",
    "N3",
    "N4A",
    "N4B",
    "N4C",
    "N4D",
    "N5",
    "S1",
    "S1B",
    "S2",
    "S3",
    "S5",
    "S5B",
    "S6",
    "S7",
    "S8",
    "S8B",
    "S9",
    "S10",
    "S11",
    "S11B",
    "S11C",
    "S12",
    "S13",
    "S13B",
    "S14A",
    "S14B",
    "S15",
    "S16A",
    "S16B",
    "S17A",
    "S17B",
    "S18A",
    "S18B",
    "S20",
    "S20B",
    "S21",
    "S22",
    "S23",
    "S24",
    "S24B",
    "S25",
    "S26",
    "S26B",
    "S27",
    "S28A",
    "S28B",
    "S28C",
    "S28D",
    "S28E",
    "S28F",
    "S29",
    "S30A",
    "S30B",
    "S30C",
    "S31",
    "S32",
    "S33A",
    "S33B",
    "S34",
    "S35A",
    "S35B",
    "S35C",
    "SCENARIOS",
    "broken",
    "broken_on",
    "claim",
    "holds",
    "holds_on",
    "is_catalogued",
    "resolve",
    "scenario",
    "within",
]

_LISTED = (
    S1,
    N1,
    S2,
    S6,
    S7,
    S12,
    S15,
    S20,
    S23,
    S28A,
    S28B,
    S28C,
    S28D,
    S28E,
    S28F,
    S30A,
    S30B,
    S31,
    S34,
    N2,
    N4A,
    N4B,
    N5,
    S1B,
    S20B,
    S24B,
    S29,
    S30C,
    S10,
    S17A,
    S17B,
    S25,
    S26,
    S26B,
    S27,
    S35A,
    S35B,
    S35C,
    S3,
    S5,
    S5B,
    S8,
    S8B,
    S9,
    S11,
    S11B,
    S11C,
    S13,
    S14A,
    S14B,
    S16A,
    S16B,
    S18A,
    S18B,
    S24,
    N3,
    N4C,
    N4D,
    S13B,
    S21,
    S32,
    S33A,
    S33B,
    S22,
)

SCENARIOS: Mapping[str, Scenario] = {entry.name: entry for entry in _LISTED}


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
