"""What each test of the sources starts from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.adapters.files import State
from tests.unit.sources.site import Site, serving


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state directory of the test's own."""
    return State(tmp_path / "state")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A running server; proxies of the environment are taken away."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        yield running
