"""Fixtures of the cluster room's tests: nothing here starts a program or touches an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.adapters.files import State
from tests.unit.cluster.kit import FakeEngine, Said


@pytest.fixture
def engine() -> FakeEngine:
    """An engine that holds nothing."""
    return FakeEngine()


@pytest.fixture
def said() -> Said:
    """What the people were told."""
    return Said()


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state directory of this test's own."""
    return State(tmp_path / "state")
