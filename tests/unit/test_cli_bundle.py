"""`bundle` and `unbundle`, as a user types them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ExitCode

RECORDED = Path(__file__).parents[1] / "data" / "s1-knative-1.23"


@pytest.fixture
def chaos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> object:
    """The command in an empty directory: (exit code, output, complaint)."""
    monkeypatch.chdir(tmp_path)

    def called(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["knative-chaos", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return called


def test_there_and_back(tmp_path: Path, chaos: object) -> None:
    """The run directory that is printed can be analysed as it is."""
    assert callable(chaos)
    shutil.copytree(RECORDED, tmp_path / "run")
    code, said, _ = chaos("bundle", "run")
    (made,) = tmp_path.glob("S1-*.zip")
    assert code == ExitCode.PASS
    assert said.startswith(f"{made.name}: ")
    code, said, _ = chaos("unbundle", made.name)
    assert code == ExitCode.PASS
    assert said == f"artifacts/bundles/{made.stem}/run\n"
    code, said, _ = chaos("analyze", said.strip())
    assert code == ExitCode.PASS
    assert said.startswith("REPRODUCED knative/serving #14980 in 5 of 5 cycles")
    code, _, complaint = chaos("unbundle", made.name)
    assert code == ExitCode.BAD_INPUT_OR_HOST
    assert "already there" in complaint


@pytest.mark.parametrize("words", [("bundle", "gone"), ("unbundle", "gone"), ("bundle", "."), ("unbundle", ".")])
def test_bad_input(chaos: object, words: tuple[str, ...]) -> None:
    """One line, exit code 3."""
    assert callable(chaos)
    code, said, complaint = chaos(*words)
    assert (code, said) == (ExitCode.BAD_INPUT_OR_HOST, "")
    assert complaint.startswith("knative-chaos: ")
    assert complaint.count("\n") == 1
