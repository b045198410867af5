"""When, within a probe's period, a fault is put in."""

from __future__ import annotations

from random import Random

from harness.errors import BadInput


def random_phase(period_s: float, rng: Random) -> float:
    """Seconds to let pass before the fault, uniform over [0, period_s).

    A fixed moment would always meet the kubelet's probe at the same place, and the time to detection would look sharper than it
    is. rng: the scenario's own, its seed recorded, so that a run can be repeated. Raises BadInput unless the period is positive.
    """
    if not 0 < period_s < float("inf"):
        raise BadInput(f"A probe period of {period_s} s has no phase.", fix="Give the probe a period of 1 s or more.")
    return rng.random() * period_s
