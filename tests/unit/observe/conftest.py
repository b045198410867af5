"""Nothing an observer started outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.observe.kit import observers_running, until


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    until("the end of every observer thread", lambda: not observers_running())
