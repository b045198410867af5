"""What a watch that was not resumed may have missed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.knative import missed
from harness.knative.missed import Lost
from harness.knative.times import SECOND_NS, rfc3339_ns
from harness.model import NOBODY

READY = "2026-11-23T21:00:00Z"
SINCE = rfc3339_ns(READY) + 10 * SECOND_NS


def pod(version: int, *, ready: str = "True", at: str = READY, restarts: int = 0, **meta: Any) -> dict[str, Any]:
    """A pod of one container."""
    return {
        "metadata": {"name": "p", "resourceVersion": str(version), **meta},
        "status": {
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": at}],
            "containerStatuses": [{"name": "c", "restartCount": restarts}],
        },
    }


@pytest.mark.parametrize("now", [pod(1), pod(2), pod(2, restarts=1)], ids=["untouched", "touched", "restarted once"])
def test_a_pod_whose_state_tells_everything_has_lost_nothing(now: dict[str, Any]) -> None:
    """Ready since before, and what one restart left is in its status."""
    assert missed.pod(pod(1), now, SINCE) is None


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (None, pod(1), "new"),
        (pod(1), None, "gone"),
        (pod(1), pod(2, ready="False", at="2026-11-23T21:00:20Z"), "Ready condition"),
        (pod(1), pod(2, at="2026-11-23T21:00:20Z"), "Ready condition"),
        (pod(1), pod(2, restarts=2), "more than once"),
        (pod(1), pod(2, deletionTimestamp=READY), "being deleted"),
        (pod(1, at=""), pod(2, at=""), "cannot be told"),
    ],
)
def test_a_pod_that_may_have_changed_twice_is_named(before: dict[str, Any] | None, now: dict[str, Any] | None, why: str) -> None:
    """Un-Ready and Ready again leaves a later time; two restarts leave the log of one."""
    lost = missed.pod(before, now, SINCE)
    assert lost is not None
    assert lost.pod == "p"
    assert why in lost.why


def test_a_pod_that_became_ready_within_the_last_second_may_have_flipped_unseen() -> None:
    """Its times are whole seconds."""
    assert missed.pod(pod(1), pod(2), rfc3339_ns(READY) + SECOND_NS - 1) is not None
    assert missed.pod(pod(1), pod(2), rfc3339_ns(READY) + SECOND_NS) is None


def test_a_slice_that_was_touched_may_have_lost_anything() -> None:
    """Its endpoints keep no times; whose they were is not known."""
    one, two = ({"metadata": {"name": "s", "resourceVersion": version}} for version in "12")
    assert missed.endpoint_slice(one, dict(one), SINCE) is None
    for before, now in ((one, two), (None, one), (one, None)):
        assert missed.endpoint_slice(before, now, SINCE) == Lost("", "the slice s has changed")


def happened(count: int | None, *, series: int = 0, kind: str = "Pod") -> dict[str, Any]:
    """An event."""
    more = {"series": {"count": series}} if series else {}
    return {"reason": "Unhealthy", "count": count, "involvedObject": {"kind": kind, "name": "p"}, **more}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, happened(1)),
        (None, happened(2)),
        (None, happened(None)),
        (happened(3), happened(4)),
        (happened(3), happened(3)),
        (happened(3), None),
        (None, happened(None, series=2)),
    ],
)
def test_an_event_that_keeps_every_time_has_lost_nothing(before: dict[str, Any] | None, now: dict[str, Any] | None) -> None:
    """It has the first and the last; one that expires was known."""
    assert missed.event(before, now, SINCE) is None


def test_repetitions_without_their_times_are_lost() -> None:
    """Of a pod, or of something the pods' evidence does not rest on."""
    assert missed.event(happened(3), happened(6), SINCE) == Lost("p", "2 repetitions of Unhealthy have lost their times")
    assert missed.event(None, happened(None, series=4), SINCE) == Lost("p", "2 repetitions of Unhealthy have lost their times")
    assert missed.event(None, happened(9, kind="Revision"), SINCE) == Lost(
        NOBODY, "7 repetitions of Unhealthy have lost their times"
    )
