"""What tests of several rooms share."""

from __future__ import annotations

import pytest
from tenacity import wait_fixed

from harness.adapters import wait


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits look every 10 ms at the most: what is asked answers from memory, and only the deadline is part of the test."""
    monkeypatch.setattr(wait, "wait_fixed", lambda every_s: wait_fixed(min(every_s, 0.01)))
