"""`bundle`, `unbundle` and `export`, as a user types them."""

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
    for name in ("expected.json", "core.1", "core.2", "notes.txt", "summary.json"):
        (tmp_path / "run" / name).write_text("{}", encoding="utf-8")
    code, said, _ = chaos("bundle", "run")
    (made,) = tmp_path.glob("S1-*.zip")
    assert code == ExitCode.PASS
    assert said.startswith(f"{made.name}: ")
    assert said.splitlines()[-1] == "left out, as they are none of a run's: 4 (core.1, core.2, expected.json, ...)"
    code, said, _ = chaos("unbundle", made.name)
    assert code == ExitCode.PASS
    assert said == f"artifacts/bundles/{made.stem}/run\n"
    code, said, _ = chaos("analyze", said.strip())
    assert code == ExitCode.PASS
    assert said.startswith("REPRODUCED knative/serving #14980 in 5 of 5 cycles")
    code, _, complaint = chaos("unbundle", made.name)
    assert code == ExitCode.BAD_INPUT_OR_HOST
    assert "already there" in complaint


def test_an_export_is_written_below_artifacts(tmp_path: Path, chaos: object) -> None:
    """Which git ignores."""
    assert callable(chaos)
    code, said, _ = chaos("export", "S1", "--kn-version", "1.23")
    assert (code, said.splitlines()[0]) == (ExitCode.PASS, "artifacts/export/s1-knative-1.23.0/service.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["artifacts"]


@pytest.mark.parametrize("words", [("bundle", "gone"), ("unbundle", "gone"), ("bundle", "."), ("unbundle", ".")])
def test_bad_input(chaos: object, words: tuple[str, ...]) -> None:
    """One line, exit code 3."""
    assert callable(chaos)
    code, said, complaint = chaos(*words)
    assert (code, said) == (ExitCode.BAD_INPUT_OR_HOST, "")
    assert complaint.startswith("knative-chaos: ")
    assert complaint.count("\n") == 1
