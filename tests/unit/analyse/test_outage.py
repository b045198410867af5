"""Which failed requests touch no outage of the pod that failed them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analyse.outage import outside
from harness.analyse.windows import Window

PODS = ("a", "b", "other")
OUTAGES = {"a": [Window(100, 200)], "b": [Window(300, 400)]}


@pytest.mark.parametrize(
    ("pod", "sent_ns", "count"),
    [
        (0, 150, 0),
        (0, 350, 1),
        (1, 350, 0),
        (1, 150, 1),
        (2, 150, 1),
        (-1, 150, 0),
        (-1, 350, 0),
        (-1, 500, 1),
        (0, 205, 0),
        (0, 206, 1),
    ],
)
def test_an_outage_excuses_its_own_pod_and_failures_of_no_known_pod(pod: int, sent_ns: int, count: int) -> None:
    """Not those of another pod; within the tolerance."""
    sent = np.array([sent_ns])
    assert outside(sent, sent + 1, np.array([pod]), PODS, OUTAGES, 5) == count


def test_an_unknown_outage_leaves_it_open() -> None:
    """Without a failure nothing is open."""
    none = np.zeros(0, np.int64)
    assert outside(np.array([150]), np.array([151]), np.array([0]), PODS, {**OUTAGES, "b": None}, 5) is None
    assert outside(none, none, none, PODS, {**OUTAGES, "b": None}, 5) == 0
