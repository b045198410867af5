"""The correction for several readings: Holm's step-down procedure.

It keeps the probability of any wrong rejection below alpha whatever the dependence of the readings, which are strongly dependent
here (a longer window has more failed requests). scipy has no such procedure (`false_discovery_control` bounds another error), and
statsmodels would bring pandas for these lines. Source: Holm, A simple sequentially rejective multiple test procedure,
Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float], *, tests: int) -> tuple[float, ...]:
    """The corrected p-values, in the order given. tests: of the family; those that have no p-value are counted and never rejected.

    Raises ValueError if there are more p-values than tests.
    """
    if len(p_values) > tests:
        raise ValueError(f"{len(p_values)} p-values of {tests} tests")
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (tests - rank) * p_values[place]))
        corrected[place] = highest
    return tuple(corrected)
