"""Whether a scenario is measured already, and which stored run the index shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.history import read_meta
from harness.model import KnativeVersion, RunSpec
from harness.run import stored
from harness.run.stored import entries, measured_before

RECORDING = Path(__file__).parents[2] / "data" / "n1-knative-1.23"
VERSION = KnativeVersion.parse("1.23")
SPEC = read_meta(RECORDING).spec
HEAD = json.loads((RECORDING / "run.json").read_text(encoding="utf-8"))


def run(artifacts: Path, name: str, change: Callable[[dict[str, Any]], object] = lambda _meta: None, verdict: str = "pass") -> Path:
    """A stored run of N1: its head, changed, and a summary with its name as its id."""
    directory = artifacts / "N1" / name
    directory.mkdir(parents=True)
    head = json.loads(json.dumps(HEAD))
    change(head["meta"])
    (directory / "run.json").write_text(json.dumps(head), encoding="utf-8")
    (directory / "summary.json").write_text(json.dumps({"run_id": name, "verdict": verdict}), encoding="utf-8")
    return directory


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the runs that the machine alone made inconclusive. Nothing is analysed here."""
    names: set[str] = set()

    def analysed(directory: Path) -> object:
        return SimpleNamespace(directory=directory, verdict=SimpleNamespace(machine_alone=directory.name in names))

    monkeypatch.setattr(stored, "analyse_again", analysed)
    return names


def found(artifacts: Path, spec: RunSpec = SPEC) -> str:
    """The name of the run that is taken in place of measuring again, "" for none."""
    before = measured_before(artifacts, spec, VERSION)
    return before.directory.name if before else ""


def test_the_newest_complete_run_is_taken(tmp_path: Path, alone: set[str]) -> None:
    """One that was interrupted, or that a busy machine kept from being decided, is measured again."""
    assert found(tmp_path) == ""
    for name in ("2026-a", "2026-b"):
        run(tmp_path, name)
    run(tmp_path, "2026-c", lambda meta: meta.update(interrupted="KeyboardInterrupt"))
    run(tmp_path, "2026-d")
    (tmp_path / "N1" / "2026-e").mkdir()
    (tmp_path / "N1" / "2026-e" / "run.json").write_text("{", encoding="utf-8")
    alone.add("2026-d")
    assert found(tmp_path) == "2026-b"


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: meta["spec"]["claims"][0].update(source="another prediction"),
        lambda meta: meta["spec"].update(cycles=1),
        lambda meta: meta["spec"]["load"].update(rate_rps=20.0),
        lambda meta: meta["host"].update(planted="inject"),
        lambda meta: meta["host"].update(manifest="the user's own"),
        lambda meta: meta["versions"].update(knative="1.22.0 (module v0.49.0)"),
        lambda meta: meta["versions"].update(knative="1.23.0 (module v0.50.0), queue-proxy holding: files 8ab4"),
        lambda meta: meta["versions"].update(knative="1.23.0 (checkout serving: commit 3f2a)"),
    ],
    ids=["claims", "cycles", "load", "planted", "manifest", "version", "queue-proxy", "checkout"],
)
def test_a_run_of_something_else_is_not_taken(tmp_path: Path, alone: set[str], change: Callable[[dict[str, Any]], object]) -> None:
    """Another prediction, procedure, program or version."""
    assert alone == set()
    run(tmp_path, "2026-a", change)
    assert found(tmp_path) == ""


def test_the_index_shows_the_newest_run_with_these_claims(tmp_path: Path) -> None:
    """A whole one before a shorter one, and either before one with an earlier prediction, however new that is."""

    def shown() -> tuple[str, bool]:
        (entry,) = entries(tmp_path, [SPEC], VERSION)
        return (entry.summary["run_id"] if entry.summary else "", entry.current)

    assert shown() == ("", False)
    run(tmp_path, "2026-e", lambda meta: meta["spec"]["claims"][0].update(source="another prediction"))
    assert shown() == ("2026-e", False)
    run(tmp_path, "2026-b", lambda meta: meta["spec"].update(cycles=1))
    assert shown() == ("2026-b", True)
    run(tmp_path, "2026-a")
    assert shown() == ("2026-a", True)
    run(tmp_path, "2026-c", lambda meta: meta["versions"].update(knative="1.22.0 (module v0.49.0)"))
    run(tmp_path, "2026-d", lambda meta: meta.update(interrupted="KeyboardInterrupt"))
    assert shown() == ("2026-a", True)
    (tmp_path / "N1" / "2026-a" / "summary.json").write_text("{", encoding="utf-8")
    assert shown() == ("2026-b", True)


def test_the_number_of_replacements_is_the_one_a_run_begins_with(tmp_path: Path, alone: set[str]) -> None:
    """The catalogue leaves it open, a run records it."""
    run(tmp_path, "2026-a", lambda meta: meta["spec"].update(max_replacements=replace(SPEC, max_replacements=None).replacements))
    assert alone == set()
    assert found(tmp_path, replace(SPEC, max_replacements=None)) == "2026-a"
