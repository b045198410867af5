"""The numbers of the advice: the constants of the window model, and what was measured of each scenario."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

PLACE = Path(__file__).parent
MODEL = PLACE / "model.toml"
MEASURED = PLACE / "measured.toml"


@dataclass(frozen=True, slots=True)
class Constant:
    """An interval of seconds in which a step of a restart lies. source: the runs in which it was measured. Raises ValueError."""

    lo: float
    hi: float
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.lo <= self.hi:
            raise ValueError(f"from {self.lo} to {self.hi} s is no interval of time")


@dataclass(frozen=True, slots=True)
class Model:
    """The constants of `harness.advise.window`; model.toml says what each of them is."""

    name: str
    decision: Constant
    pre_stop: Constant
    restart: Constant
    propagation: Constant
    restart_noticed: Constant
    back: Constant


CONSTANTS = tuple(name for name in Model.__dataclass_fields__ if name != "name")
"""Names of those of a Model."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a scenario showed. run: id of its run in docs/findings.md. saw: in words, of one restart or fault."""

    run: str
    cycles: int
    saw: str


@cache
def model(path: Path = MODEL) -> Model:
    """The constants of a file. Raises msgspec.ValidationError for one that lacks a constant or has another."""
    return msgspec.convert(_known(tomllib.loads(path.read_text(encoding="utf-8"))), Model)


@cache
def measured(path: Path = MEASURED) -> Mapping[str, Measured]:
    """By name of the scenario. Raises msgspec.ValidationError."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, Measured])


def _known(table: dict[str, object]) -> dict[str, object]:
    if strange := sorted(set(table) - set(Model.__dataclass_fields__)):
        raise msgspec.ValidationError(f"the model has no constant {strange[0]}")
    return table
