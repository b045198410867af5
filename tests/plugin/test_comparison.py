"""What the `compare` fixture notes of an experiment on its test."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import fixtures.comparison
import harness.run.experiment
from fixtures.comparison import Comparison
from harness.adapters.progress import QUIET
from harness.catalogue import N1
from harness.model import Ruling, Scenario, Stack
from harness.run import Run, Side, World, analyse_again
from harness.run.session import Place

RECORDING = Path(__file__).parents[1] / "data" / "n1-knative-1.23"


@pytest.fixture
def kn_progress() -> object:
    """Nothing is said."""
    return QUIET


def test_every_run_of_an_experiment_is_noted(
    compare: Comparison, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With its verdict and its directory, as those of runs by themselves; the arms are ruled."""
    monkeypatch.chdir(tmp_path)  # artifacts is a relative path
    stack = Stack("1.23.0", "module", "v1.34.4", "", "", (), ())
    on = cast("World", SimpleNamespace(stack=SimpleNamespace(stack=stack), progress=QUIET))

    def measured(_scenario: Scenario, _world: World, *, place: Place, **_kwargs: object) -> Run:
        return analyse_again(Path(shutil.copytree(RECORDING, place.directory)))

    monkeypatch.setattr(harness.run.experiment, "measure", measured)
    monkeypatch.setattr(fixtures.comparison, "worlds", lambda sides, *_args, **_kwargs: [(side, on) for side in sides])
    done = compare("noted", [Side("a", N1), Side("b", N1)])
    noted = dict(request.node.user_properties)
    request.node.user_properties.clear()  # nothing was measured: the session has no verdict to show
    assert done.experiment.ruling is Ruling.PASS
    assert {key: value for key, value in noted.items() if key.endswith("verdict")} == {
        f"noted.{arm}-{number}.verdict": "pass" for arm in "ab" for number in (1, 2)
    }
    assert noted["noted.a-1.run"] == str(done.directory / "a-1")
