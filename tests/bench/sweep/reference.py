"""The reference's formula of the window, against which the fitted model is held. Pure.

W = min(exit tail + create 0.3 to 2 s + D, T_detect + T_prop), T_detect = (F-1) P to F P + 1 s of the readiness probe
(20 to 31 s of Knative's own), T_prop 0.1 to 1 s. It knows neither startup probes nor queue-proxy's drain.
"""

from __future__ import annotations

from tests.bench.sweep.setting import DRAIN_S, Setting

CREATE_S, PROPAGATION_S, SLACK_S = (0.3, 2.0), (0.1, 1.0), 1.0
KNATIVES_OWN = (10, 3)
"""Period and threshold of queue-proxy's readiness where none is written."""


def by_the_formula(setting: Setting) -> tuple[float, float]:
    """[least, most] seconds for which requests are refused."""
    tail_s = setting.grace_s - DRAIN_S if setting.sigterm == "ignore-close" else 0.0
    open_s = [tail_s + one + setting.boot_s for one in CREATE_S]
    period_s, threshold = readiness_of(setting)
    detected_s = (threshold - 1) * period_s, threshold * period_s + SLACK_S
    least, most = (min(pair) for pair in zip(open_s, map(sum, zip(detected_s, PROPAGATION_S, strict=True)), strict=True))
    return least, most


def readiness_of(setting: Setting) -> tuple[int, int]:
    """Period and threshold by which the kubelet asks queue-proxy."""
    if setting.readiness == "none":
        return KNATIVES_OWN
    return setting.readiness_period_s, setting.readiness_threshold
