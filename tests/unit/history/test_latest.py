"""`artifacts/latest/SCENARIO` where nothing was measured yet, as in a fresh clone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HistoryError
from harness.history import read
from harness.history.latest import never_measured
from harness.history.query import find


@pytest.mark.parametrize("asked", [read, lambda place: find([place])], ids=["read", "query"])
def test_a_scenario_that_was_never_measured_is_said_to_be_one(tmp_path: Path, asked: Callable[[Path], object]) -> None:
    """With two ways to get a run."""
    with pytest.raises(HistoryError, match=r"No run of S1 was measured here yet\.") as told:
        asked(tmp_path / "artifacts" / "latest" / "S1")
    assert "knative-chaos run SCENARIO" in told.value.fix
    assert "make demo" in told.value.fix


def test_any_other_place_is_not(tmp_path: Path) -> None:
    """One that is there, one whose run was removed, one of another name."""
    (tmp_path / "latest" / "S1").mkdir(parents=True)
    (tmp_path / "latest" / "S2").symlink_to("../S2/gone")
    assert [never_measured(tmp_path / place) for place in ("latest/S1", "latest/S2", "S3")] == [None] * 3
