"""Each test that needs a cluster says so, or no target would run it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "cluster").glob("test_*.py")), ids=lambda path: path.stem)
def test_each_module_of_the_cluster_suite_has_its_mark(path: Path) -> None:
    """`make cluster-test` selects by the mark; a module without it was never run (test_node_door)."""
    text = path.read_text(encoding="utf-8")
    assert "pytest.mark.cluster" in text
