"""What is compared: the claims of a scenario, and these numbers, each with its margin.

A margin is the largest difference that does not matter. It is fixed before the first block. The default is half a second: the
restart of a container takes 0.24 to 0.52 s by itself (docs/predictions.md, S2), so that a smaller difference says nothing about a
build. For a number of requests it is the number that is sent in half a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.errors import BadInput
from harness.model import Planned, RunSpec

MARGIN_S = 0.5

SHARE_MARGIN = 0.4
"""Eight cycles an arm that all agree bound the difference of the shares at 0.37 (`scipy.stats.binomtest`, 95 %)."""

SHARE = "share of cycles"


@dataclass(frozen=True, slots=True)
class Compared:
    """unit: of the number. margin: in that unit; None: as many requests as are sent in MARGIN_S. of_answers: only the requests
    that were answered well have this number, so that it can be compared only where as many failed.
    """

    unit: str
    margin: float | None
    of_answers: bool = False
    less_is_better: bool = True


FAILED = "failed-requests"

READINGS: Mapping[str, Compared] = MappingProxyType(
    {
        FAILED: Compared("requests", None),
        "failed-or-slow": Compared("requests", None),
        "refused-window": Compared("s", MARGIN_S),
        "restarts": Compared("restarts", 0.5),
        "slowest-answer": Compared("s", MARGIN_S, of_answers=True),
        "p99-answer": Compared("s", MARGIN_S, of_answers=True),
        "median-answer": Compared("s", 0.05, of_answers=True),
    }
)
"""The numbers of `harness.judge.numbers` that are compared in every scenario. Less is better in each of them."""


def planned(specs: tuple[RunSpec, ...], margins: Mapping[str, float] | None = None) -> tuple[Planned, ...]:
    """What is compared of these scenarios: each claim about cycles, then each number.

    specs: of the base arms. margins: instead of the defaults, by reading. A claim about bounds is not compared: its number is.
    Raises BadInput for a margin that is not positive, or of a reading that there is not.
    """
    wanted = dict(margins or {})
    found: list[Planned] = []
    for spec in specs:
        found += [
            Planned(spec.scenario, claim.id, SHARE, float(wanted.get(claim.id, SHARE_MARGIN)), share=True)
            for claim in spec.claims
            if claim.bounds is None
        ]
        for name, one in READINGS.items():
            default = MARGIN_S * spec.load.rate_rps if one.margin is None else one.margin
            found.append(
                Planned(
                    spec.scenario,
                    name,
                    one.unit,
                    float(wanted.get(name, default)),
                    less_is_better=one.less_is_better,
                    only_if_same=FAILED if one.of_answers else "",
                )
            )
    known = {one.reading for one in found}
    for name, margin in wanted.items():
        if name not in known:
            raise BadInput(f"There is no reading {name!r} to give a margin.", fix=f"Use one of: {', '.join(sorted(known))}.")
        if not 0 < margin < float("inf"):
            raise BadInput(f"The margin of {name} is {margin:g}.", fix="Give a number above 0.")
        if margin >= 1 and any(one.share for one in found if one.reading == name):
            raise BadInput(f"The margin of {name} is {margin:g}, and no shares differ by more than 1.", fix="Give one below 1.")
    return tuple(found)
