"""What `knative-chaos diff` refuses before anything is made, and how it ends."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli import diff as diff_module
from harness.cli import main
from harness.errors import ExitCode
from harness.model import RULINGS, Change, Comparison, Design, Experiment
from harness.run import Compared

BUILDS = ("--base", "1.22", "--head", "1.23")


def ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *words: str) -> int:
    """The exit code of this command."""
    monkeypatch.setenv("KNATIVE_CHAOS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["knative-chaos", "diff", "--artifacts", str(tmp_path), *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("S1",), "--base"),
        (BUILDS, "SCENARIO"),
        (("--base", "1.22", "--head", "no", "S1"), "'no' is not a Knative version"),
        (("--base", "", "--head", "1.23", "S1"), "--base is empty"),
        (("--base", "1.22", "--head", " ", "S1"), "--head is empty"),
        (("--base", "path:/nowhere/at/all", "--head", "1.23", "S1"), "/nowhere/at/all"),
        ((*BUILDS, "S99"), "no scenario 'S99'"),
        ((*BUILDS, "S1", "s1"), "named twice"),
        (("--base", "1.5", "--head", "1.23", "S1"), "no expectation for Knative 1.5"),
        ((*BUILDS, "S1", "--kn-cycles", "6"), "no difference could be found"),
        ((*BUILDS, "S1", "--kn-cycles", "9"), "evenly between two clusters"),
        ((*BUILDS, "S1", "--margin", "refused-window"), "'refused-window' is not a margin"),
        ((*BUILDS, "S1", "--margin", "no-such=1"), "no reading 'no-such'"),
        ((*BUILDS, "S1", "--margin", "refused-window=nan"), "margin of refused-window is nan"),
        ((*BUILDS, "S1", "--margin", "restarts=1", "--margin", "restarts=2"), "margin of restarts is given twice"),
        ((*BUILDS, "S1", "--looks", "0"), "looks"),
        ((*BUILDS, "S1", "--seed", str(1 << 63)), "--seed"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    """It says what is wrong; neither a cluster nor an experiment is begun."""

    def never(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("something was made")

    monkeypatch.setattr(diff_module, "compare_builds", never)
    assert ended(monkeypatch, tmp_path, *words) == ExitCode.BAD_INPUT_OR_HOST
    said = capsys.readouterr().err.strip()
    assert re.match("knative-chaos: ", said)
    assert why in said
    assert "\n" not in said
    assert not list(tmp_path.glob("*-diff"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Change.SAME, ExitCode.PASS),
        (Change.BETTER, ExitCode.PASS),
        (Change.WORSE, ExitCode.REGRESSION),
        (Change.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
    ],
)
def test_the_exit_code_says_what_head_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Change, code: ExitCode
) -> None:
    """As for a run: 0, 1 or 2. What was asked for reaches the measurement."""
    asked: dict[str, Any] = {}

    def measured(ask: Any, _world: object, **more: Any) -> Compared:
        asked.update(more, ask=ask)
        design = Design("1.22", "1.23", ("S1",), 8, 2, ())
        done = Experiment("id", "S1-diff", "title", 1, 1, (), (), design=design)
        return Compared(replace(done, comparisons=(Comparison(1, 0.005, 0.05, change, ()),)), tmp_path)

    monkeypatch.setattr(diff_module, "compare_builds", measured)
    words = ("S1", "N1", "--kn-cycles", "12", "--looks", "2", "--margin", "refused-window=0.2", "--seed", "7")
    assert ended(monkeypatch, tmp_path, *BUILDS, *words) == code
    assert capsys.readouterr().out.startswith(change.upper())
    assert RULINGS[change]
    assert ([one.name for one in asked["ask"].scenarios], asked["ask"].cycles, asked["ask"].looks) == (["S1", "N1"], 12, 2)
    assert (asked["ask"].margins, asked["seed"]) == ({"refused-window": 0.2}, 7)
