"""Which of several pods a fault is injected into."""

from __future__ import annotations

from random import Random

import pytest

from harness.inject import drawn
from harness.model import FaultSpec, Pod

PODS = tuple(Pod(f"pod-{number}", f"u{number}", "", "") for number in range(3))


def test_one_of_several_is_drawn_by_the_seed() -> None:
    """The same seed draws the same pods; over many cycles each is drawn."""
    first, again = Random(7), Random(7)  # noqa: S311 - a phase, not a secret
    draws = [drawn(FaultSpec("liveness"), PODS, first) for _ in range(50)]
    assert draws == [drawn(FaultSpec("liveness"), PODS, again) for _ in range(50)]
    assert {pod.name for (pod,) in draws} == {pod.name for pod in PODS}


def test_the_first_and_the_last_are_those_of_the_activator() -> None:
    """It sorts addresses as text (throttler.go); nothing is drawn for it."""
    pods = tuple(Pod(f"pod-{end}", f"u{end}", f"10.244.0.{end}", "") for end in (9, 10, 100))
    rng = Random(1)  # noqa: S311 - a phase, not a secret
    before = rng.getstate()
    assert [pod.ip for pod in drawn(FaultSpec("liveness", pods="first"), pods, rng)] == ["10.244.0.100"]
    assert [pod.ip for pod in drawn(FaultSpec("liveness", pods="last"), pods, rng)] == ["10.244.0.9"]
    assert rng.getstate() == before


def test_all_are_hit_when_all_are_asked_for() -> None:
    """In their order."""
    assert drawn(FaultSpec("liveness", pods="all"), PODS, Random(1)) == PODS  # noqa: S311


@pytest.mark.parametrize("pods", [PODS[:1], ()])
def test_where_there_is_nothing_to_choose_nothing_is_drawn(pods: tuple[Pod, ...]) -> None:
    """So the phases of a run of one pod stay those of its seed."""
    rng, untouched = Random(1), Random(1)  # noqa: S311
    assert drawn(FaultSpec("liveness"), pods, rng) == pods
    assert rng.random() == untouched.random()


@pytest.mark.parametrize("kind", ["roll-out", "scale-down", "none"])
def test_what_is_done_to_the_workload_is_done_once(kind: str) -> None:
    """Whatever number of pods it hits."""
    assert drawn(FaultSpec(kind), PODS, Random(1)) == PODS[:1]  # noqa: S311
