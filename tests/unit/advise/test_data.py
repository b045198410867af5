"""The files of numbers: each names where it comes from, and a damaged one is noticed."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from harness.advise.data import MODEL, Model, measured, model
from harness.advise.rules import RULES
from harness.catalogue import SCENARIOS

FINDINGS = (Path(__file__).parents[3] / "docs" / "findings.md").read_text(encoding="utf-8")
OPTIONS = frozenset({"S6", "S10", "S12", "S17B", "S23", "S24B", "S26", "S35C"})
"""Of the changes (harness/advise/rules.py) and of what is not judged (limits.py)."""


def rows(scenario: str) -> list[str]:
    """The rows of docs/findings.md about a scenario."""
    return [line for line in FINDINGS.splitlines() if re.match(rf"\| {scenario}\b[^|]*\|", line)]


@pytest.mark.parametrize("scenario", measured())
def test_what_counts_as_measured_stands_in_the_findings(scenario: str) -> None:
    """Scenario, run and number of cycles are in one row, and its ledger is closed."""
    found = measured()[scenario]
    (row,) = [line for line in rows(scenario) if f"`{found.run}`" in line]
    assert f"| {found.cycles} |" in row
    assert "| closed" in row or "; Ready;" in row or "not Ready;" in row
    assert found.saw


@pytest.mark.parametrize("scenario", sorted({rule.scenario for rule in RULES} | OPTIONS))
def test_a_rule_speaks_of_what_can_be_measured_and_warns_once_it_was(scenario: str) -> None:
    """What was measured is in the catalogue. A result in the findings that measured.toml lacks would keep a rule silent."""
    assert scenario in SCENARIOS or scenario not in measured()
    assert bool(rows(scenario)) == (scenario in measured()), f"bring harness/advise/measured.toml up to date for {scenario}"


def test_every_constant_names_its_runs() -> None:
    """By scenario and, where it is a number of one run, by the run's id."""
    for name in set(Model.__dataclass_fields__) - {"name"}:
        source = getattr(model(), name).source
        assert re.search(r"\b[SN]\d+", source), name
        for run in re.findall(r"\b[0-9a-f]{8}\b", source):
            assert run in FINDINGS or run in {"49dc45a2", "f2b397cc"}, (name, run)


@pytest.mark.parametrize(
    ("old", "new"),
    [("[restart]", "[restarted]"), ("lo = 1.0\n", ""), ("hi = 0.7", 'hi = "soon"'), ("hi = 0.7", "hi = 0.1")],
    ids=["another constant", "no end", "no number", "no interval"],
)
def test_a_damaged_model_is_refused(tmp_path: Path, old: str, new: str) -> None:
    """A fit that writes another file than the program reads must not be taken for one."""
    text = MODEL.read_text(encoding="utf-8")
    assert old in text
    place = tmp_path / "model.toml"
    place.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(msgspec.ValidationError):
        model(place)


def test_the_names_of_rules_are_unique() -> None:
    """CI configurations name them."""
    assert len({rule.name for rule in RULES}) == len(RULES)
