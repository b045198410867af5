"""The README's own scenario, taken from the README, is run as a user would run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.experiment import Experiment

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.cluster
def test_the_readmes_scenario_runs_as_it_stands(experiment: Experiment) -> None:
    """What users copy first has to work, word for word."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 1
    names: dict[str, object] = {}
    exec(compile(blocks[0], str(README), "exec"), names)  # noqa: S102 - the README is ours
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 1
    assert callable(tests[0])
    tests[0](experiment)
