"""What the `experiment` fixture notes of a run on its test, for a CI to read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import fixtures.experiment
from fixtures.again import by_the_machine
from fixtures.experiment import Experiment
from harness.adapters.progress import QUIET
from harness.catalogue import N1
from harness.judge.algebra import rule
from harness.model import KnativeVersion, Reason, ReasonKind, RunSpec, Verdict
from harness.run import Run, analyse_again

RECORDING = Path(__file__).parents[1] / "data" / "n1-knative-1.23"
LATE = Reason("4 of 5 cycles count (cycle 0: pacing p99 9000 us > 5000 us)", ReasonKind.MACHINE)


@pytest.fixture
def world() -> object:
    """Nothing is measured here."""
    return SimpleNamespace(progress=QUIET)


@pytest.mark.parametrize(
    ("spoilt", "excused"),
    [
        (lambda verdict: rule([LATE], verdict.claims), True),
        (lambda verdict: rule([LATE, "a gap"], verdict.claims), False),
        (lambda verdict: verdict, False),
    ],
    ids=["the machine", "a gap too", "pass"],
)
def test_a_run_that_the_machine_alone_made_inconclusive_is_noted(
    experiment: Experiment,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    spoilt: Callable[[Verdict], Verdict],
    *,
    excused: bool,
) -> None:
    """A test that fails for such a run may be run once more; for any other it may not."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    run = analyse_again(Path(shutil.copytree(RECORDING, tmp_path / "run")))

    def measured(*_args: object, **_kwargs: object) -> Run:
        return replace(run, verdict=spoilt(run.verdict))

    monkeypatch.setattr(fixtures.experiment, "measure", measured)
    experiment(N1)
    noted = list(request.node.user_properties)
    request.node.user_properties.clear()  # nothing was measured: the session has no verdict to show
    assert by_the_machine(noted) is excused
    assert dict(noted)["N1.verdict"] == ("pass" if run.verdict.ruling is spoilt(run.verdict).ruling else "inconclusive")


@pytest.mark.parametrize("resumes", [True, False])
def test_a_run_that_is_stored_takes_the_place_of_measuring_again(
    experiment: Experiment,
    request: pytest.FixtureRequest,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    resumes: bool,
) -> None:
    """With --kn-resume alone, and its verdict is the test's; a scenario that has no stored run is measured."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    run = analyse_again(Path(shutil.copytree(RECORDING, tmp_path / "run")))
    measured: list[str] = []

    def measure(*_args: object, **_kwargs: object) -> Run:
        measured.append("measured")
        return run

    def before(_artifacts: Path, spec: RunSpec, _version: KnativeVersion) -> Run | None:
        return run if spec.scenario == "N1" else None

    monkeypatch.setattr(fixtures.experiment, "measure", measure)
    monkeypatch.setattr(fixtures.experiment, "measured_before", before)
    monkeypatch.setattr(pytestconfig.option, "kn_resume", resumes)
    assert experiment(N1) is run
    noted = dict(request.node.user_properties)
    request.node.user_properties.clear()
    assert noted["N1.verdict"] == run.verdict.ruling.value
    assert measured == ([] if resumes else ["measured"])
    experiment(N1, name="mine", claims=N1.claims[:1])
    request.node.user_properties.clear()
    assert measured[-1:] == ["measured"]
