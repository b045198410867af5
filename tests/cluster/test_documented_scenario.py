"""The scenario of docs/your-own-scenario.md is run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.experiment import Experiment

DOCUMENT = Path(__file__).parents[2] / "docs" / "your-own-scenario.md"


@pytest.mark.cluster
def test_the_documented_scenario_runs_as_it_stands(experiment: Experiment) -> None:
    """What users copy first has to work, word for word."""
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 1
    names: dict[str, object] = {}
    exec(compile(blocks[0], str(DOCUMENT), "exec"), names)  # noqa: S102 - the document is ours
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 1
    assert callable(tests[0])
    tests[0](experiment)
