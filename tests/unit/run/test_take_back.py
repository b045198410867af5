"""A fault that lasts does not outlive its cycle, whatever ended the course."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import inject
from harness.adapters.progress import QUIET
from harness.errors import FaultError
from harness.model import CycleMark, FaultSpec, Pod, Probe, ServiceSpec
from harness.run.cycle import Cycle

POD = Pod("pod", "uid", "10.0.0.1", "node", "boot")


def cut_short(*unlifted: FaultSpec) -> Cycle:
    """A cycle whose course ended before these faults were lifted."""
    cycle = cast("Any", Cycle.__new__(Cycle))
    service = ServiceSpec(liveness=Probe(), readiness=Probe(path="/readyz"))
    cycle.bench = SimpleNamespace(handle="handle", progress=QUIET)
    cycle.spec = SimpleNamespace(service=service)
    cycle.deployed, cycle.mark = "deployed", CycleMark(0, "pod", "boot", 0, 0, 0, 0, 0, 0)
    cycle.unlifted = [(POD, fault) for fault in unlifted]
    return cast("Cycle", cycle)


@pytest.fixture
def taken_back(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The faults that were taken back; the readiness one answers with an error."""
    done: list[str] = []

    def take_back(_handle: object, _deployed: object, _pod: Pod, fault: FaultSpec) -> None:
        done.append(fault.kind)
        if fault.kind == "readiness":
            raise FaultError("planted: the app does not answer")

    monkeypatch.setattr(inject, "take_back", take_back)
    return done


def test_what_lasts_is_taken_back_and_what_ends_by_itself_is_not(taken_back: list[str]) -> None:
    """Each once, the second one too; an app that does not answer keeps nothing from being taken back after it."""
    cycle = cut_short(FaultSpec("readiness"), FaultSpec("liveness"), FaultSpec("readiness"))
    cycle._take_back_what_was_not_lifted()
    assert taken_back == ["readiness", "readiness"]
    cycle._take_back_what_was_not_lifted()
    assert taken_back == ["readiness", "readiness"]
