"""A run directory as evidence: the signatures of bugs that need measured load, on recorded runs of 1.23."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.catalogue.bugs import BUGS, decide
from harness.model import BugState, Decided, Seen
from harness.run.examine import seen_in

DATA = Path(__file__).parents[1] / "data"


def run_of(name: str, tmp_path: Path) -> Seen:
    """What the recording shows; it is analysed in a copy, for that writes a report."""
    return seen_in(shutil.copytree(DATA / name, tmp_path / name))


def test_a_run_of_s1_on_1_23(tmp_path: Path) -> None:
    """Five restarts: #14980 is there, queue-proxy did not panic, and nothing of it looks like a drain that goes on."""
    seen = run_of("s1-knative-1.23", tmp_path)
    assert decide(BUGS["B1"], seen).state is BugState.PRESENT
    assert BUGS["B4"].signature(seen).state is not BugState.PRESENT
    assert BUGS["B2"].signature(seen).state is BugState.ABSENT
    raced = decide(BUGS["B5"], seen)
    assert (raced.state, raced.attempts) == (BugState.ABSENT, 5)
    assert raced.upper == pytest.approx(0.5218, abs=1e-4)


def test_a_run_that_was_given_up_decides_nothing_by_itself(tmp_path: Path) -> None:
    """Nor does it show B4: it was given up for another reason. A masker that is present on the stack masks it."""
    seen = run_of("given-up", tmp_path)
    assert BUGS["B4"].signature(seen).state is not BugState.PRESENT
    found = BUGS["B5"].signature(seen)
    assert found.state is BugState.INCONCLUSIVE
    assert decide(BUGS["B5"], seen, {"B4": Decided(BugState.PRESENT, "drains")}).masked_by == "B4"
